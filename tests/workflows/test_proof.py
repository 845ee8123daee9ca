"""The proof beside a bundle: the right numbers of the report, for exactly the state of the bundle that was tested."""

import json

import pytest

from icicore.errors import BundleError
from icicore.workflows.proof import (
    PROOF,
    not_beaten,
    patient_groups,
    proof_of,
    read_proof,
    rows_of_patient,
    verdict,
    write_proof,
)

DIGEST = "a" * 64


def auc(value, low, high):
    return {"value": value, "interval95": [low, high]}


def model(name, bundle, value):
    row = {"name": name, "bundle": bundle, "kind": "model" if bundle else "comparator", "n": 50, "responders": 20}
    row |= {"threshold": 0.3, "auc_roc": auc(value, value - 0.1, value + 0.1), "delong95": [0, 1], "auc_pr": None}
    return row | dict.fromkeys(("sensitivity", "specificity", "brier", "ece"))


def pair(a, b, difference, low, high):
    return {"a": a, "b": b, "n": 48, "auc_difference": difference, "interval95": [low, high], "delong_p": 0.01}


def group(grouping, name):
    return {"grouping": grouping, "group": name, "n": 20, "responders": 7, "auc_roc": auc(0.8, 0.7, 0.9)}


@pytest.fixture
def report():
    curve = {"x": [0, 1], "y": [0, 1], "grid": [0, 1], "low": [0, 1], "high": [0, 1]}
    return {
        "study": "s",
        "virtual_study": True,
        "virtual": True,
        "external": False,
        "endpoint": "ORR",
        "n": 50,
        "responders": 20,
        "prevalence": 0.4,
        "bootstrap": 100,
        "main": "multimodal",
        "bundles": [{"name": "other", "digest": "b" * 64}, {"name": "main-virtual", "digest": DIGEST}],
        "models": [
            model("image", "other", 0.7),
            model("multimodal", "main-virtual", 0.82),
            model("TMB", None, 0.66),
            model("LORIS", None, 0.8),
        ],
        "pairs": [
            pair("image", "multimodal", -0.12, -0.2, -0.04),
            pair("multimodal", "TMB", 0.16, 0.05, 0.27),
            pair("multimodal", "LORIS", 0.02, -0.06, 0.1),
            pair("image", "TMB", 0.04, -0.1, 0.2),
        ],
        "curves": {"multimodal": {"roc": curve, "pr": curve}, "TMB": {"roc": curve, "pr": curve}},
        "calibration": {"multimodal": {"n": 50, "bins": [], "ece": 0.04}, "image": {}},
        "subgroups": [group("tumour type", "nsclc"), group("tumour type", "melanoma"), group("age", "65 to 74")]
        + [group("sex", "female"), group("sex", "unknown"), group("site", "nsclc")],
        "created_with": {"icicore": "0.1.0"},
    }


def test_the_main_model_keeps_its_curve_its_calibration_and_the_digest_that_was_tested(report):
    proof = proof_of(report)
    assert (proof["bundle"], proof["bundle_digest"]) == ("main-virtual", DIGEST)
    assert set(proof["curves"]) == set(proof["calibration"]) == {"multimodal"}
    assert set(proof["curves"]["multimodal"]) == {"roc"}
    assert [row["name"] for row in proof["models"]] == ["image", "multimodal", "TMB", "LORIS"]


def test_differences_are_those_of_the_main_model_whichever_stands_first(report):
    against = proof_of(report)["against"]
    assert set(against) == {"image", "TMB", "LORIS"}
    assert against["image"]["auc_difference"] == pytest.approx(0.12)
    assert against["image"]["interval95"] == pytest.approx([0.04, 0.2])


def test_it_says_so_when_the_model_does_not_beat_a_score(report):
    proof = proof_of(report)
    assert verdict(proof, "tmb")["beats"] is True
    assert verdict(proof, "loris")["beats"] is False
    assert verdict(proof, "pdl1") is None  # they were not compared
    assert not_beaten(proof, ("tmb", "pdl1", "loris")) == ["loris"]


def test_a_proof_is_read_for_the_state_that_was_tested_alone(report, tmp_path):
    assert read_proof(tmp_path, DIGEST) is None
    write_proof(tmp_path, report)
    assert read_proof(tmp_path, DIGEST) == json.loads((tmp_path / PROOF).read_text())
    with pytest.raises(BundleError, match="another state of this model; run icicore evaluate"):
        read_proof(tmp_path, "c" * 64)


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"schema": 9, "bundle_digest": ""}', '{"schema": 1, "bundle_digest": ""}']
)
def test_a_proof_that_cannot_be_used_is_one_line(content, tmp_path):
    (tmp_path / PROOF).write_text(content)
    with pytest.raises(BundleError, match="proof.json: ") as caught:
        read_proof(tmp_path, DIGEST)
    assert "\n" not in str(caught.value)


def test_a_patient_gets_the_rows_of_all_groups_it_belongs_to(report):
    prediction = {
        "tumour_type": "nsclc",
        "clinical": [{"name": "age", "value": 65.0}, {"name": "sex", "value": "F"}],
    }
    found = rows_of_patient(proof_of(report), prediction)
    assert [(r["grouping"], r["group"]) for r in found] == [
        ("tumour type", "nsclc"),
        ("age", "65 to 74"),
        ("sex", "female"),
    ]
    assert patient_groups({"tumour_type": "melanoma"}) == {"tumour type": "melanoma"}
