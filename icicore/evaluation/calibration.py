"""Calibration of logits on held-out patients: Platt scaling, temperature scaling and isotonic regression.

Platt 1999, with its smoothed targets against overconfidence on few patients; temperature: Guo et al. 2017;
isotonic: Zadrozny and Elkan 2002, which needs several hundred patients before it beats the other two.
"""

from dataclasses import dataclass

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


@dataclass(frozen=True, eq=False)
class Isotonic:
    """A rising step function, given by its knots: ``logits`` (k,) ascending and ``probabilities`` (k,)."""

    logits: F64
    probabilities: F64

    def __call__(self, logits: F64) -> F64:
        """Calibrated probabilities (n,), linear between knots and constant outside them."""
        return np.asarray(np.interp(logits, self.logits, self.probabilities), np.float64)


def isotonic(logits: F64, y: Mask) -> Isotonic:
    """Fit the rising function of the logit that is nearest to the outcomes in least squares.

    Platt's smoothed targets keep it away from 0 and 1, where one wrong patient would cost an infinite log-loss.
    """
    values, inverse, counts = np.unique(logits, return_inverse=True, return_counts=True)
    mean = np.bincount(inverse, weights=_targets(y)) / counts  # patients with one logit share one value
    fitted = optimize.isotonic_regression(mean, weights=counts.astype(np.float64)).x
    return Isotonic(values.astype(np.float64), np.asarray(fitted, np.float64))


def _targets(y: Mask) -> F64:
    """Platt's smoothed targets: (n1 + 1) / (n1 + 2) for responders, 1 / (n0 + 2) for the others."""
    n1, n0 = int(y.sum()), int((~y).sum())
    return np.where(y, (n1 + 1) / (n1 + 2), 1 / (n0 + 2)).astype(np.float64)


def _shift(logits: F64, rate: float) -> float:
    return float(special.logit(rate) - logits.mean())
