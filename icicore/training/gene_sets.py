"""Gene sets of a study, and the attention that each begins with: what is known before anybody's response was looked at.

``GeneEncoder.set_gene_sets`` turns a start into attention. A training of some hundred patients moves it little, so what
begins low stays low unless many patients speak for it.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from icicore.models.pathways import GeneSets
from icicore.types import Mask

_START = {"tmb": 2.0}  # attention of a set at the start of training, by its kind, against 1 of another set
_PUBLISHED_START = {"expression": 3.0}
"""The same for published signatures. One of mutated genes is a single gene, mutated in few: where these start above the
burden, some models of a few hundred patients end below the burden alone (``benchmarks/small_cohorts.py``)."""
_MANY = 300
"""Patients in whom a set was measured that give it all of its start, see ``taught``."""


def gene_sets(
    kinds: Sequence[str], pathways: Sequence[Sequence[str]], signatures: Sequence[Sequence[str]], measured: Mask
) -> GeneSets:
    """Sets of T gene tokens, one for each kind and pathway that has any, then the published signatures.

    Parameters
    ----------
    kinds, pathways, signatures : per token; either of the last two may be empty
    measured : bool (N, T), of all patients of the study
    """
    own, own_kinds = _membership(kinds, pathways)
    published, published_kinds = _membership(kinds, signatures)
    membership = torch.cat([own, published], dim=1)
    start = [_START.get(k, 1.0) for k in own_kinds] + [_PUBLISHED_START.get(k, 1.0) for k in published_kinds]
    flags = torch.arange(membership.shape[1]) >= len(own_kinds)
    return GeneSets(membership, flags, torch.tensor(start) * taught(membership, measured))


def taught(membership: Tensor, measured: Mask) -> Tensor:
    """How much of its start each set (P,) gets, above 0 to 1: root of the share of ``_MANY`` patients that have it.

    Where cohorts are pooled, expression may be known of fifty patients among hundreds. What fewer patients teach is
    mostly their own chance, and where all of them are of one cohort, nobody has seen that it carries over to another.
    """
    seen = np.count_nonzero(measured.astype(np.float32) @ membership.numpy(), axis=0)
    return torch.from_numpy(np.sqrt(np.clip(seen, 1, _MANY) / _MANY)).float()


def _membership(kinds: Sequence[str], names: Sequence[Sequence[str]]) -> tuple[Tensor, list[str]]:
    """Float 0/1 (T, P), which sets a token belongs to, one column for each kind and name that has any; their kinds."""
    pairs = [[(kind, name) for name in own] for kind, own in zip(kinds, names, strict=False)]
    column = {pair: k for k, pair in enumerate(sorted({pair for own in pairs for pair in own}))}
    table = torch.zeros(len(kinds), len(column))
    for row, own in enumerate(pairs):
        for pair in own:
            table[row, column[pair]] = 1.0
    return table, [kind for kind, _ in column]
