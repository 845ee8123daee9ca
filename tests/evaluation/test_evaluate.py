"""The assembled sections: every metric against scikit-learn, missing scores, and shared resamples."""

import numpy as np
import pytest
from sklearn import metrics as sk

from icicore.evaluation.bootstrap import all_metrics, resamples
from icicore.evaluation.evaluate import Scores, discrimination, restrict, subset_row


@pytest.fixture
def cohort():
    rng = np.random.default_rng(0)
    y = rng.random(160) < 0.4
    good, poor = (1 / (1 + np.exp(-(rng.normal(size=160) + k * (2 * y - 1)))) for k in (1.2, 0.2))
    return y, good, poor, resamples(y, rng, n=200)


def test_every_metric_has_a_second_opinion(cohort):
    y, p, _, draws = cohort
    row = discrimination(y, [Scores("multimodal", p, bundle="b", threshold=0.4)], draws)["models"][0]
    call = p >= 0.4
    expected = {
        "auc_roc": sk.roc_auc_score(y, p),
        "auc_pr": sk.average_precision_score(y, p),
        "accuracy": sk.accuracy_score(y, call),
        "f1": sk.f1_score(y, call),
        "sensitivity": sk.recall_score(y, call),
        "specificity": sk.recall_score(~y, ~call),
        "brier": sk.brier_score_loss(y, p),
    }
    for name, value in expected.items():
        assert row[name]["value"] == pytest.approx(value), name
        low, high = row[name]["interval95"]
        assert low <= value <= high
    assert row["ece"]["interval95"][0] <= row["ece"]["value"] <= row["ece"]["interval95"][1]


def test_the_interval_of_the_calibration_error_holds_its_value():
    rng = np.random.default_rng(9)
    p = rng.random(200)
    y = rng.random(200) < p
    found = all_metrics(y, p, threshold=0.5, draws=resamples(y, rng, n=300))["ece"]
    assert found.interval95[0] <= found.value <= found.interval95[1]


def test_a_score_without_threshold_or_calibration_claims_no_more_than_ranking(cohort):
    y, p, _, draws = cohort
    missing = np.where(np.arange(160) < 20, np.nan, p)
    found = discrimination(y, [Scores("multimodal", p, bundle="b", threshold=0.4), _plain(missing)], draws)
    row = found["models"][1]
    assert (row["n"], row["kind"]) == (140, "comparator")
    assert row["accuracy"]["value"] is row["brier"]["value"] is None
    assert row["auc_roc"]["value"] == pytest.approx(sk.roc_auc_score(y[20:], p[20:]))
    assert list(found["calibration"]) == ["multimodal"]
    pair = found["pairs"][0]
    assert (pair["n"], pair["auc_difference"]) == (140, 0.0)
    assert pair["delong_p"] == 1.0


def _plain(values: np.ndarray) -> Scores:
    return Scores("TMB", values, probability=False)


def test_a_rate_of_one_is_not_claimed_without_doubt(cohort):
    y, p, _, draws = cohort
    row = discrimination(y, [Scores("a", p, bundle="a", threshold=0.0)], draws)["models"][0]
    assert row["sensitivity"]["value"] == 1
    assert row["sensitivity"]["interval95"][0] < 0.96
    assert row["specificity"]["interval95"][1] > 0.02


def test_pairs_tell_a_good_model_from_a_poor_one(cohort):
    y, good, poor, draws = cohort
    found = discrimination(y, [Scores("a", good, bundle="a"), Scores("b", poor, bundle="b")], draws)["pairs"][0]
    assert found["delong_p"] < 0.001
    assert found["interval95"][0] > 0
    assert found["interval95"] == pytest.approx(found["delong95"], abs=0.03)


def test_nobody_scored_is_said_and_not_an_error(cohort):
    y, good, _, draws = cohort
    found = discrimination(y, [Scores("a", good, bundle="a"), _plain(np.full(160, np.nan))], draws)
    assert found["models"][1]["n"] == 0
    assert found["models"][1]["auc_roc"]["value"] is None
    assert found["pairs"] == []
    assert subset_row(y, "clinical", np.full(160, np.nan), draws)["auc_roc"]["value"] is None


def test_resamples_of_some_patients_are_those_patients_with_both_classes(cohort):
    y, _, _, draws = cohort
    known = np.arange(160) < 50
    some = restrict(draws, known, y)
    assert some.shape == (200, 50)
    assert some.max() < 50
    assert all(0 < y[known][rows].sum() < 50 for rows in some)
    np.testing.assert_array_equal(some, restrict(draws, known, y))
    counts = np.bincount(some.ravel(), minlength=50)
    assert counts.std() / counts.mean() < 0.15
