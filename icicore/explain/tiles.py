"""What each tile adds to the score: attention, and signed additive contributions."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from icicore.domain import HISTOLOGY
from icicore.explain.target import MemberState, Target
from icicore.models.bundle import ModelBundle
from icicore.models.inputs import CaseInputs
from icicore.types import F32

STEPS = 256
"""Points of the path integral; it runs through the fusion head only, so they cost next to nothing."""


@dataclass(frozen=True, eq=False)
class TileExplanation:
    """Explanation of the tiles of a case, in bag order.

    Attributes
    ----------
    attention : (n,), at least 0, sums to 1
    contribution : (n,) in logit; positive speaks for response. Sums to ``logit - baseline_logit``
    logit : calibrated logit of the case
    baseline_logit : the same case with the mean slide embedding of the training patients
    residual : error of the path integral before it was corrected, in logit
    """

    attention: F32
    contribution: F32
    logit: float
    baseline_logit: float
    residual: float


def explain_tiles(bundle: ModelBundle, inputs: CaseInputs) -> TileExplanation:
    """Attribute the score to tiles.

    With the attention ``a`` fixed, the slide embedding is ``z = sum_i a_i h_i``. The gradient ``g`` of the logit is
    averaged along the straight line from the training mean ``z0`` to ``z`` (integrated gradients, Sundararajan
    et al. 2017), and tile i contributes ``a_i <g, h_i - z0>``: exactly additive, as the attention sums to 1.

    Raises
    ------
    ValueError : the score does not rest on histology.
    """
    target = Target(bundle, inputs)
    target.require(HISTOLOGY)
    slope, states = bundle.spec.calibration.slope, target.states()
    parts = [_member(target, state, z0) for state, z0 in zip(states, bundle.baseline_slide, strict=True)]
    contribution, ends, starts, residuals = (
        torch.stack(list(column)).mean(dim=0) for column in zip(*parts, strict=True)
    )
    intercept = bundle.spec.calibration.intercept
    return TileExplanation(
        attention=torch.stack([s.tile_attention for s in states]).mean(dim=0).numpy(),
        contribution=np.asarray(slope * contribution, np.float32),
        logit=slope * float(ends) + intercept,
        baseline_logit=slope * float(starts) + intercept,
        residual=slope * float(residuals),
    )


def _member(target: Target, state: MemberState, z0: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Contributions (n,), logit at both ends, and residual of one member, in raw logit."""
    z = state.embeddings[0][0]
    gradient = _path_gradient(target, state, z0, z)
    with torch.no_grad():
        start, end = target.fuse(state, HISTOLOGY, torch.stack([z0, z])).double()
    way = (z - z0).double()
    residual = (end - start) - gradient @ way
    # The least change of the gradient that makes the sum exact; the rest is rounding and kinks of the ReLU.
    gradient = gradient + way * residual / way.square().sum().clamp(min=1e-12)
    contribution = state.tile_attention.double() * ((state.tile_hidden - z0).double() @ gradient)
    return contribution, end, start, residual


def _path_gradient(target: Target, state: MemberState, z0: Tensor, z: Tensor) -> Tensor:
    """Mean gradient (d,) of the raw logit along the line from ``z0`` to ``z``, by the midpoint rule."""
    t = (torch.arange(STEPS, dtype=torch.float32) + 0.5)[:, None] / STEPS
    points = (z0 + t * (z - z0)).detach().requires_grad_(True)  # noqa: FBT003 (torch's own signature)
    (gradient,) = torch.autograd.grad(target.fuse(state, HISTOLOGY, points).sum(), points)
    return gradient.double().mean(dim=0)
