"""Put together the parts of a report that follow from outcomes and scores alone; arrays in, plain values out."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from icicore.evaluation.bootstrap import Estimate, all_metrics, bootstrap, resamples
from icicore.evaluation.curves import net_benefit, pr_curve, roc_curve, treat_all
from icicore.evaluation.delong import auc_interval, compare
from icicore.evaluation.metrics import METRICS, auc_pr, auc_roc
from icicore.evaluation.reliability import reliability, wilson
from icicore.types import F64, I32, Json, Mask

RANKING = ("auc_roc", "auc_pr")
"""Metrics that a score without calibration or threshold can have."""
DECISIONS = np.linspace(0.05, 0.80, 76)
"""Threshold probabilities of the decision curve."""
UNDEFINED = Estimate(np.nan, (np.nan, np.nan))


@dataclass(frozen=True, eq=False)
class Scores:
    """What one model or comparator says about the patients.

    Attributes
    ----------
    name, bundle : as in the report; a comparator has no bundle
    values : (n,), higher speaks for response, NaN where the score needs something that the patient lacks
    threshold : chosen on validation patients; None where there is none
    probability : whether ``values`` are calibrated probabilities
    """

    name: str
    values: F64
    bundle: str | None = None
    threshold: float | None = None
    probability: bool = True

    @property
    def known(self) -> Mask:
        """Whether a patient has a score, (n,)."""
        return np.isfinite(self.values)


def model_row(y: Mask, scores: Scores, draws: I32) -> Json:
    """Row of Table 1: every metric with its interval; null where the score has no threshold or no calibration."""
    known = scores.known
    label, value = y[known], scores.values[known]
    head: Json = {"name": scores.name, "bundle": scores.bundle, "n": int(known.sum()), "responders": int(label.sum())}
    head |= {"threshold": scores.threshold, "kind": "model" if scores.bundle else "comparator"}
    if not _both(label):
        return head | {name: UNDEFINED.to_json() for name in METRICS} | {"delong95": None}
    rows = restrict(draws, known, y)
    called = scores.threshold if scores.threshold is not None else np.inf
    names = [name for name in METRICS if _has(name, scores)]
    found = all_metrics(label, value, threshold=called, draws=rows, names=names)
    metrics = {name: _honest(name, found.get(name, UNDEFINED), label).to_json() for name in METRICS}
    _, low, high = auc_interval(label, value)
    return head | metrics | {"delong95": [low, high] if np.isfinite(low) else None}


def pair_row(y: Mask, a: Scores, b: Scores, draws: I32) -> Json:
    """Difference of two AUCs on the patients who have both scores: bootstrap interval and DeLong p-value."""
    known = a.known & b.known
    label, first, second = y[known], a.values[known], b.values[known]
    if min(int(label.sum()), int((~label).sum())) < 2:
        head = {"a": a.name, "b": b.name, "n": len(label), "auc_difference": None, "interval95": None}
        return head | {"delong_p": None, "delong95": None}
    test = compare(label, first, second)
    found = bootstrap(
        lambda rows: auc_roc(label[rows], first[rows]) - auc_roc(label[rows], second[rows]), restrict(draws, known, y)
    )
    low, high = test.interval95
    return {
        "a": a.name,
        "b": b.name,
        "n": len(label),
        "auc_difference": found.value,
        "interval95": list(found.interval95),
        "delong_p": test.p if np.isfinite(test.p) else None,
        "delong95": [low, high],
    }


def discrimination(y: Mask, scores: Sequence[Scores], draws: I32) -> Json:
    """Models, pairs, curves, calibration and decision curve of all scores on the same patients and resamples."""
    usable = [s for s in scores if _both(y[s.known])]
    calibrated = [s for s in usable if s.probability]
    return {
        "models": [model_row(y, s, draws) for s in scores],
        "pairs": [pair_row(y, a, b, draws) for a, b in combinations(usable, 2)],
        "curves": {s.name: _curves(y, s, draws) for s in usable},
        "calibration": {s.name: reliability(y[s.known], s.values[s.known]) for s in calibrated},
        "decision_curve": _decision(y, calibrated),
    }


def subset_row(y: Mask, name: str, scores: F64, draws: I32) -> Json:
    """Row of the modality subsets: AUCs among the patients who have all modalities of the subset."""
    known = np.isfinite(scores)
    label, value = y[known], scores[known]
    head = {"subset": name, "n": int(known.sum()), "responders": int(label.sum())}
    if not _both(label):
        return head | {metric: {"value": None, "interval95": None} for metric in RANKING}
    rows = restrict(draws, known, y)
    return head | {
        "auc_roc": bootstrap(lambda r: auc_roc(label[r], value[r]), rows).to_json(),
        "auc_pr": bootstrap(lambda r: auc_pr(label[r], value[r]), rows).to_json(),
    }


def restrict(draws: I32, known: Mask, y: Mask) -> I32:
    """Resamples of the ``known`` patients alone, drawn anew from a generator that the given resamples seed."""
    if known.all() or not known.any():
        return draws
    return resamples(y[known], np.random.default_rng([*draws[0].tolist(), int(known.sum())]), n=len(draws))


def _curves(y: Mask, scores: Scores, draws: I32) -> Json:
    known = scores.known
    label, value, rows = y[known], scores.values[known], restrict(draws, known, y)
    return {"roc": roc_curve(label, value, rows).to_json(), "pr": pr_curve(label, value, rows).to_json()}


def _decision(y: Mask, scores: Sequence[Scores]) -> Json:
    """Net benefit of every model; on the patients who have all scores, so that the lines can be compared."""
    known = np.logical_and.reduce([s.known for s in scores]) if scores else np.zeros(len(y), bool)
    if not known.any():
        return {"n": 0, "thresholds": [], "treat_all": [], "models": {}}
    lines = {s.name: net_benefit(y[known], s.values[known], DECISIONS) for s in scores}
    return {
        "n": int(known.sum()),
        "thresholds": np.round(DECISIONS, 4).tolist(),
        "treat_all": np.round(treat_all(y[known], DECISIONS), 5).tolist(),
        "models": {name: np.round(line, 5).tolist() for name, line in lines.items()},
    }


def _honest(name: str, estimate: Estimate, y: Mask) -> Estimate:
    """Wilson's interval for a rate of exactly 0 or 1, where every resample says the same and so nothing."""
    counts = {"sensitivity": int(y.sum()), "specificity": int((~y).sum()), "accuracy": len(y)}
    if name not in counts or estimate.value not in (0.0, 1.0):
        return estimate
    return Estimate(estimate.value, wilson(round(estimate.value) * counts[name], counts[name]))


def _has(metric: str, scores: Scores) -> bool:
    if metric in RANKING:
        return True
    return scores.probability if metric in ("brier", "ece") else scores.threshold is not None


def _both(y: Mask) -> bool:
    return bool(y.any()) and not bool(y.all())
