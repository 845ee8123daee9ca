"""The command line: found bundles, one-line errors, and the card."""

import json
from shutil import copytree

from click.testing import CliRunner

from icicore.cli import cli
from icicore.models.bundle import load_bundle
from icicore.models.faithfulness import read_faithfulness
from icicore.workflows.evaluation.card import HEADING, update_card
from icicore.workflows.proof import read_proof

REPORT = {
    "main": "multimodal",
    "n": 50,
    "study": "s",
    "models": [{"name": "multimodal", "bundle": "b"}],
    "faithfulness": {
        "share_removed": 0.1,
        "kinds": {
            "attention": {"value": 0.3, "interval95": [0.1, 0.5], "n": 9, "meaning": "tile attention: how"},
            "gradcam": None,
        },
    },
}


def run(*args: object, home):
    return CliRunner().invoke(cli, ["evaluate", *map(str, args)], env={"ICICORE_HOME": str(home)})


def test_a_missing_study_or_bundle_is_one_line(world, tmp_path):
    for study, bundle, word in (
        (tmp_path / "none", world.bundles["clinical"], "is missing"),
        (world.folder, "absent", "absent"),
    ):
        done = run("--study", study, "--bundle", bundle, "--out", tmp_path / "out", home=tmp_path / "home")
        assert done.exit_code == 1
        assert word in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert not (tmp_path / "out").exists()


def test_the_command_writes_both_files_and_prints_every_model(world, tmp_path):
    out = tmp_path / "out"
    done = run(
        "--study", world.folder, "--bundle", world.bundles["clinical"], "--out", out, "--bootstrap", 100, home=tmp_path
    )
    assert done.exit_code == 0, done.output
    assert json.loads((out / "report.json").read_text())["models"][0]["bundle"] == world.bundles["clinical"].name
    assert (out / "report.html").is_file()
    assert "AUC-ROC" in done.stdout


def test_with_write_card_the_bundle_gets_its_proof_and_keeps_its_seal(world, tmp_path):
    bundle = tmp_path / "b-virtual"
    copytree(world.bundles["multimodal"], bundle)
    args = ("--study", world.folder, "--bundle", bundle, "--out", tmp_path / "out", "--bootstrap", 100, "--write-card")
    done = run(*args, home=tmp_path)
    assert done.exit_code == 0, done.output
    digest = load_bundle(bundle).digest
    proof, report = read_proof(bundle, digest), json.loads((tmp_path / "out" / "report.json").read_text())
    assert proof["n"] == report["n"] and proof["main"] == "multimodal"
    assert proof["calibration"]["multimodal"] == report["calibration"]["multimodal"]
    assert sum(b["n"] for b in proof["calibration"]["multimodal"]["bins"]) == proof["n"]
    assert set(proof["against"]) >= {"TMB", "PD-L1 (CD274)"}


def test_the_card_gets_one_section_that_is_replaced_and_the_bundle_still_loads(world, tmp_path):
    bundle = tmp_path / "b-virtual"
    copytree(world.bundles["clinical"], bundle)
    (bundle / "card.md").write_text(f"# b\n\n{HEADING}\n\nold numbers\n\n## Not for what\n\nNothing.\n")
    update_card(bundle, REPORT)
    update_card(bundle, REPORT)
    card = load_bundle(bundle).card
    assert card.count(HEADING) == 1
    assert "tile attention: 0.300 (0.100\N{EN DASH}0.500), n 9" in card
    assert "old numbers" not in card
    found = read_faithfulness(bundle, digest=load_bundle(bundle).digest)
    assert found == {"attention": {"value": 0.3, "interval95": [0.1, 0.5], "n": 9}}
    assert read_faithfulness(bundle, digest="another") == {}
    (bundle / "faithfulness.json").write_text("{")
    assert read_faithfulness(bundle, digest=load_bundle(bundle).digest) == {}
    assert card.rstrip().endswith("Nothing.")
