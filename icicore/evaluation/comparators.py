"""Simple scores that every model is set beside, from plain arrays; higher means a response is more likely."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from icicore.evaluation.loris import loris
from icicore.types import F32, F64, Mask

PDL1_GENE = "CD274"
INFLAMED = (
    *("CCL5", "CD27", "CD274", "CD276", "CD8A", "CMKLR1", "CXCL9", "CXCR6", "HLA-DQA1"),
    *("HLA-DRB1", "HLA-E", "IDO1", "LAG3", "NKG7", "PDCD1LG2", "PSMB10", "STAT1", "TIGIT"),
)
"""The 18 genes of the T-cell-inflamed signature (Ayers et al., J Clin Invest 2017)."""
_FEWEST_INFLAMED = 12
COMPARATORS = ("tmb", "pdl1", "signature", "loris")


@dataclass(frozen=True, eq=False)
class ComparatorInputs:
    """What the scores of n patients are computed from.

    Attributes
    ----------
    tokens, kinds : symbol and kind (mutation, tmb, expression) of each gene token (T)
    values, measured : raw token values, float32 (n, T), and which were measured
    tumour_types, ages : of each patient; age NaN where unknown
    routine : albumin, nlr, systemic_history, pdl1_tps, float64 (n,) each as far as there are any; NaN where unknown
    """

    tokens: Sequence[str]
    kinds: Sequence[str]
    values: F32
    measured: Mask
    tumour_types: Sequence[str] = ()
    ages: F64 | None = None
    routine: Mapping[str, F64] = field(default_factory=dict)


def comparator_scores(inputs: ComparatorInputs) -> dict[str, F64]:
    """Scores of ``COMPARATORS``, float64 (n,) each, NaN where an input is missing.

    ``tmb`` is mutations per Mb; ``pdl1`` as in :func:`pdl1`; ``signature`` the mean over 18 genes of expression
    standardised within the patients given, so it compares them among each other only; ``loris`` the published
    pan-cancer score.
    """
    tmb = np.exp2(_column(inputs, "tmb", None)) - 1
    return {
        "tmb": tmb,
        "pdl1": pdl1(inputs),
        "signature": inflamed_signature(inputs),
        "loris": _loris(inputs, tmb),
    }


def pdl1(inputs: ComparatorInputs) -> F64:
    """Log expression of CD274; where nobody has expression, the tumour proportion score. The two are never mixed."""
    expression = _column(inputs, "expression", PDL1_GENE)
    return expression if np.isfinite(expression).any() else _routine(inputs, "pdl1_tps")


def inflamed_signature(inputs: ComparatorInputs) -> F64:
    """Mean standardised expression of the inflamed genes; NaN with fewer than 12 of them."""
    columns = np.stack([_column(inputs, "expression", gene) for gene in INFLAMED], axis=1)
    known = np.isfinite(columns)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, columns, 0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, columns - mean, 0) ** 2).sum(axis=0) / count)
    z = np.where(known, (columns - mean) / np.where(spread < 1e-6, 1.0, spread), 0.0)
    enough = known.sum(axis=1) >= _FEWEST_INFLAMED
    return np.where(enough, z.sum(axis=1) / np.maximum(known.sum(axis=1), 1), np.nan)


def _column(inputs: ComparatorInputs, kind: str, symbol: str | None) -> F64:
    found = [
        i
        for i, (name, own) in enumerate(zip(inputs.tokens, inputs.kinds, strict=True))
        if own == kind and symbol in (None, name)
    ]
    if not found:
        return np.full(len(inputs.values), np.nan)
    return np.where(inputs.measured[:, found[0]], inputs.values[:, found[0]].astype(np.float64), np.nan)


def _routine(inputs: ComparatorInputs, name: str) -> F64:
    return inputs.routine.get(name, np.full(len(inputs.values), np.nan))


def _loris(inputs: ComparatorInputs, tmb: F64) -> F64:
    n = len(inputs.values)
    ages = np.full(n, np.nan) if inputs.ages is None else inputs.ages
    columns = {name: _routine(inputs, name) for name in ("systemic_history", "albumin", "nlr")}
    scores = [
        loris(
            tmb=float(tmb[i]),
            age=float(ages[i]),
            tumour_type=inputs.tumour_types[i] if inputs.tumour_types else "",
            **{name: float(values[i]) for name, values in columns.items()},
        )
        for i in range(n)
    ]
    return np.array([np.nan if score is None else score for score in scores], np.float64)
