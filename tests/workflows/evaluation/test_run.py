"""The whole evaluation on a tiny virtual study: the report's keys, its page, its guards."""

import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from icicore.errors import Cancelled, StudyError
from icicore.evaluation.metrics import auc_roc
from icicore.models.bundle import load_bundle
from icicore.simulate.truth_store import read_study_truth
from icicore.training.tissue import split_slides
from icicore.workflows.evaluation.faithfulness import FaithfulnessLimits
from icicore.workflows.evaluation.features import FeatureLimits
from icicore.workflows.evaluation.prepared import EvaluationSpec
from icicore.workflows.evaluation.run import evaluate_bundles, evaluate_on
from tests.workflows.evaluation.conftest import untrained

SPEC = EvaluationSpec(
    bootstrap=100,
    features=FeatureLimits(attributed=4, steps=4, genes=4, gene_repeats=1, repeats=3),
    faithfulness=FaithfulnessLimits(patients=4, steps=4),
)
DESIGN_KEYS = {
    "schema", "study", "split", "prevalence", "models", "oracle", "pairs", "subgroups", "modality_subsets", "features",
    "faithfulness", "reference_paper",
}  # fmt: skip
METRICS = {"auc_roc", "auc_pr", "accuracy", "f1", "sensitivity", "specificity", "brier", "ece"}


@pytest.fixture(scope="module")
def outcome(world, tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    kinds = ("multimodal", "concat", "clinical")
    report = evaluate_bundles(world.folder, [world.bundles[k] for k in kinds], out, spec=SPEC)
    return report, out


def test_the_report_has_the_agreed_keys_and_is_plain_json(outcome):
    report, out = outcome
    assert report == json.loads((out / "report.json").read_text())
    assert set(report) >= DESIGN_KEYS
    assert set(report["split"]) == {"train", "val", "test"}
    for model in report["models"]:
        assert set(model) >= {"name", "bundle", "n", "threshold"} | METRICS
        assert all(set(model[m]) == {"value", "interval95"} for m in METRICS)
    assert set(report["oracle"]) >= {"auc_roc", "histology", "genomics", "clinical", "efficiency"}
    assert all(set(p) >= {"a", "b", "auc_difference", "interval95", "delong_p"} for p in report["pairs"])
    assert all(set(f) >= {"rank", "modality", "name", "importance", "planted"} for f in report["features"])


def test_models_and_comparators_stand_side_by_side(outcome, world):
    report, _ = outcome
    names = [m["name"] for m in report["models"]]
    assert names[:3] == ["multimodal", "concat", "clinical"]
    assert {"TMB", "clinical logistic regression"} <= set(names)
    assert "LORIS" not in names  # nobody has its inputs
    assert report["main"] == "multimodal"
    assert report["n"] == len(world.split.test)


def test_all_seven_subsets_are_scored_among_who_has_them(outcome, world):
    report, _ = outcome
    rows = {r["subset"]: r for r in report["modality_subsets"]}
    assert len(rows) == 7
    has_slide = np.diff(world.study.offsets)[world.split.test] > 0
    assert rows["histology"]["n"] == has_slide.sum()
    assert rows["histology+genomics+clinical"]["n"] <= rows["histology+clinical"]["n"] <= rows["clinical"]["n"]


def test_the_oracle_is_that_of_the_same_patients(outcome, world):
    report, _ = outcome
    truth = read_study_truth(world.folder).loc[[world.study.patients[i] for i in world.split.test]]
    expected = auc_roc(world.study.responder[world.split.test], truth["oracle_probability"].to_numpy())
    assert report["oracle"]["auc_roc"] == pytest.approx(expected, abs=1e-6)


def test_features_of_all_modalities_are_ranked_beside_the_planted_truth(outcome):
    report, _ = outcome
    rows = report["features"]
    assert [r["rank"] for r in rows] == list(range(1, len(rows) + 1))
    assert {r["modality"] for r in rows} == {"histology", "genomics", "clinical"}
    planted = {r["name"]: r["planted"] for r in rows}
    assert planted["LDH"] is planted["ECOG"] is True
    assert planted["sex"] is False
    importance = [r["importance"] for r in rows]
    assert importance == sorted(importance, reverse=True)


def test_every_kind_of_explanation_gets_one_number(outcome):
    kinds = outcome[0]["faithfulness"]["kinds"]
    assert set(kinds) == {"attention", "contribution", "genes", "gene_attention", "gradcam"}
    for kind in ("attention", "contribution", "genes"):
        assert kinds[kind]["n"] == 4
        assert np.isfinite(kinds[kind]["value"])
    assert outcome[0]["faithfulness"]["leave_one_tile_out"]["contribution"]["value"] > 0.5


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [v for k, v in attrs if k in ("src", "href", "action", "data") and v]


def test_the_page_asks_for_nothing_and_runs_nothing(outcome):
    text = (outcome[1] / "report.html").read_text()
    page = _Links()
    page.feed(text)
    assert page.addresses == []
    assert not {"script", "link", "iframe", "img", "object", "embed"} & set(page.tags)
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", text)
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    assert {"svg", "table"} <= set(page.tags)


def test_the_page_labels_virtual_data_and_the_reference_papers_figures(outcome):
    text = (outcome[1] / "report.html").read_text()
    assert "Research use only" in text
    assert "say nothing about real patients" in text
    assert "figures of the reference paper" in text
    assert "they are not ours" in text
    assert "nan" not in re.sub(r"<style>.*</style>", "", text, flags=re.S).lower().split()


def test_the_same_seed_gives_the_same_report(world, tmp_path):
    bundle = load_bundle(world.bundles["clinical"])
    first, second = (evaluate_on(world.study, world.folder, [bundle], tmp_path / name, spec=SPEC) for name in "ab")
    first.pop("seconds"), second.pop("seconds")
    assert first == second
    assert first["main"] == "clinical"
    assert {f["modality"] for f in first["features"]} == {"clinical"}


def test_without_truth_there_is_no_oracle_and_nothing_is_planted(world, multimodal, tmp_path):
    report = evaluate_on(world.study, tmp_path, [multimodal], tmp_path / "out", spec=SPEC)
    assert report["oracle"] is None
    assert {f["planted"] for f in report["features"]} == {None}
    assert "no oracle" in " ".join(report["notes"])


def test_a_model_whose_modality_nobody_has_gets_no_score(world, tmp_path):
    study = replace(
        world.study, tiles=world.study.tiles[:0], tile_index=world.study.tile_index[:0], offsets=world.study.offsets * 0
    )
    bundles = [load_bundle(world.bundles[kind]) for kind in ("image", "clinical")]
    report = evaluate_on(study, world.folder, bundles, tmp_path / "out", spec=SPEC)
    rows = {m["name"]: m for m in report["models"]}
    assert (rows["image"]["n"], rows["image"]["auc_roc"]["value"]) == (0, None)
    assert report["main"] == "clinical"
    assert "image: no patient has what it looks at" in " ".join(report["notes"])
    with pytest.raises(StudyError, match="nothing that these bundles look at"):
        evaluate_on(study, world.folder, bundles[:1], tmp_path / "out", spec=SPEC)


def test_cancelling_leaves_nothing(world, tmp_path):
    def stop(done: int, total: int, what: str) -> None:
        if what.startswith("scoring"):
            raise Cancelled("the evaluation")

    with pytest.raises(Cancelled):
        bundle = load_bundle(world.bundles["clinical"])
        evaluate_on(world.study, world.folder, [bundle], tmp_path / "out", spec=SPEC, progress=stop)
    assert not (tmp_path / "out").exists()


def test_too_few_patients_are_refused(world, tmp_path):
    few = replace(world.split, test=world.split.test[:15])
    bundle = untrained(tmp_path / "few-virtual", world.study, few, kind="clinical")
    with pytest.raises(StudyError, match="15 test patients are too few"):
        evaluate_on(world.study, world.folder, [bundle], tmp_path / "out", spec=SPEC)


_seen: list[str] = []
_listening = False


def _hook(event: str, args: tuple[object, ...]) -> None:
    if _listening and event == "open" and isinstance(args[0], str) and "/truth/" in args[0]:
        frame, names = sys._getframe(1), []
        while frame is not None:
            names.append(frame.f_globals.get("__name__", ""))
            frame = frame.f_back
        _seen.append(next((n for n in names if n.startswith("icicore.workflows.evaluation")), "elsewhere"))


sys.addaudithook(_hook)  # hooks cannot be removed, so this one is only switched


def test_only_the_oracle_section_opens_the_truth(world, tmp_path):
    global _listening
    _listening = True
    try:
        bundle = load_bundle(world.bundles["clinical"])
        evaluate_on(world.study, world.folder, [bundle], tmp_path / "out", spec=SPEC)
    finally:
        _listening = False
    assert set(_seen) == {"icicore.workflows.evaluation.truth"}


def test_tiles_of_several_slides_are_told_apart():
    one = np.array([[0, 0], [0, 1], [2, 0]], np.int32)
    assert split_slides(one) == [slice(0, 3)]
    assert split_slides(np.concatenate([one, one[:2]])) == [slice(0, 3), slice(3, 5)]
