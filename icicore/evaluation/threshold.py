"""Operating threshold: sensitivity first."""

import numpy as np

from icicore.errors import InputError
from icicore.types import F64, Mask


def sensitivity_first(y: Mask, p: F64, *, at_least: float = 0.90) -> float:
    """Highest threshold at which at least this share of responders is called (``p >= threshold``).

    The highest such threshold is the one with the best specificity. It lies half way to the next lower score, so
    that rounding does not move a patient across it.

    Raises
    ------
    InputError
        there is no responder to choose on
    """
    if not y.any():
        raise InputError("validation set", "holds no responder", expected="both classes", remedy="use a larger study")
    scores = np.sort(p[y])[::-1]
    needed = int(np.ceil(at_least * len(scores) - 1e-9))
    found = float(scores[max(needed, 1) - 1])
    below = p[p < found]
    return (found + float(below.max())) / 2 if len(below) else found / 2
