"""DeLong's test against a published example, the O(nm) definition, and what must hold for any scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from icicore.evaluation.delong import auc_covariance, auc_interval, compare

# Ratings of 109 CT images, 1 definitely normal to 5 definitely abnormal: Hanley and McNeil, Radiology 1982, table I.
NORMAL, ABNORMAL = (33, 6, 6, 11, 2), (3, 2, 2, 11, 33)


def ratings() -> tuple[np.ndarray, np.ndarray]:
    score = np.concatenate([np.repeat(np.arange(1.0, 6.0), counts) for counts in (NORMAL, ABNORMAL)])
    return np.repeat([False, True], [sum(NORMAL), sum(ABNORMAL)]), score


def by_definition(y: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """AUCs and covariance from all pairs, as DeLong et al. 1988 write them."""
    pairs = np.stack([(s[y][:, None] > s[~y][None]) + 0.5 * (s[y][:, None] == s[~y][None]) for s in scores])
    v10, v01 = pairs.mean(axis=2), pairs.mean(axis=1)
    return pairs.mean(axis=(1, 2)), np.cov(v10) / v10.shape[1] + np.cov(v01) / v01.shape[1]


def test_a_published_example():
    # Stata's manual, `roctab` on these ratings: area 0.8932, DeLong standard error 0.0307, interval 0.83295 to 0.95339.
    y, score = ratings()
    aucs, covariance = auc_covariance(y, score[None])
    error = float(np.sqrt(covariance[0, 0]))
    assert round(float(aucs[0]), 4) == 0.8932
    assert round(error, 4) == 0.0307
    half = stats.norm.ppf(0.975) * error
    assert (round(aucs[0] - half, 5), round(aucs[0] + half, 5)) == (0.83295, 0.95339)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(6, 60), seed=st.integers(0, 2**31), levels=st.sampled_from([3, 10, 10_000]))
def test_the_fast_form_equals_the_definition_with_and_without_ties(n, seed, levels):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3 == 0
    scores = rng.integers(0, levels, size=(3, n)).astype(np.float64)
    aucs, covariance = auc_covariance(y, scores)
    expected_aucs, expected = by_definition(y, scores)
    np.testing.assert_allclose(aucs, expected_aucs, atol=1e-12)
    np.testing.assert_allclose(covariance, expected, atol=1e-12)
    np.testing.assert_allclose(aucs, [roc_auc_score(y, s) for s in scores], atol=1e-12)


def test_a_comparison_is_antisymmetric_and_blind_to_monotone_changes():
    rng = np.random.default_rng(3)
    y = rng.random(150) < 0.4
    a, b = rng.normal(size=150) + y, rng.normal(size=150) + 0.3 * y
    forward, backward, bent = compare(y, a, b), compare(y, b, a), compare(y, np.exp(a), 7 * b - 2)
    assert forward.difference == pytest.approx(-backward.difference)
    assert forward.p == pytest.approx(backward.p)
    assert bent == forward
    assert forward.interval95[0] < forward.difference < forward.interval95[1]


def test_p_values_are_uniform_when_two_scores_are_equally_good():
    rng = np.random.default_rng(11)
    y = np.arange(120) < 50
    shared = rng.normal(size=(400, 120))
    found = [compare(y, y + s + rng.normal(size=120), y + s + rng.normal(size=120)).p for s in shared]
    assert stats.kstest(found, "uniform").pvalue > 0.01


def test_what_cannot_be_estimated_is_said():
    y = np.array([True, False, False, True, False])
    perfect = y.astype(np.float64)
    assert auc_interval(y, perfect) == (1.0, 1.0, 1.0)
    assert compare(y, perfect, perfect).p == 1.0
    assert np.isnan(compare(np.array([True, False, False]), np.arange(3.0), np.ones(3)).p)
    assert np.isnan(auc_covariance(np.ones(4, bool), np.ones((1, 4)))[0]).all()
