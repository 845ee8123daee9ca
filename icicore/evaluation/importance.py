"""Permutation importance (Breiman 2001): how much worse a model gets when one feature is dealt out at random."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from icicore.evaluation.bootstrap import Estimate
from icicore.evaluation.metrics import auc_roc
from icicore.types import F64, I32, Mask

ScorePermuted: TypeAlias = Callable[[I32], F64]
"""Scores (n,) of all patients when each gets the feature of the patient at these rows (n,)."""


def permutation_importance(
    y: Mask, score: F64, permuted: ScorePermuted, *, has: Mask, rng: np.random.Generator, repeats: int
) -> Estimate:
    """Mean loss of AUC-ROC over ``repeats`` permutations, with their 2.5 to 97.5 percentile range.

    Only patients who ``has`` the feature take part in the exchange, so nobody is given a value that does not exist.
    The range says how much the shuffling matters, not how another sample of patients would differ.
    """
    base, rows = auc_roc(y, score), np.flatnonzero(has)
    losses = []
    for _ in range(repeats):
        order = np.arange(len(y), dtype=np.int32)
        order[rows] = rng.permutation(rows)
        losses.append(base - auc_roc(y, permuted(order)))
    low, high = np.percentile(losses, [2.5, 97.5])
    return Estimate(float(np.mean(losses)), (float(low), float(high)))
