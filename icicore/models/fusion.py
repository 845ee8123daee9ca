"""Fusion of the modality embeddings: attention over the modalities present; for ablation, concatenation or mean."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from icicore.models.attention import masked_softmax

LEAST_SHARE = 0.02
"""Of a modality that is there; with nothing left of it, its weight would have no gradient."""


def _classifier(dim: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(dim, 64), nn.ReLU(), nn.Linear(64, 1))


class AttentionFusion(nn.Module):
    """The reference fusion, with a mask for absent modalities.

    ``h_m = tanh(W_m x_m + b_m)``; one shared linear score ``s_m = w.h_m + c``; ``alpha`` = softmax of ``s`` over the
    modalities present; ``z = sum_m alpha_m h_m``; logit = Linear(64, 1)(ReLU(Linear(dim, 64)(z))).

    ``complete``, where it is not 0, is the number of modalities of a complete case, and ``z`` is multiplied by the
    share of them that is present. Evidence adds up: without it the modalities that are left would speak louder
    because another one is missing. For a complete case nothing changes.

    ``shares``, where given, say how much of each modality can be read. One of which little can be read is partly
    missing: the softmax starts from the shares in place of equal parts, and ``complete`` counts them.
    """

    complete = 0

    def __init__(self, dims: Sequence[int], dim: int) -> None:
        super().__init__()
        self.projections = nn.ModuleList(nn.Linear(d, dim) for d in dims)
        self.score = nn.Linear(dim, 1)
        self.classifier = _classifier(dim)

    def forward(
        self, embeddings: Sequence[Tensor], present: Tensor, shares: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return logit (B,) and weights (B, M) of M embeddings (B, d_m) under present (B, M) and shares (B, M)."""
        there = present.to(embeddings[0].dtype)
        if shares is not None:
            there = there * shares.clamp(LEAST_SHARE, 1.0)
        visible = hide_absent(embeddings, present)
        hidden = torch.stack([torch.tanh(w(x)) for w, x in zip(self.projections, visible, strict=True)], dim=1)
        weights = self.weigh(hidden, present, there)
        fused = torch.einsum("bm,bmd->bd", weights, hidden)
        if self.complete:
            fused = fused * (there.sum(dim=1, keepdim=True) / self.complete)
        return self.classifier(fused).squeeze(-1), weights

    def weigh(self, hidden: Tensor, present: Tensor, there: Tensor) -> Tensor:
        """Return weights (B, M) of the projections (B, M, dim), of which as much is there as ``there`` (B, M) says."""
        score = self.score(hidden).squeeze(-1) + there.masked_fill(~present, 1.0).log()
        return masked_softmax(score, present)


class MeanFusion(AttentionFusion):
    """Ablation: the mean of the projections present in place of the weighted sum."""

    def __init__(self, dims: Sequence[int], dim: int) -> None:
        super().__init__(dims, dim)
        del self.score

    def weigh(self, hidden: Tensor, present: Tensor, there: Tensor) -> Tensor:
        """Return equal weights (B, M) of what is there."""
        return equal_weights(there)


class ConcatFusion(nn.Module):
    """Ablation: concatenate the same projections (zeros where absent), then the same kind of classifier.

    It has no weights of its own; equal shares over the modalities present are reported. Shares that can be read are
    not looked at.
    """

    def __init__(self, dims: Sequence[int], dim: int) -> None:
        super().__init__()
        self.projections = nn.ModuleList(nn.Linear(d, dim) for d in dims)
        self.classifier = _classifier(dim * len(dims) + len(dims))

    def forward(
        self, embeddings: Sequence[Tensor], present: Tensor, shares: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return logit (B,) and weights (B, M); arguments as in ``AttentionFusion``."""
        visible = hide_absent(embeddings, present)
        flags = present.to(visible[0].dtype)
        hidden = [
            torch.tanh(w(x)) * flags[:, m, None] for m, (w, x) in enumerate(zip(self.projections, visible, strict=True))
        ]
        return self.classifier(torch.cat([*hidden, flags], dim=1)).squeeze(-1), equal_weights(flags)


def equal_weights(flags: Tensor) -> Tensor:
    """Divide 1 among the modalities present, given how much of each is there (B, M)."""
    return flags / flags.sum(dim=1, keepdim=True).clamp_min(torch.finfo(flags.dtype).tiny)


def reset_readout(fusion: AttentionFusion | ConcatFusion) -> None:
    """Draw the classifier anew from torch's generator: one seed gives all models of a member the same start."""
    for layer in fusion.classifier:
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()


def hide_absent(embeddings: Sequence[Tensor], present: Tensor) -> list[Tensor]:
    """Zero the embeddings of absent modalities, NaN included."""
    return [x.masked_fill(~present[:, m, None], 0.0) for m, x in enumerate(embeddings)]
