"""The document of results: stages that are made once, and a text that holds what the reports hold."""

import json
import re
from pathlib import Path

import pytest

from tests.reports.make_report import make_report

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture
def made(tmp_path):
    """Stages of a folder, and a stage that counts how often it was made."""
    from results.stages import Stages

    calls = []

    def run(spec, *, code=("domain.py",), fail=False, trust=False):
        def make(folder, progress):
            calls.append(sorted(p.name for p in folder.iterdir()))
            (folder / "half").write_text("")
            if fail:
                raise KeyboardInterrupt
            return {"n": len(calls)}

        return Stages(tmp_path, trust=trust).run("stage", spec, code, make)

    run.calls = calls
    return run


def test_a_finished_stage_is_not_made_again(made):
    assert made([1]).result == made([1]).result == {"n": 1}
    assert made([2]).result == {"n": 2}


def test_a_stopped_stage_continues_in_its_folder(made):
    with pytest.raises(KeyboardInterrupt):
        made([1], fail=True)
    done = made([1])
    assert made.calls == [["stage.json"], ["half", "stage.json"]]
    assert done.resumed


def test_other_source_makes_a_stage_anew_unless_it_is_trusted(made):
    first = made([1])
    assert made([1], code=("errors.py",), trust=True).result == first.result
    assert made([1], code=("errors.py",)).result == {"n": 2}
    assert made.calls == [["stage.json"]] * 2


def evaluated(result: dict):
    from results.stages import Done

    return Done("evaluate", Path(), result, 61.0, False)


def evaluations() -> dict:
    """One made-up report in all places, as the chain hands them over."""
    report = make_report()
    titles = {"a-virtual": "full recipe", "b-virtual": "plain fusion"}
    agreed = {"n": 5, "spearman": 0.9, "bias": -0.1}
    measures = {"TIL density at the margin": agreed, "tumour-stroma ratio": agreed}
    tiles = {
        "card": {"test_recall": {"tumour": 0.8}},
        "bank": {"slides": 6, "confusion": [[int(i == k) for i in range(7)] for k in range(7)], **measures},
        "study": {"TIL density at the margin, all": agreed},
        "real": [{"folder": "fat", "slide": "s1", "n": 4, "recall": 0.5}],
    }
    found = {name: evaluated(report) for name in ("reference", "no-signal", "missing", "shortcut")}
    found["shortcut-away"] = evaluated({**report, "n": 1190})
    found["elsewhere"] = evaluated({**report, "n": 1210})
    found["ablation"] = evaluated({**report, "titles": titles, "elsewhere": {**report, "n": 1210}})
    return {**found, "training": evaluated({"peak_gib": 1.5}), "tiles": evaluated(tiles), "public": None}


@pytest.fixture
def written(tmp_path):
    from results.document import write_document
    from results.plan import Plan

    found = evaluations()
    place = write_document(tmp_path, Plan(seed=7), found, [[], [found["reference"]], []], "make results SEED=7")
    return tmp_path, place.read_text(), found


def test_the_document_holds_the_numbers_of_the_reports(written):
    folder, text, found = written
    report = found["reference"].result
    for model in report["models"]:
        assert f"| {model['name']} | {model['n']} |" in text
        assert f"{model['auc_roc']['value']:.3f} [" in text
    assert "make results SEED=7" in text
    home, away = found["shortcut"].result["n"], found["shortcut-away"].result["n"]
    assert f"| at home, AUC-ROC, n {home} | on the reference cohort, n {away} |" in text
    assert "on 1,210 patients simulated from another seed" in text
    assert "reference paper, its cohort" in text
    assert "0.86 [0.83\N{EN DASH}0.89]" in text
    assert "AUC-ROC, n 1,210 of another seed" in text
    assert "no row" in text or "Outside its interval among the patients of another seed: plain fusion" in text
    assert str(folder) not in text


def test_figures_are_whole_files_without_colours_that_nobody_defines(written):
    folder, text, _ = written
    names = re.findall(r"\(figures/([^)]+)\)", text)
    assert {"roc.svg", "pr.svg", "calibration.svg", "decision.svg"} <= set(names)
    for name in names:
        svg = (folder / "figures" / name).read_text()
        assert svg.startswith("<svg ")
        assert svg.endswith("</svg>\n")
        assert set(re.findall(r"var\((--[\w]+)\)", svg)) <= set(re.findall(r"(--[\w]+):", svg))


def test_a_whole_document_has_no_faults_and_a_broken_one_has(written):
    from results.document import faults

    folder, text, found = written
    assert faults(folder, found) == []
    (folder / "figures" / "roc.svg").unlink()
    (folder / "results.md").write_text(f"{text}\nnan\n")
    broken = json.loads(json.dumps(found["missing"].result))
    broken["models"][0]["auc_roc"]["value"] = None
    wrong = faults(folder, {**found, "missing": evaluated(broken)})
    assert wrong == ["results.md: holds 'nan'", "roc.svg: is named but not there", "missing: multimodal has no AUC"]


def test_the_ablation_takes_every_remedy_away_and_adds_it_alone():
    from results.chain import IDLE, OFF, ablation_rows

    rows = [row.options for row in ablation_rows()]
    assert rows[0] == OFF
    assert [set(OFF) - set(row) for row in rows[1:7]] == [{remedy} for remedy in OFF]
    in_play = {remedy: off for remedy, off in OFF.items() if remedy != IDLE}
    assert rows[7:12] == [{remedy: off} for remedy, off in in_play.items()]
    assert rows[12] == {"freeze_arms": False}
    assert rows[13:] == [{"gene_signatures": False}, {"tissue_start": False}, {"attention_guide": 0.0}]
