"""From genes to gene sets: the activity of every set as an attention-weighted mean of its measured genes.

A few hundred patients cannot teach a model two thousand genes one by one, but genes of one set move together: their
mean is measured far better than any of them. Each gene has one learned attention logit, so within a set the weights
say which genes speak for it. Mutation, TMB and expression tokens of a set are pooled apart.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

_SPEED = 5.0  # attention logits move by the learning rate per step; five times that reaches contrast in one training
_CLIP = 4.0  # standard deviations; one absurd value must not decide alone
_ENOUGH = 2  # cases in which a set must be measured before its spread says anything


@dataclass(frozen=True, eq=False)
class GeneSets:
    """Gene sets over T tokens.

    Attributes
    ----------
    membership : 0/1 (T, P)
    published : bool (P,), the signatures of response
    start : float (P,), attention that a set begins with, against that of another one of an equally large group
    """

    membership: Tensor
    published: Tensor
    start: Tensor


class PathwayPool(nn.Module):
    """Gene values to activities of gene sets.

    Parameters
    ----------
    n_tokens : number of gene tokens T
    n_sets : number of gene sets P
    """

    membership: Tensor
    centre: Tensor
    scale: Tensor

    def __init__(self, n_tokens: int, n_sets: int) -> None:
        super().__init__()
        self.logit = nn.Parameter(torch.zeros(n_tokens))
        self.register_buffer("membership", torch.zeros(n_tokens, n_sets))
        self.register_buffer("centre", torch.zeros(n_sets))
        self.register_buffer("scale", torch.ones(n_sets))

    def fit(self, values: Tensor, measured: Tensor) -> None:
        """Standardise activities over the training cases (N, T) in which a set was measured."""
        with torch.no_grad():
            raw, total = self._pool(values, measured)
            present = total > 0
            count = present.sum(dim=0)
            self.centre.copy_((raw * present).sum(dim=0) / count.clamp_min(1))
            spread = (((raw - self.centre) * present) ** 2).sum(dim=0) / count.clamp_min(1)
            known = (count >= _ENOUGH) & (spread > 1e-8)
            self.scale.copy_(torch.where(known, spread.sqrt(), torch.ones_like(spread)))

    def forward(self, values: Tensor, measured: Tensor) -> tuple[Tensor, Tensor]:
        """Pool scaled gene values (B, T) of which only ``measured`` (B, T) count.

        Returns
        -------
        activity (B, P), 0 on average over the training cases, and the total weight (B, P) of the measured genes of a
        set: 0 where none was measured
        """
        raw, total = self._pool(values, measured)
        return _CLIP * torch.tanh((raw - self.centre) / self.scale / _CLIP) * (total > 0), total

    def gene_attention(self, sets: Tensor, total: Tensor, measured: Tensor) -> Tensor:
        """Attention per gene (B, T) from attention per set (B, P): that of its sets times its share in each."""
        share = sets / total.clamp_min(torch.finfo(total.dtype).tiny)
        return (share @ self.membership.T) * self._strength() * measured

    def _pool(self, values: Tensor, measured: Tensor) -> tuple[Tensor, Tensor]:
        strength = self._strength() * measured
        total = strength @ self.membership
        return (strength * values) @ self.membership / total.clamp_min(torch.finfo(total.dtype).tiny), total

    def _strength(self) -> Tensor:
        return torch.exp(torch.clamp(_SPEED * self.logit, -8.0, 8.0))
