"""Gene encoder: a Transformer over tokens with readable attention per gene.

By default a token is a gene set (see ``pathways``): set embedding + activity x direction, and self-attention runs over
some two hundred of them. ``attention="full"`` makes every gene a token, as in the reference: the same contract, far
slower, and more to learn than a few hundred patients can teach.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from icicore.models.attention import block, masked_softmax
from icicore.models.pathways import GeneSets, PathwayPool

_CLIP = 5.0  # standard deviations; one absurd expression value must not decide alone
_START = 0.2  # of the directions: small, so that what is learned soon outweighs what was drawn
_GAIN = 0.1  # blocks start small: what tokens say one by one comes first, what they say together is learned on top


@dataclass(frozen=True)
class GeneEncoderConfig:
    """Sizes of the gene encoder.

    ``kinds``: number of mutation, TMB and expression tokens, in token order; ``pathways``: number of gene sets.
    """

    kinds: tuple[int, ...]
    pathways: int = 0
    dim: int = 64
    heads: int = 4
    layers: int = 1
    dropout: float = 0.2
    attention: str = "pathway"


class TransformerBlock(nn.Module):
    """Pre-norm self-attention and feed-forward with a learned gain; ``mask`` (B, N) hides items from all others."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * dim, dim))
        self.drop = nn.Dropout(dropout)
        self.gain = nn.Parameter(torch.full((2, dim), _GAIN))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return (B, N, dim)."""
        batch, n, dim = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :])
        x = x + self.gain[0] * self.drop(self.out(mixed.transpose(1, 2).reshape(batch, n, dim)))
        changed: Tensor = self.drop(self.mlp(self.norm2(x)))
        return x + self.gain[1] * changed


class GeneEncoder(nn.Module):
    """Gene tokens to one embedding (B, dim) and one attention weight per gene (B, T)."""

    def __init__(self, config: GeneEncoderConfig) -> None:
        super().__init__()
        self.config, dim = config, config.dim
        self.n_tokens = sum(config.kinds)
        self.pool = PathwayPool(self.n_tokens, config.pathways)
        n = self.n_tokens if config.attention == "full" else config.pathways
        self.place = nn.Parameter(torch.randn(n, dim) * dim**-0.5)
        self.direction = nn.Parameter(_START * torch.randn(n, dim))
        self.prior = nn.Parameter(torch.zeros(n))
        self.score = nn.Linear(dim, 1, bias=False)
        nn.init.zeros_(self.score.weight)  # all tokens start with equal attention
        self.token_dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(TransformerBlock(dim, config.heads, config.dropout) for _ in range(config.layers))

    def set_gene_sets(self, sets: GeneSets) -> None:
        """Say which gene sets each token belongs to. Stored with the weights.

        One TMB token stands beside dozens of sets of other kinds, so groups of sets start with shares like the root of
        their sizes, published signatures as a group of their own; ``start`` says who begins with more.
        """
        self.pool.membership.copy_(sets.membership)
        if self.config.attention != "full":
            parts = torch.split(sets.membership, list(self.config.kinds))
            groups = torch.stack([*((part > 0).any(dim=0) & ~sets.published for part in parts), sets.published]).float()
            size = (groups.T @ groups.sum(dim=1)).clamp_min(1.0)
            with torch.no_grad():
                self.prior.copy_(torch.log(sets.start) - 0.5 * torch.log(size))

    def fit_activities(self, values: Tensor, measured: Tensor) -> None:
        """Standardise the activities of gene sets over training cases, both (N, T)."""
        self.pool.fit(self._bounded(values), measured)

    def forward(self, values: Tensor, measured: Tensor) -> tuple[Tensor, Tensor]:
        """Encode scaled token values (B, T) of which only ``measured`` (B, T) count.

        Returns
        -------
        embedding (B, dim) and attention (B, T): 0 on unmeasured genes, else summing to 1
        """
        values, measured = block(values, measured, self.n_tokens)
        values = self._bounded(values)
        if self.config.attention == "full":
            return self._encode(values, measured)
        activity, total = self.pool(values, measured)
        embedding, sets = self._encode(activity, total > 0)
        return embedding, self.pool.gene_attention(sets, total, measured)

    def _encode(self, level: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding and attention per token of token values (B, n) under present (B, n)."""
        said = self.token_dropout(level)[..., None] * self.direction
        x = self.place + said
        keys = present | ~present.any(dim=1, keepdim=True)  # a case without genes is blocked at the fusion
        for layer in self.blocks:
            x = layer(x, keys)
        attention = masked_softmax(self.prior + self.score(x).squeeze(-1), present)
        # The mean of n independent things shrinks like 1 / root n; what does not depend on the case is left out.
        root = present.sum(dim=1, keepdim=True).clamp_min(1).sqrt()
        return root * torch.einsum("bn,bnd->bd", attention, x - self.place), attention

    @staticmethod
    def _bounded(values: Tensor) -> Tensor:
        return _CLIP * torch.tanh(values / _CLIP)
