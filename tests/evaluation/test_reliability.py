"""Reliability: counts, refit and shift against scikit-learn and known truth."""

import numpy as np
import pytest
from scipy import special
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from icicore.evaluation.calibration import isotonic
from icicore.evaluation.metrics import ece
from icicore.evaluation.reliability import ece_debiased, ece_of_chance, refit, reliability, wilson


@pytest.fixture
def cohort():
    rng = np.random.default_rng(4)
    logit = rng.normal(-0.5, 1.2, 3000)
    return rng.random(3000) < special.expit(logit), logit


def test_a_calibrated_probability_has_slope_one_and_an_overconfident_one_less(cohort):
    y, logit = cohort
    slope, intercept = refit(y, special.expit(logit))
    assert slope == pytest.approx(1, abs=0.1)
    assert intercept == pytest.approx(0, abs=0.1)
    assert refit(y, special.expit(2 * logit))[0] == pytest.approx(slope / 2, abs=1e-6)


def test_the_refit_equals_scikit_learn(cohort):
    y, logit = cohort
    model = LogisticRegression(C=1e9, tol=1e-10).fit(logit[:, None], y)
    assert refit(y, special.expit(logit)) == pytest.approx((model.coef_[0, 0], model.intercept_[0]), abs=1e-3)


def test_bins_equal_scikit_learn_and_count_everybody(cohort):
    y, logit = cohort
    found = reliability(y, special.expit(logit))
    observed, predicted = calibration_curve(y, special.expit(logit), n_bins=10)
    np.testing.assert_allclose([b["observed"] for b in found["bins"]], observed)
    np.testing.assert_allclose([b["predicted"] for b in found["bins"]], predicted)
    assert sum(b["n"] for b in found["bins"]) == found["n"] == 3000
    assert all(b["interval95"][0] <= b["observed"] <= b["interval95"][1] for b in found["bins"])


def test_the_shift_meets_the_observed_rate(cohort):
    y, logit = cohort
    shift = reliability(y, special.expit(logit + 0.7))["calibration_in_the_large"]
    assert special.expit(logit + 0.7 + shift).mean() == pytest.approx(y.mean())
    assert shift == pytest.approx(-0.7, abs=0.1)


@pytest.mark.parametrize("y", [[True, True, True], [False, False, True]])
def test_what_has_no_finite_solution_is_none(y):
    assert refit(np.array(y), np.array([0.1, 0.2, 0.9])) == (None, None)


def test_wilson_intervals_stay_within_bounds_and_match_a_textbook_value():
    assert wilson(0, 10)[0] == 0
    assert wilson(10, 10)[1] == 1
    # Newcombe 1998, table I: 81 of 263, Wilson without continuity correction
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_isotonic_calibration_rises_and_equals_scikit_learn():
    rng = np.random.default_rng(0)
    logit = np.round(rng.normal(size=300), 1)
    y = rng.random(300) < special.expit(logit)
    found = isotonic(logit, y)
    assert (np.diff(found.probabilities) >= 0).all()
    target = np.where(y, (y.sum() + 1) / (y.sum() + 2), 1 / ((~y).sum() + 2))
    expected = IsotonicRegression(out_of_bounds="clip").fit(logit, target)
    np.testing.assert_allclose(found(np.linspace(-4, 4, 50)), expected.predict(np.linspace(-4, 4, 50)), atol=1e-9)


@pytest.mark.parametrize("shift", [-4.0, -2.5, 2.5, 4.0])
def test_the_refit_finds_its_way_back_from_far_away(shift):
    rng = np.random.default_rng(0)
    logit = rng.normal(size=64) * 1.4
    y = rng.random(64) < 1 / (1 + np.exp(-logit))
    slope, intercept = refit(y, 1 / (1 + np.exp(-logit)))
    moved = refit(y, 1 / (1 + np.exp(-(logit + shift))))
    assert moved == pytest.approx((slope, intercept - slope * shift), abs=1e-5)


def test_the_ece_of_chance_is_that_of_calibrated_outcomes_and_tells_an_overconfident_model(cohort):
    y, logit = cohort
    few, p = y[:250], special.expit(logit[:250])
    found = ece_of_chance(few, p)
    rng = np.random.default_rng(11)
    direct = [ece(rng.binomial(1, p).astype(bool), p) for _ in range(500)]
    assert found["mean"] == pytest.approx(np.mean(direct), abs=0.003)
    assert found["interval95"] == pytest.approx(np.quantile(direct, (0.025, 0.975)), abs=0.008)
    assert found["p"] > 0.05
    assert ece_of_chance(few, special.expit(4 * logit[:250]))["p"] < 0.01
    assert ece_of_chance(y, special.expit(logit))["mean"] < 0.5 * found["mean"]


@pytest.mark.parametrize("slope", [1.0, 1.6, 2.0, 0.7])
def test_without_its_bias_the_ece_of_few_patients_comes_nearer_to_that_of_very_many(slope):
    rng = np.random.default_rng(5)
    logit = rng.normal(-0.6, 1.6, 200_000)
    y, p = rng.random(len(logit)) < special.expit(logit), special.expit(slope * logit)
    truth, parts = ece(y, p), rng.integers(0, len(y), (100, 248))
    plain = np.array([ece(y[part], p[part]) for part in parts])
    found = np.array([ece_debiased(y[part], p[part], draws=300) for part in parts])
    assert abs(found.mean() - truth) < 0.75 * abs(plain.mean() - truth)
    assert np.mean((found - truth) ** 2) < np.mean((plain - truth) ** 2)
    assert ece_debiased(y, p) == pytest.approx(truth, abs=0.003)
