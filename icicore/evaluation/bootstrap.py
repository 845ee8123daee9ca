"""Percentile bootstrap over patients."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np

from icicore.evaluation.metrics import METRICS
from icicore.types import F64, I32, Json, Mask


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    interval95: tuple[float, float]

    def to_json(self) -> Json:
        """As in report.json; null where undefined."""
        low, high = (_number(v) for v in self.interval95)
        return {"value": _number(self.value), "interval95": None if low is None or high is None else [low, high]}


def resamples(y: Mask, rng: np.random.Generator, *, n: int = 1000) -> I32:
    """Row indices (n, len(y)) of resamples with replacement that hold both classes where ``y`` does."""
    draws = rng.integers(0, len(y), size=(n, len(y)), dtype=np.int32)
    if 0 < y.sum() < len(y):
        while (poor := np.isin(y[draws].sum(axis=1), (0, len(y)))).any():
            draws[poor] = rng.integers(0, len(y), size=(int(poor.sum()), len(y)), dtype=np.int32)
    return draws


def bootstrap(statistic: Callable[[I32], float], draws: I32, *, centred: bool = False) -> Estimate:
    """Value on all rows, and the 2.5 and 97.5 percentiles over the resamples.

    Parameters
    ----------
    statistic : number from row indices
    draws : from ``resamples``; the same draws for two models make their differences paired
    centred : shift the percentiles by the resampling bias (mean over resamples minus value), not below 0; for
        statistics that count noise itself as an error, as the ECE does: a resample is always noisier than the sample
    """
    whole = statistic(np.arange(draws.shape[1], dtype=np.int32))
    values = np.array([statistic(rows) for rows in draws])
    values = values[np.isfinite(values)]
    low, high = np.percentile(values, [2.5, 97.5]) if len(values) else (np.nan, np.nan)
    if centred and len(values):
        bias = float(values.mean()) - whole
        low, high = max(0.0, low - bias), max(0.0, high - bias)
    return Estimate(whole, (float(low), float(high)))


def all_metrics(
    y: Mask, p: F64, *, threshold: float, draws: I32, names: Collection[str] = tuple(METRICS)
) -> dict[str, Estimate]:
    """Return the ``names`` of ``METRICS`` with their intervals; a call is ``p >= threshold``."""
    call = p >= threshold

    def one(name: str) -> Estimate:
        metric = METRICS[name]
        return bootstrap(lambda rows: metric(y[rows], p[rows], call[rows]), draws, centred=name == "ece")

    return {name: one(name) for name in METRICS if name in names}


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
