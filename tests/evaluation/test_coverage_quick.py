"""Coverage of intervals whose truth is known exactly, quick enough for every run."""

import numpy as np
import pytest
from scipy import stats

from icicore.evaluation.bootstrap import all_metrics, resamples
from icicore.evaluation.delong import compare

N_COHORTS = 600


def test_bootstrap_intervals_of_the_brier_score_cover_its_true_value():
    """With p uniform and y drawn with probability p, the Brier score is the mean of p (1 - p), 1/6."""
    rng = np.random.default_rng(20)
    inside = []
    for _ in range(N_COHORTS):
        p = rng.random(200)
        y = rng.random(200) < p
        found = all_metrics(y, p, threshold=0.5, draws=resamples(y, rng, n=250), names=("brier",))["brier"]
        inside.append(found.interval95[0] <= 1 / 6 <= found.interval95[1])
    assert 0.93 <= np.mean(inside) <= 0.975


def test_bootstrap_intervals_of_sensitivity_cover_its_true_value():
    """A responder's score is normal around 1: at a threshold of 0.5 the sensitivity is Phi(0.5)."""
    rng, truth = np.random.default_rng(21), float(stats.norm.cdf(0.5))
    inside = []
    for _ in range(N_COHORTS):
        y = rng.random(250) < 0.4
        score = rng.normal(size=250) + y
        draws = resamples(y, rng, n=250)
        found = all_metrics(y, score, threshold=0.5, draws=draws, names=("sensitivity",))["sensitivity"]
        inside.append(found.interval95[0] <= truth <= found.interval95[1])
    assert 0.93 <= np.mean(inside) <= 0.975


def test_intervals_of_a_paired_difference_cover_its_true_value():
    """Two scores of the same patients that share noise; their AUC are Phi(d / sqrt 2) for distances d."""
    rng, near, far = np.random.default_rng(22), 0.6, 1.2
    truth = float(stats.norm.cdf(far / np.sqrt(2)) - stats.norm.cdf(near / np.sqrt(2)))
    inside = []
    for _ in range(N_COHORTS):
        y = rng.random(180) < 0.36
        shared = rng.normal(size=180) * np.sqrt(0.5)
        own = rng.normal(size=(2, 180)) * np.sqrt(0.5)
        low, high = compare(y, shared + own[0] + far * y, shared + own[1] + near * y).interval95
        inside.append(low <= truth <= high)
    assert 0.93 <= np.mean(inside) <= 0.975


def test_a_difference_is_tested_as_two_independent_ones_where_nothing_is_shared():
    """Over many patients the variance of a difference is the sum of both; the sign of p follows the difference."""
    rng = np.random.default_rng(23)
    y = np.arange(4000) % 3 == 0
    a, b = rng.normal(size=4000) + y, rng.normal(size=4000) + 0.9 * y
    found = compare(y, a, b)
    width = (found.interval95[1] - found.interval95[0]) / (2 * stats.norm.ppf(0.975))
    assert found.p == pytest.approx(2 * stats.norm.sf(abs(found.difference) / width), rel=1e-6)
