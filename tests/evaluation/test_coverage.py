"""Do the intervals hold what they promise? Simulated patients whose true AUC is known."""

import numpy as np
import pytest
from scipy import stats

from icicore.evaluation.bootstrap import bootstrap, resamples
from icicore.evaluation.delong import auc_interval
from icicore.evaluation.metrics import auc_roc

TRUE_AUC = 0.80
SHIFT = np.sqrt(2) * stats.norm.ppf(TRUE_AUC)  # two normal scores this far apart have that AUC


def draw(rng: np.random.Generator, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    y = rng.random(n) < 0.36
    return y, rng.normal(size=n) + SHIFT * y


def test_delong_intervals_cover_the_true_auc():
    rng = np.random.default_rng(1)
    found = [auc_interval(*draw(rng)) for _ in range(1000)]
    coverage = np.mean([low <= TRUE_AUC <= high for _, low, high in found])
    assert 0.93 <= coverage <= 0.97


@pytest.mark.slow
def test_bootstrap_intervals_cover_the_true_auc():
    rng = np.random.default_rng(2)
    inside = []
    for _ in range(600):
        y, score = draw(rng)
        low, high = bootstrap(lambda rows, y=y, s=score: auc_roc(y[rows], s[rows]), resamples(y, rng, n=400)).interval95
        inside.append(low <= TRUE_AUC <= high)
    assert np.mean(inside) >= 0.93


def test_bootstrap_and_delong_agree_on_one_cohort():
    rng = np.random.default_rng(5)
    y, score = draw(rng, 400)
    found = bootstrap(lambda rows: auc_roc(y[rows], score[rows]), resamples(y, rng, n=1000)).interval95
    _, low, high = auc_interval(y, score)
    assert found == pytest.approx((low, high), abs=0.012)
