"""The measurement on public cohorts, on two tiny studies: it runs, splits as it says, and reports no nonsense."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.study_folder import edit, write_small_study

COMMAND = Path(__file__).resolve().parents[1] / "benchmarks" / "public_cohorts.py"


def write_cohort(folder: Path, *, seed: int) -> None:
    write_small_study(folder, seed=seed)
    (folder / "meta_study.txt").write_text(f"cancer_study_identifier: {folder.name}\ndescription: anti-PD-1 cohort\n")
    edit(
        folder / "data_clinical_sample.txt",
        lambda rows: [[*rows[0], "CANCER_TYPE"], *([*r, "Melanoma"] for r in rows[1:])],
    )


def measure(cohorts: Path, out: Path, *options: str) -> dict:
    environ = {**os.environ, "PYTHONWARNINGS": "default"}
    asked = [sys.executable, str(COMMAND), "--cohorts", str(cohorts), "--out", str(out), "--repeats", "2", *options]
    subprocess.run(asked, check=True, capture_output=True, env=environ, timeout=500)
    return json.loads((out / "public_cohorts.json").read_text())


@pytest.fixture
def cohorts(tmp_path: Path) -> Path:
    for seed, name in enumerate(("one", "two")):
        write_cohort(tmp_path / "cohorts" / name, seed=seed)
    (tmp_path / "cohorts" / "notes").mkdir()  # not a study: left out and named
    return tmp_path / "cohorts"


def test_simple_scores_of_two_small_cohorts(cohorts, tmp_path):
    result = measure(cohorts, tmp_path / "out", "--kinds", "--model-repeats", "0")
    assert set(result["cohorts"]) == {"one", "two"}
    assert [(r["test"], r["trained_on"]) for r in result["external"]] == [("one", ["two"]), ("two", ["one"])]
    for run in result["external"]:
        assert {"tmb", "pdl1", "clinical regression", "elastic net"} <= set(run["scores"])
        for score in run["scores"].values():
            low, high = score["interval95"]
            assert 0 <= low <= score["value"] <= high <= 1
    moved = result["normalisation"]["mean"]
    assert moved["cohort"]["moved"] < 0.01 < moved["training statistics"]["moved"]
    assert (tmp_path / "out" / "public_cohorts.md").read_text().count("| one |") == 3


@pytest.mark.slow
def test_the_models_of_the_package_are_measured_beside_them(cohorts, tmp_path):
    write_cohort(cohorts / "three", seed=2)
    options = ("--kinds", "genomic", "--members", "1", "--epochs", "1", "--model-repeats", "1")
    result = measure(cohorts, tmp_path / "out", *options)
    pair = result["external"][0]["pairs"][0]
    assert pair["model"] == "genomic"
    assert pair["interval95"][0] <= pair["difference"] <= pair["interval95"][1]
    assert result["within"][0]["scores"]["genomic"]["folds"] == 5
