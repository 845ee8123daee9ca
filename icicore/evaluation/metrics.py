"""Metrics of a binary score: plain functions on arrays, fast enough for thousands of bootstrap resamples.

``y`` is bool or 0/1 (n,), ``p`` a probability or any score (n,), ``call`` a decision, bool (n,).
A metric that is undefined on its input (one class only, nobody called) is NaN.
"""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from icicore.types import F64, Mask


def auc_roc(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Area under the ROC curve: the chance that a responder scores above a non-responder, ties counted half."""
    label, score = _pair(y, p)
    n_pos, n_neg = int(label.sum()), int((~label).sum())
    if not n_pos or not n_neg:
        return float("nan")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]  # mid-ranks
    return float((ranks[label].sum() - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg))


def auc_pr(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Average precision: sum over thresholds of precision x recall gained (no interpolation)."""
    label, score = _pair(y, p)
    n_pos = int(label.sum())
    if not n_pos:
        return float("nan")
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(label[order])
    last = np.append(np.diff(score[order]) != 0, [True])  # tied scores share one threshold
    hits, called = hits[last], np.flatnonzero(last) + 1
    return float(np.sum(np.diff(hits, prepend=0) / n_pos * hits / called))


def accuracy(y: npt.ArrayLike, call: npt.ArrayLike) -> float:
    """Share of right calls."""
    label, called = _pair_bool(y, call)
    return float(np.mean(label == called)) if len(label) else float("nan")


def sensitivity(y: npt.ArrayLike, call: npt.ArrayLike) -> float:
    """Share of responders that are called responders."""
    label, called = _pair_bool(y, call)
    return _ratio(int((label & called).sum()), int(label.sum()))


def specificity(y: npt.ArrayLike, call: npt.ArrayLike) -> float:
    """Share of non-responders that are called non-responders."""
    label, called = _pair_bool(y, call)
    return _ratio(int((~label & ~called).sum()), int((~label).sum()))


def f1(y: npt.ArrayLike, call: npt.ArrayLike) -> float:
    """Harmonic mean of precision and sensitivity."""
    label, called = _pair_bool(y, call)
    return _ratio(2 * int((label & called).sum()), int(label.sum()) + int(called.sum()))


def brier(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Mean squared distance of probability and outcome; 0 is best."""
    label, probability = _pair(y, p)
    return float(np.mean((probability - label) ** 2)) if len(label) else float("nan")


def ece(y: npt.ArrayLike, p: npt.ArrayLike, *, bins: int = 10) -> float:
    """Expected calibration error over equally wide bins: mean |observed rate - mean probability|."""
    label, probability = _pair(y, p)
    if not len(label):
        return float("nan")
    index = np.minimum((probability * bins).astype(np.int64), bins - 1)
    gap = np.bincount(index, weights=label - probability, minlength=bins)
    return float(np.abs(gap).sum() / len(label))


Metric = Callable[[Mask, F64, Mask], float]
"""Label, probability and call to one number."""

METRICS: Mapping[str, Metric] = {
    "auc_roc": lambda y, p, call: auc_roc(y, p),
    "auc_pr": lambda y, p, call: auc_pr(y, p),
    "accuracy": lambda y, p, call: accuracy(y, call),
    "f1": lambda y, p, call: f1(y, call),
    "sensitivity": lambda y, p, call: sensitivity(y, call),
    "specificity": lambda y, p, call: specificity(y, call),
    "brier": lambda y, p, call: brier(y, p),
    "ece": lambda y, p, call: ece(y, p),
}
"""Every metric of a report, in its order."""


def _pair(y: npt.ArrayLike, p: npt.ArrayLike) -> tuple[Mask, F64]:
    label, score = np.asarray(y).astype(bool), np.asarray(p, dtype=np.float64)
    if label.shape != score.shape or label.ndim != 1:
        raise ValueError(f"labels {label.shape} and scores {score.shape} must be vectors of one length")
    return label, score


def _pair_bool(y: npt.ArrayLike, call: npt.ArrayLike) -> tuple[Mask, Mask]:
    label, called = _pair(y, call)
    return label, called.astype(bool)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
