"""Masked softmax and gated attention pooling (Ilse, Tomczak and Welling 2018)."""

import torch
from torch import Tensor, nn


def masked_softmax(logits: Tensor, mask: Tensor) -> Tensor:
    """Softmax over the last axis that is exactly 0 where ``mask`` is False, and all 0 where nothing is left."""
    logits = logits.masked_fill(~mask, -torch.inf)
    peak = logits.amax(dim=-1, keepdim=True).detach()
    weights = torch.exp(logits - peak.masked_fill(peak.isinf(), 0.0))
    return weights / weights.sum(dim=-1, keepdim=True).clamp_min(torch.finfo(weights.dtype).tiny)


def block(values: Tensor, mask: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Zero what ``mask`` hides, NaN included; an empty placeholder (last axis 0) becomes ``width`` hidden zeros."""
    if values.shape[-1] == 0:
        values = values.new_zeros((*values.shape[:-1], width))
        mask = mask.new_zeros((*mask.shape[:-1], width))
    return values.masked_fill(~mask, 0.0), mask


class GatedAttention(nn.Module):
    """Attention of each item of a bag: a tanh branch times a sigmoid branch, then a masked softmax."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.tanh_branch = nn.Linear(dim, hidden)
        self.sigmoid_branch = nn.Linear(dim, hidden)
        self.score = nn.Linear(hidden, 1)

    def forward(self, items: Tensor, mask: Tensor) -> Tensor:
        """Return attention (B, N) of items (B, N, dim) under mask (B, N): 0 where masked, else summing to 1."""
        gated = torch.tanh(self.tanh_branch(items)) * torch.sigmoid(self.sigmoid_branch(items))
        return masked_softmax(self.score(gated).squeeze(-1), mask)
