"""The interval of a repeated cross-validation: the published formula, and that it is not too narrow."""

import numpy as np
import pytest

from icicore.evaluation.metrics import auc_roc
from icicore.evaluation.resampled import fold_mean


def test_the_published_formula():
    values = np.array([0.5, 0.6, 0.7, 0.8, np.nan])
    found = fold_mean(values, train_share=0.8)
    variance = np.var(values[:4], ddof=1) * (1 / 4 + 0.2 / 0.8)
    assert found.value == pytest.approx(0.65)
    assert found.interval95[1] - found.value == pytest.approx(3.182446 * variance**0.5, rel=1e-5)


@pytest.mark.parametrize("values", [[], [0.7], [np.nan, 0.7]])
def test_one_fold_has_no_interval(values):
    found = fold_mean(np.array(values), train_share=0.8)
    assert not np.isfinite(found.interval95).any()


def test_the_interval_of_a_score_that_says_nothing_covers_one_half():
    """A fixed random score over 120 patients, five folds, five repeats; the naive interval covers far less often."""
    covered = naive = 0
    for trial in range(150):
        rng = np.random.default_rng(trial)
        label, score = rng.random(120) < 0.4, rng.normal(size=120)
        folds = []
        for _ in range(5):
            order = rng.permutation(120)
            folds += [auc_roc(label[rows], score[rows]) for rows in np.array_split(order, 5)]
        values = np.array(folds)
        low, high = fold_mean(values, train_share=0.8).interval95
        covered += low <= 0.5 <= high
        naive += abs(np.nanmean(values) - 0.5) <= 1.96 * np.nanstd(values, ddof=1) / len(values) ** 0.5
    assert covered >= 0.90 * 150
    assert naive < covered - 15
