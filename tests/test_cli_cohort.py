"""Training on several cohorts as one from the command line, and testing the bundle on a part of them."""

import json
from pathlib import Path

import pytest

from icicore.models.bundle import load_bundle
from tests.commands import Done
from tests.commands import run_inside as run

RECIPE = {"model": "genomic", "members": 1, "epochs": 1, "comparisons": [], "bootstrap": 100}


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """Two imported virtual cohorts without slides, and a bundle trained on both."""
    home = tmp_path_factory.mktemp("cohorts")
    for seed, name in enumerate(("first", "second")):
        study = home / "made" / name
        finished(run("simulate", "--patients", 160, "--seed", seed, "--bank", 0, "--out", study, home=home))
        finished(run("import", study, "--name", name, "--checkpoint-inhibitor", home=home))
    (home / "recipe.json").write_text(json.dumps(RECIPE))
    finished(train(home, "first", "second", out="both"))
    return home


def train(home: Path, *studies: str, out: str, options: tuple[str, ...] = ()) -> Done:
    named = [word for study in studies for word in ("--study", study)]
    return run("train", *named, "--out", home / out, "--config", home / "recipe.json", *options, home=home)


def finished(done: Done) -> Done:
    assert done.returncode == 0, done.stderr
    return done


def test_a_bundle_of_two_cohorts_knows_both(home):
    cohort = load_bundle(home / "both").spec.cohort
    assert (cohort["study"], cohort["studies"]) == ("first+second", ["first", "second"])
    assert sum(cohort["n"].values()) == 320
    assert cohort["graded"] == cohort["n"]["train"]
    card = (home / "both" / "card.md").read_text()
    assert "Studies `first`, `second` as one (virtual" in card
    assert f"Of {cohort['graded']} training patients the loss also knew the grade" in card


def test_a_part_of_it_is_tested_on_its_held_out_patients_and_another_cohort_whole(home):
    held_out = load_bundle(home / "both").spec.cohort["n"]["test"]
    tested = {}
    for study in ("first", "second"):
        out = home / f"evaluation-{study}"
        done = run("evaluate", "--study", study, "--bundle", home / "both", "--bootstrap", 100, "--out", out, home=home)
        finished(done)
        tested[study] = json.loads((out / "report.json").read_text())["models"][0]["n"]
    assert sum(tested.values()) == held_out
    assert min(tested.values()) >= 20


@pytest.mark.parametrize(
    ("studies", "options", "words"),
    [
        (("first", "first"), (), ("study first is named twice",)),
        (("first", "second"), ("--reference-tiles",), ("--reference-tiles", "one study, but 2 were given")),
    ],
)
def test_what_cannot_be_trained_on_together_is_refused_in_one_line(home, studies, options, words):
    done = train(home, *studies, out="refused", options=options)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert all(word in done.stderr.strip().splitlines()[-1] for word in words), done.stderr
    assert not (home / "refused").exists()


def test_the_backbone_is_tuned_on_the_slides_of_one_study_only(home):
    (home / "tuned.json").write_text(json.dumps(RECIPE | {"model": "multimodal", "finetune_epochs": 1}))
    done = run(
        "train",
        "--study",
        "first",
        "--study",
        "second",
        "--out",
        home / "x",
        "--config",
        home / "tuned.json",
        home=home,
    )
    assert done.returncode == 1
    assert "finetune_epochs: reads the slides of one study" in done.stderr
