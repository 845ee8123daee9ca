"""Calibration of logits on held-out patients: Platt scaling and temperature scaling.

Platt 1999, with its smoothed targets against overconfidence on few patients; temperature: Guo et al. 2017.
"""

import numpy as np
from scipy import optimize, special

from icicore.types import F64, Mask


def platt(logits: F64, y: Mask) -> tuple[float, float]:
    """Fit slope and intercept of ``slope * logit + intercept`` by maximum likelihood.

    A constant score or one class only can be given no slope: slope 1 and the shift that meets the smoothed rate.
    The slope is kept non-negative: calibration never turns a ranking round.
    """
    target = _targets(y)
    if np.ptp(logits) < 1e-12 or y.all() or not y.any():
        return 1.0, _shift(logits, float(target.mean()))
    scale = float(logits.std())
    x = logits / scale

    def loss(theta: F64) -> tuple[float, F64]:
        z = theta[0] * x + theta[1]
        error = special.expit(z) - target
        value = np.mean(np.logaddexp(0.0, z) - target * z)
        return float(value), np.array([np.mean(error * x), np.mean(error)])

    found = optimize.minimize(
        loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.0, None), (None, None)]
    )
    return float(found.x[0]) / scale, float(found.x[1])


def temperature(logits: F64, y: Mask) -> float:
    """Fit T > 0 of ``logit / T`` by maximum likelihood."""
    label = y.astype(np.float64)

    def loss(log_t: float) -> float:
        z = logits / np.exp(log_t)
        return float(np.mean(np.logaddexp(0.0, z) - label * z))

    return float(np.exp(optimize.minimize_scalar(loss, bounds=(-4.0, 4.0), method="bounded").x))


def _targets(y: Mask) -> F64:
    """Platt's smoothed targets: (n1 + 1) / (n1 + 2) for responders, 1 / (n0 + 2) for the others."""
    n1, n0 = int(y.sum()), int((~y).sum())
    return np.where(y, (n1 + 1) / (n1 + 2), 1 / (n0 + 2)).astype(np.float64)


def _shift(logits: F64, rate: float) -> float:
    return float(special.logit(rate) - logits.mean())
