"""Means over folds of a repeated cross-validation, with an interval that knows that the folds share patients."""

import numpy as np
from scipy import stats

from icicore.evaluation.bootstrap import Estimate
from icicore.types import F64


def fold_mean(values: F64, *, train_share: float) -> Estimate:
    """Mean over folds and repeats with its 95 % interval (corrected resampled t; Nadeau and Bengio 2003).

    The values are one number per fold, for instance an AUC; a fold in which it is undefined is NaN and left out. They
    are not independent, since training sets overlap: their variance is taken times 1 / J + n_test / n_train, not 1 / J.

    Parameters
    ----------
    values : float64 (J,)
    train_share : share of patients that each fold trained on
    """
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return Estimate(float(known.mean()) if len(known) else float("nan"), (float("nan"), float("nan")))
    variance = float(known.var(ddof=1)) * (1 / len(known) + (1 - train_share) / train_share)
    half = float(stats.t.ppf(0.975, len(known) - 1)) * variance**0.5
    mean = float(known.mean())
    return Estimate(mean, (mean - half, mean + half))
