"""Curves against scikit-learn and against what net benefit means."""

import numpy as np
import pytest
from sklearn import metrics as sk

from icicore.evaluation.bootstrap import resamples
from icicore.evaluation.curves import net_benefit, pr_curve, pr_points, roc_curve, roc_points, treat_all
from icicore.evaluation.metrics import auc_roc


@pytest.fixture(params=[3, 20, 10_000], ids=["many ties", "some ties", "no ties"])
def cohort(request):
    rng = np.random.default_rng(request.param)
    y = rng.random(180) < 0.4
    return y, np.round(rng.random(180) * 0.7 + 0.25 * y, 1 if request.param < 30 else 6)


def test_roc_equals_scikit_learn(cohort):
    y, p = cohort
    x, height = roc_points(y, p)
    expected_x, expected, _ = sk.roc_curve(y, p, drop_intermediate=False)
    np.testing.assert_allclose(x, expected_x)
    np.testing.assert_allclose(height, expected)
    assert np.trapezoid(height, x) == pytest.approx(auc_roc(y, p))


def test_pr_equals_scikit_learn(cohort):
    y, p = cohort
    recall, precision = pr_points(y, p)
    expected, expected_recall, _ = sk.precision_recall_curve(y, p)
    np.testing.assert_allclose(recall[1:], expected_recall[:-1][::-1][: len(recall) - 1])
    np.testing.assert_allclose(precision[1:], expected[:-1][::-1][: len(recall) - 1])


def test_bands_lie_around_the_curve_and_reach_the_corners(cohort):
    y, p = cohort
    draws = resamples(y, np.random.default_rng(0), n=200)
    for curve in (roc_curve(y, p, draws), pr_curve(y, p, draws)):
        assert (curve.low <= curve.high).all()
        assert curve.high.max() <= 1
        assert curve.low.min() >= 0
    roc = roc_curve(y, p, draws)
    assert roc.low[-1] == roc.high[-1] == 1
    inside = np.interp(roc.grid, roc.x, roc.y)
    assert np.mean((roc.low - 0.1 <= inside) & (inside <= roc.high + 0.1)) > 0.95


def test_net_benefit_by_hand():
    y, p = np.array([True, True, False, False, False]), np.array([0.9, 0.3, 0.6, 0.2, 0.1])
    # at 0.5 one responder and one non-responder are treated: 1/5 - 1/5 * 0.5/0.5
    np.testing.assert_allclose(net_benefit(y, p, np.array([0.5, 0.25])), [0.0, 2 / 5 - 1 / 5 / 3])
    np.testing.assert_allclose(treat_all(y, np.array([0.4])), [0.0])  # prevalence 0.4: indifferent there
