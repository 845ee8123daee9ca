"""Rank correlation with an interval, means with an interval, and shares of explained variance."""

from collections.abc import Sequence
from itertools import combinations
from math import comb

import numpy as np
from scipy import stats

from icicore.evaluation.bootstrap import Estimate
from icicore.types import F64, Json


def spearman(x: F64, y: F64, *, rng: np.random.Generator, resamples: int = 1000) -> Json:
    """Spearman correlation of ``x`` and ``y`` (n,) with a percentile bootstrap interval over patients.

    Rows where either is not finite are left out and do not count in ``n``; null below ten rows or for a constant.
    """
    known = np.isfinite(x) & np.isfinite(y)
    a, b = x[known], y[known]
    n = len(a)
    if n < 10 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return {"value": None, "interval95": None, "n": n}
    values = []
    for rows in rng.integers(0, n, size=(resamples, n)):
        if np.ptp(a[rows]) > 0 and np.ptp(b[rows]) > 0:
            values.append(rank_correlation(a[rows], b[rows]))
    low, high = np.percentile(values, [2.5, 97.5])
    return {**Estimate(rank_correlation(a, b), (float(low), float(high))).to_json(), "n": n}


def rank_correlation(x: F64, y: F64) -> float:
    """Spearman's coefficient; NaN for a constant."""
    a, b = stats.rankdata(x), stats.rankdata(y)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def mean_with_interval(values: Sequence[float], *, rng: np.random.Generator, resamples: int = 1000) -> Json:
    """Mean over patients with a bootstrap interval; values that are not finite are left out."""
    known = np.asarray([v for v in values if np.isfinite(v)], np.float64)
    n = len(known)
    if not n:
        return {"value": None, "interval95": None, "n": 0}
    means = known[rng.integers(0, n, size=(resamples, n))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5]) if n > 1 else (np.nan, np.nan)
    return {**Estimate(float(known.mean()), (float(low), float(high))).to_json(), "n": n}


def variance_shares(target: F64, columns: F64) -> F64:
    """Share of the variance of ``target`` (n,) that each of the ``columns`` (n, k) explains; they sum to R2.

    The gain in R2 from adding a column, averaged over all orders of adding them (Lindeman, Merenda and Gold 1980):
    the Shapley value of the regression, so correlated columns share fairly what both explain.
    """
    k = columns.shape[1]
    explained = {s: _r2(target, columns[:, list(s)]) for size in range(k + 1) for s in combinations(range(k), size)}

    def share(j: int) -> float:
        others = [s for s in explained if j not in s]
        gains = [(explained[tuple(sorted((*s, j)))] - explained[s]) / (k * comb(k - 1, len(s))) for s in others]
        return float(sum(gains))

    return np.array([max(share(j), 0.0) for j in range(k)])


def _r2(target: F64, columns: F64) -> float:
    centred = target - target.mean()
    total = float(centred @ centred)
    if columns.shape[1] == 0 or total == 0:
        return 0.0
    design = columns - columns.mean(axis=0)
    fitted = design @ np.linalg.lstsq(design, centred, rcond=None)[0]
    return float(1 - ((centred - fitted) ** 2).sum() / total)
