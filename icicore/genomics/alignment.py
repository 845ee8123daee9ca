"""Make the genes of a whole cohort comparable with those that a model was trained on, without any label.

Expression from another laboratory, platform or unit differs in each gene by more than responders differ from
non-responders. Where a whole cohort is at hand, its own location and spread of each gene say how much; a single case
has none, and is scored with the statistics of training.
"""

import numpy as np
from scipy import stats

from icicore.genomics.features import TokenScaler
from icicore.types import F32, Mask

FEWEST_TO_ALIGN = 20
"""A token measured in fewer patients of a cohort is left as it is: its location would be mostly noise."""


def align_cohort(values: F32, measured: Mask, *, to: TokenScaler, n_binary: int, fewest: int = FEWEST_TO_ALIGN) -> F32:
    """Raw token values with location and spread of ``to`` in every token; no label is looked at.

    Parameters
    ----------
    values, measured : raw tokens of all patients of one cohort, float32 and bool (N, T)
    to : statistics of the training cases
    n_binary : the first so many tokens are mutations and stay 0 or 1
    fewest : a token measured in fewer patients is left as it is

    Returns
    -------
    float32 (N, T); what was not measured is left as it is
    """
    own = TokenScaler.fit(values, measured, n_binary=n_binary)
    enough = measured.sum(axis=0) >= fewest
    enough[:n_binary] = False
    moved = (values - own.mean) / own.scale * to.scale + to.mean
    return np.where(measured & enough, moved, values).astype(np.float32)


def rank_within_samples(values: F32, measured: Mask, *, expression: Mask) -> F32:
    """Expression of each sample replaced by the normal quantile of its rank among the sample's own genes.

    Usable for a single case; what it costs is told by ``benchmarks/public_cohorts.py``.

    Parameters
    ----------
    values, measured : raw tokens, float32 and bool (N, T)
    expression : which tokens are expression, bool (T,)
    """
    result = values.copy()
    for row in range(len(values)):
        known = np.flatnonzero(measured[row] & expression)
        if len(known) > 1:
            ranks = stats.rankdata(values[row, known])
            result[row, known] = stats.norm.ppf((ranks - 0.5) / len(known))
    return result.astype(np.float32)
