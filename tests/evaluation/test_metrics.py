"""Metrics against scikit-learn, and what they do where nothing is defined."""

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from icicore.evaluation import metrics


def cases():
    rng = np.random.default_rng(0)
    for n, rate, decimals in ((200, 0.36, 6), (60, 0.1, 1), (37, 0.8, 0), (2, 0.5, 3)):
        y = rng.random(n) < rate
        y[:2] = [True, False]
        p = np.round(np.clip(rng.random(n) * 0.7 + 0.3 * y, 0, 1), decimals)  # rounding makes ties
        yield pytest.param(y, p, id=f"n={n} decimals={decimals}")


@pytest.mark.parametrize(("y", "p"), list(cases()))
def test_metrics_agree_with_scikit_learn(y, p):
    call = p >= 0.5
    assert metrics.auc_roc(y, p) == pytest.approx(sk.roc_auc_score(y, p))
    assert metrics.auc_pr(y, p) == pytest.approx(sk.average_precision_score(y, p))
    assert metrics.accuracy(y, call) == pytest.approx(sk.accuracy_score(y, call))
    assert metrics.f1(y, call) == pytest.approx(sk.f1_score(y, call, zero_division=0))
    assert metrics.sensitivity(y, call) == pytest.approx(sk.recall_score(y, call))
    assert metrics.specificity(y, call) == pytest.approx(sk.recall_score(~y, ~call))
    assert metrics.brier(y, p) == pytest.approx(sk.brier_score_loss(y, p))


def test_calibration_error_is_the_weighted_gap_of_the_reliability_curve():
    rng = np.random.default_rng(1)
    p = rng.random(500)
    y = rng.random(500) < p**2
    observed, predicted = calibration_curve(y, p, n_bins=10)
    share = np.bincount(np.minimum((p * 10).astype(int), 9), minlength=10) / 500
    assert metrics.ece(y, p) == pytest.approx(float(np.sum(np.abs(observed - predicted) * share)))


def test_a_perfect_forecast_has_no_error():
    y = np.array([True, False, True, False])
    p = y.astype(float)
    assert [metrics.auc_roc(y, p), metrics.brier(y, p), metrics.ece(y, p)] == [1.0, 0.0, 0.0]


def test_one_class_only_is_undefined():
    y = np.array([True, True])
    assert np.isnan(metrics.auc_roc(y, [0.1, 0.9]))
    assert np.isnan(metrics.specificity(y, [True, False]))
    assert np.isnan(metrics.auc_pr(~y, [0.1, 0.9]))


def test_vectors_of_different_length_are_refused():
    with pytest.raises(ValueError, match="one length"):
        metrics.auc_roc([True, False], [0.1])
