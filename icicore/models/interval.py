"""The interval of a probability from what the members of an ensemble say. Needs no torch."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import special


def member_interval(member_logits: Sequence[float], *, level: float = 0.95, folds: bool = False) -> tuple[float, float]:
    """Interval of the probability under another draw of training patients.

    Members are trained on bootstrap resamples of the training patients, so their standard deviation estimates the
    standard error of the score; mean +- Student's t (members - 1 degrees of freedom) x standard deviation, on the
    calibrated logit. Members of a cross-validation (``folds``) share most of their patients and differ less than
    resamples do; their spread becomes a standard error as in the delete-a-group jackknife, (n - 1) / sqrt(n) times the
    standard deviation. It covers what the model does not know for want of training patients, not whether this one
    patient will respond. A single member says nothing about its error: (0, 1).
    """
    n = len(member_logits)
    if n < 2:
        return 0.0, 1.0
    logits = np.asarray(member_logits, np.float64)
    error = float(logits.std(ddof=1)) * ((n - 1) / n**0.5 if folds else 1.0)
    half = float(special.stdtrit(n - 1, 0.5 + level / 2)) * error
    middle = float(logits.mean())
    return sigmoid(middle - half), sigmoid(middle + half)


def sigmoid(logit: float) -> float:
    """Probability of a logit."""
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else 1 - 1 / (1 + math.exp(logit))
