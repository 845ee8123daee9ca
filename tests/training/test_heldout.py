"""Calibration and threshold from patients left out: checked on a simulated ensemble of which the truth is known."""

import numpy as np
import pytest
from scipy.special import expit

from icicore.evaluation.calibration import platt
from icicore.training.heldout import member_variance, operating_point


def ensemble(rng, n, *, members=5, noise=0.8, left_out=0.37):
    """Members see the patient's log-odds plus noise of their own; some did train on the patient."""
    odds = rng.normal(-0.5, 1.2, n)
    labels = rng.random(n) < expit(odds)
    logits = 0.6 * odds + noise * rng.normal(size=(members, n))
    known = rng.random((members, n)) < left_out
    return logits, np.where(known, logits, np.nan), labels


def error(point, logits, labels):
    """Difference of slope and intercept from a calibration on unlimited patients."""
    slope, intercept = platt(logits.mean(axis=0), labels)
    return point.calibration.slope - slope, point.calibration.intercept - intercept


def test_it_is_that_of_the_ensemble_although_patients_are_scored_by_few_members():
    rng = np.random.default_rng(0)
    whole, _, labels = ensemble(rng, 200_000)
    _, held, own = ensemble(rng, 40_000)
    some = np.isfinite(held).any(axis=0)
    point = operating_point(held[:, some], own[some], sensitivity=0.9)
    assert error(point, whole, labels) == pytest.approx((0, 0), abs=0.06)
    naive = platt(np.nanmean(held[:, some], axis=0), own[some])[0]
    assert naive < point.calibration.slope - 0.1  # noisier scores deserve less trust than the ensemble's


def test_more_patients_give_a_steadier_calibration_and_threshold():
    few, many = [], []
    for seed in range(60):
        rng = np.random.default_rng([seed, 1])
        whole, held, labels = ensemble(rng, 900)
        held[:, :124] = whole[:, :124]
        some = np.isfinite(held).any(axis=0)
        few.append(operating_point(whole[:, :124], labels[:124], sensitivity=0.9))
        many.append(operating_point(held[:, some], labels[some], sensitivity=0.9))
    assert np.std([p.threshold for p in many]) < 0.6 * np.std([p.threshold for p in few])
    assert np.std([p.calibration.intercept for p in many]) < 0.6 * np.std([p.calibration.intercept for p in few])


def test_the_threshold_keeps_its_sensitivity_on_new_patients():
    rng = np.random.default_rng(3)
    whole, _, labels = ensemble(rng, 100_000)
    _, held, own = ensemble(rng, 20_000)
    some = np.isfinite(held).any(axis=0)
    point = operating_point(held[:, some], own[some], sensitivity=0.9)
    called = expit(point.calibration.slope * whole.mean(axis=0) + point.calibration.intercept) >= point.threshold
    assert called[labels].mean() == pytest.approx(0.9, abs=0.02)


def test_a_single_member_is_calibrated_plainly():
    rng = np.random.default_rng(4)
    whole, _, labels = ensemble(rng, 300, members=1)
    point = operating_point(whole, labels, sensitivity=0.9)
    assert (point.calibration.slope, point.calibration.intercept) == pytest.approx(platt(whole[0], labels))


def test_variance_between_members_is_pooled_and_ignores_lonely_ones():
    logits = np.array([[1.0, 5.0, np.nan], [3.0, np.nan, 2.0], [np.nan, np.nan, np.nan]])
    assert member_variance(logits[:2]) == pytest.approx(2.0)
    assert member_variance(logits[:1, :2]) == 0
