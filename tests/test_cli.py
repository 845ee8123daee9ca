"""The command line as a user runs it: exit codes, one-line errors, nothing left behind."""

import json
from pathlib import Path

import pytest

from tests.commands import Done, run_process
from tests.commands import run_inside as run
from tests.shared_data import shared


def assert_one_line_error(done: Done, *words: str) -> None:
    assert done.returncode == 1, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in lines[0], lines[0]


def case_with(folder: Path, slide: Path | None = None, **record: object) -> Path:
    folder.mkdir(parents=True)
    content = {"case_id": "P-001", "tumour_type": "nsclc", **record}
    (folder / "case.json").write_text(json.dumps(content))
    if slide is not None:
        (folder / "slides").mkdir()
        (folder / "slides" / slide.name).symlink_to(slide)
    return folder


COMMANDS = ("doctor", "demo", "simulate", "embed", "predict", "explain", "train", "tune", "evaluate", "bundles")


@pytest.mark.parametrize("command", [*COMMANDS, "report", "audit"])
def test_every_command_has_help_with_an_example(command, tmp_path):
    done = run(command, "--help", home=tmp_path)
    assert done.returncode == 0
    assert "Example:" in done.stdout
    assert f"icicore {command}" in done.stdout


@pytest.mark.parametrize(
    "args",
    [["predict"], ["predict", "x", "--drop", "urine", "--json", "-"], ["nonsense"], ["simulate", "--patients", "0"]],
)
def test_wrong_usage_exits_with_2(args, tmp_path):
    assert run(*args, home=tmp_path).returncode == 2


def test_doctor_reports_as_json(tmp_path):
    done = run("doctor", "--json", home=tmp_path)
    report = json.loads(done.stdout)
    assert done.returncode == 0, report["problems"]
    assert report["ok"] is True
    assert any(b["name"] == "efficientnet_lite0" and b["available"] for b in report["backbones"])
    assert report["bundles"][0]["promoted"] is True


def test_doctor_fails_without_a_bundle(tmp_path):
    done = run("doctor", home=tmp_path, ICICORE_CHECKPOINTS=str(tmp_path / "none"))
    assert done.returncode == 1
    assert "holds no bundle" in done.stdout


def test_a_missing_case_gets_one_line(tmp_path):
    out = tmp_path / "p.json"
    assert_one_line_error(
        run_process("predict", tmp_path / "absent", "--json", out, home=tmp_path / "h"), "no such folder"
    )
    assert not out.exists()


def test_all_modalities_dropped_gets_one_line(tmp_path):
    case = case_with(tmp_path / "c", clinical={"age": 60})
    done = run("predict", case, "--drop", "clinical", "--json", tmp_path / "p.json", home=tmp_path / "h")
    assert_one_line_error(done, "nothing is left to score")


def test_clinical_values_alone_are_scored_and_a_real_case_is_limited(tmp_path):
    case = case_with(tmp_path / "c", clinical={"age": 60, "sex": "F", "ecog": 1, "ldh_uln": 1.1})
    out = tmp_path / "p.json"
    done = run_process("predict", case, "--json", out, home=tmp_path / "h")
    assert done.returncode == 0, done.stderr
    prediction = json.loads(out.read_text())
    assert prediction["modality_weights"] == {"histology": None, "genomics": None, "clinical": 1.0}
    assert prediction["status"] == "limited"
    assert prediction["call"] is None
    assert "virtual_training" in [r["code"] for r in prediction["reasons"]]


BROKEN = {
    "empty.svs": "empty",
    "histolab_broken.svs": "",
    "openslidepy_boxes.tiff": "not plausible",
    "openslidepy_boxes_0.dcm": "",
    "openslidepy_small.svs": "",
    "openslidepy_unopenable.tiff": "",
    "openslidepy_unreadable.svs": "",
    "pathml_small_HE_levels.tiff": "not plausible",
    "png_renamed.svs": "PNG",
    "qupath_cells.ome.tif": "",
    "text_renamed.svs": "text",
    "truncated_LUSC_HE3.svs": "",
}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "word"), BROKEN.items())
def test_every_broken_slide_gets_one_line_and_leaves_nothing(name, word, tmp_path):
    case = case_with(tmp_path / "c", shared(f"slides/broken/{name}"))
    home, out = tmp_path / "h", tmp_path / "p.json"
    assert_one_line_error(run_process("predict", case, "--json", out, home=home), name, word)
    assert not out.exists()
    assert not list(home.glob("predictions/*"))
    assert not list(home.glob("embeddings/**/*.safetensors"))
    assert_one_line_error(run_process("embed", shared(f"slides/broken/{name}"), home=home), name)


def test_audit_verify_says_intact_and_prints_the_head(tmp_path):
    done = run("audit", "verify", home=tmp_path)
    assert (done.returncode, done.stdout) == (0, "0 rows, 0 signed reviews: intact\n"), done.stderr
    report = json.loads(run("audit", "verify", "--json", home=tmp_path).stdout)
    assert report["ok"] and report["head"] is None
    assert_one_line_error(run("audit", "verify", "--expect", "x", home=tmp_path), "NUMBER:DIGEST")


def test_audit_verify_exits_with_1_when_rows_are_missing(tmp_path):
    (tmp_path / "audit.head").write_text("not json")
    done = run_process("audit", "verify", home=tmp_path)
    assert done.returncode == 1
    assert "fault    audit.head cannot be read" in done.stdout


def test_report_refuses_what_it_cannot_write(tmp_path):
    case = case_with(tmp_path / "case", clinical={"age": 60})
    assert_one_line_error(run("report", case, "--out", tmp_path / "r.txt", home=tmp_path), ".pdf or .json")
