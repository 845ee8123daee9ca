"""Calibration against scikit-learn, and thresholds by hand."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from icicore.errors import InputError
from icicore.evaluation.calibration import platt, temperature
from icicore.evaluation.metrics import sensitivity
from icicore.evaluation.threshold import sensitivity_first


def drawn(n: int, slope: float, intercept: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=n) * 3
    return logits, rng.random(n) < 1 / (1 + np.exp(-(slope * logits + intercept)))


def test_platt_agrees_with_logistic_regression_where_patients_are_many():
    logits, y = drawn(4000, 0.5, -0.7)
    reference = LogisticRegression(C=1e9).fit(logits[:, None], y)
    slope, intercept = platt(logits, y)
    assert slope == pytest.approx(reference.coef_[0, 0], abs=0.01)
    assert intercept == pytest.approx(reference.intercept_[0], abs=0.01)


def test_platt_stays_finite_where_patients_are_separable():
    slope, intercept = platt(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([False, False, True, True]))
    assert 0 < slope < 10
    assert abs(intercept) < 1


def test_platt_never_turns_a_ranking_round():
    logits, y = drawn(300, 1.0, 0.0)
    slope, intercept = platt(-logits, y)
    assert slope == 0
    assert 1 / (1 + np.exp(-intercept)) == pytest.approx(y.mean(), abs=0.01)


def test_platt_of_a_constant_score_meets_the_rate():
    y = np.array([True] * 30 + [False] * 70)
    slope, intercept = platt(np.full(100, 2.0), y)
    assert 1 / (1 + np.exp(-(slope * 2.0 + intercept))) == pytest.approx(0.3, abs=0.01)


def test_temperature_recovers_what_was_drawn():
    logits, y = drawn(4000, 0.5, 0.0)
    assert temperature(logits, y) == pytest.approx(2.0, abs=0.15)


def test_the_threshold_is_the_highest_that_keeps_the_sensitivity():
    y = np.array([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0], bool)
    p = np.array([0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5, 0.1, 0.45, 0.52, 0.05])
    threshold = sensitivity_first(y, p)
    assert 0.45 < threshold < 0.5
    assert sensitivity(y, p >= threshold) == 0.9
    assert sensitivity(y, p >= 0.51) < 0.9
    assert sensitivity(y, p >= sensitivity_first(y, p, at_least=1.0)) == 1.0


def test_the_threshold_needs_responders():
    with pytest.raises(InputError, match="holds no responder"):
        sensitivity_first(np.zeros(4, bool), np.linspace(0, 1, 4))
