"""How the score of a case changes when a single tile is left out: exact, for all tiles in one pass."""

import copy

import numpy as np
import torch

from icicore.domain import HISTOLOGY
from icicore.explain.target import MemberState, Target
from icicore.models.bundle import ModelBundle
from icicore.models.inputs import CaseInputs
from icicore.types import F32

TOLERANCE = 1e-3
"""In logit: pooling the remaining tiles must give what scoring the case without the tile gives."""
_LAST = 1e-6
"""Attention that must remain; a tile that holds all of it leaves nothing to pool."""


def leave_one_out(bundle: ModelBundle, inputs: CaseInputs) -> F32 | None:
    """Logit with all tiles minus logit without tile i, (n,); positive where the tile speaks for response.

    The slide embedding is the attention-weighted mean of the tiles, so without tile i it is
    ``(z - a_i h_i) / (1 - a_i)``, which needs no new pass over the tiles. Computed in double precision, because one
    tile of thousands moves the logit by less than single precision resolves. NaN where a tile holds all attention.

    Returns
    -------
    float32 (n,), or None where tiles influence each other before they are pooled: the formula does not hold there

    Raises
    ------
    ValueError : the score does not rest on histology.
    """
    target = Target(bundle, inputs)
    target.require(HISTOLOGY)
    if inputs.tiles is None or len(inputs.tiles) < 2:
        return None
    parts = [_without_each(target, state) for state in target.states()]
    logits = target.calibrated(parts)
    effect = np.asarray((logits[0] - logits[1:]).numpy(), np.float32)
    return effect if _holds(bundle, inputs, logits[1:].numpy()) else None


def _without_each(target: Target, state: MemberState) -> torch.Tensor:
    """Raw logit, float64 (1 + n,): with all tiles, then without each."""
    exact = MemberState(
        member=copy.deepcopy(state.member).double(),
        embeddings=(state.embeddings[0].double(), state.embeddings[1].double(), state.embeddings[2].double()),
        tile_attention=state.tile_attention.double(),
        tile_hidden=state.tile_hidden.double(),
        gene_attention=state.gene_attention,
    )
    attention, hidden = exact.tile_attention / exact.tile_attention.sum(), exact.tile_hidden
    whole = attention @ hidden
    left = 1.0 - attention
    rest = (whole - attention[:, None] * hidden) / left[:, None].clamp_min(_LAST)
    with torch.no_grad():
        logits = target.fuse(exact, HISTOLOGY, torch.cat([whole[None], rest]))
    logits[1:][left < _LAST] = torch.nan
    return logits


def _holds(bundle: ModelBundle, inputs: CaseInputs, without: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bool:
    """Score the case anew without the first tile and without the one that matters most, and compare."""
    if inputs.tiles is None or not np.isfinite(without).any():
        return False
    far = np.abs(np.nan_to_num(without, nan=float(np.nanmean(without))) - np.nanmean(without))
    for i in {0, int(far.argmax())}:
        kept = torch.arange(len(inputs.tiles)) != i
        rest = bundle.score(CaseInputs(**{**vars(inputs), "tiles": inputs.tiles[kept]})).logit
        if np.isfinite(without[i]) and abs(rest - float(without[i])) > TOLERANCE:
            return False
    return True
