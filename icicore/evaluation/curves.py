"""Curves of a score: ROC and precision-recall with bootstrap bands, and the decision curve. No plotting here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from icicore.types import F64, I32, Json, Mask

GRID = 101
"""Points of the common axis on which bands are taken."""
Points: TypeAlias = Callable[[Mask, F64], tuple[F64, F64]]


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve with its pointwise 95 % band on a common grid.

    Attributes
    ----------
    x, y : the exact curve, (m,)
    grid, low, high : the band, (GRID,)
    """

    x: F64
    y: F64
    grid: F64
    low: F64
    high: F64

    def to_json(self, *, digits: int = 4) -> Json:
        """Rounded lists."""
        return {name: np.round(value, digits).tolist() for name, value in vars(self).items()}


def roc_points(y: Mask, score: F64) -> tuple[F64, F64]:
    """1 - specificity and sensitivity at every threshold, from (0, 0) to (1, 1); tied scores share a threshold."""
    hits, called = _counts(y, score)
    misses = called - hits
    n_pos, n_neg = max(int(y.sum()), 1), max(int((~y).sum()), 1)
    return np.append([0.0], misses / n_neg), np.append([0.0], hits / n_pos)


def pr_points(y: Mask, score: F64) -> tuple[F64, F64]:
    """Recall and precision at every threshold, highest threshold first; begins at recall 0 with its precision."""
    hits, called = _counts(y, score)
    precision = hits / called
    return np.append([0.0], hits / max(int(y.sum()), 1)), np.append(precision[:1], precision)


def roc_curve(y: Mask, score: F64, draws: I32) -> Curve:
    """ROC curve; the band is that of sensitivity at fixed specificity over the resamples."""
    return _with_band(y, score, draws, points=roc_points, read=_interpolate)


def pr_curve(y: Mask, score: F64, draws: I32) -> Curve:
    """Precision-recall curve; the band is that of precision at fixed recall over the resamples."""
    return _with_band(y, score, draws, points=pr_points, read=_step)


def _with_band(y: Mask, score: F64, draws: I32, *, points: Points, read: Callable[[F64, F64, F64], F64]) -> Curve:
    grid = np.linspace(0.0, 1.0, GRID)
    samples = np.stack([read(grid, *points(y[rows], score[rows])) for rows in draws])
    low, high = np.percentile(samples, [2.5, 97.5], axis=0)
    return Curve(*points(y, score), grid, low, high)


def net_benefit(y: Mask, probability: F64, thresholds: F64) -> F64:
    """Net benefit (k,) of treating whoever reaches each threshold (Vickers and Elkin 2006).

    True positives per patient minus false positives per patient, the latter weighted by the odds of the threshold:
    at threshold t one needless treatment is worth t / (1 - t) of a needed one.
    """
    call = probability[None, :] >= thresholds[:, None]
    right, wrong = (call & y).mean(axis=1), (call & ~y).mean(axis=1)
    return np.asarray(right - wrong * thresholds / (1 - thresholds), np.float64)


def treat_all(y: Mask, thresholds: F64) -> F64:
    """Net benefit (k,) of treating everybody."""
    return net_benefit(y, np.ones(len(y)), thresholds)


def _counts(y: Mask, score: F64) -> tuple[F64, F64]:
    """Responders called and patients called at every distinct threshold, highest first."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.diff(score[order]) != 0, [True])
    return np.cumsum(y[order])[last].astype(np.float64), (np.flatnonzero(last) + 1).astype(np.float64)


def _interpolate(grid: F64, x: F64, y: F64) -> F64:
    """Height of a monotone curve; on a vertical step the upper end."""
    last = np.append(np.diff(x) > 0, [True])
    return np.asarray(np.interp(grid, x[last], y[last]), np.float64)


def _step(grid: F64, recall: F64, precision: F64) -> F64:
    """Precision at the first threshold that reaches each recall."""
    place = np.searchsorted(recall, grid - 1e-12, side="left").clip(0, len(precision) - 1)
    return np.asarray(precision[place], np.float64)
