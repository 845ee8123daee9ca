"""Gene encoder: a Transformer over gene tokens with readable attention per gene.

A token is gene embedding + kind embedding + value x direction; the direction is the gene's own plus those of its
pathways, so that a few hundred patients teach the model about sixty gene sets before two thousand genes. By default
a few latent queries attend to all gene tokens and a Transformer runs over the latents (Jaegle et al. 2021): the cost
is linear in the number of genes. Because a token is linear in its value, keys and values split into a part per gene
and a part per value, and the exact cross-attention needs no (batch, genes, dim) tensor at all. ``attention="full"``
runs every token against every token instead: the same contract, far slower.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from icicore.models.attention import GatedAttention, block, masked_softmax

_OWN = 0.3  # a gene starts as a member of its pathways and earns a direction of its own
_CLIP = 5.0  # standard deviations; one absurd expression value must not decide alone


@dataclass(frozen=True)
class GeneEncoderConfig:
    """Sizes of the gene encoder.

    ``kinds``: number of mutation, TMB and expression tokens, in token order; ``pathways``: number of gene sets.
    """

    kinds: tuple[int, ...]
    pathways: int = 0
    dim: int = 64
    latents: int = 8
    heads: int = 4
    layers: int = 2
    dropout: float = 0.2
    attention: str = "latent"


class TransformerBlock(nn.Module):
    """Pre-norm self-attention and feed-forward; ``mask`` (B, N) hides items from all others."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * dim, dim))
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return (B, N, dim)."""
        batch, n, dim = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        keys = None if mask is None else mask[:, None, None, :]
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=keys)
        x = x + self.drop(self.out(mixed.transpose(1, 2).reshape(batch, n, dim)))
        changed: Tensor = self.drop(self.mlp(self.norm2(x)))
        return x + changed


class GeneEncoder(nn.Module):
    """Gene tokens to one embedding (B, dim) and one attention weight per gene (B, T)."""

    kind_of: Tensor
    membership: Tensor

    def __init__(self, config: GeneEncoderConfig) -> None:
        super().__init__()
        self.config, dim, n_tokens = config, config.dim, sum(config.kinds)
        self.gene = nn.Parameter(torch.randn(n_tokens, dim) * dim**-0.5)
        self.direction = nn.Parameter(torch.randn(n_tokens, dim) * dim**-0.5)
        self.pathway = nn.Parameter(torch.randn(config.pathways, dim) * dim**-0.5)
        self.kind = nn.Parameter(torch.zeros(len(config.kinds), dim))
        # One TMB token stands beside thousands of genes: kinds start with shares like the root of their sizes.
        self.kind_share = nn.Parameter(-0.5 * torch.log(torch.tensor(config.kinds, dtype=torch.float32).clamp_min(1)))
        self.register_buffer("membership", torch.zeros(n_tokens, config.pathways))
        kinds = torch.repeat_interleave(torch.arange(len(config.kinds)), torch.tensor(config.kinds))
        self.register_buffer("kind_of", kinds, persistent=False)
        self.blocks = nn.ModuleList(TransformerBlock(dim, config.heads, config.dropout) for _ in range(config.layers))
        self.norm = nn.LayerNorm(dim)
        if config.attention == "full":
            self.pool = GatedAttention(dim, dim)
        else:
            self.latents = nn.Parameter(torch.randn(config.latents, dim) * dim**-0.5)
            self.query, self.key, self.value = (nn.Linear(dim, dim, bias=False) for _ in range(3))
            # No bias: averages over thousands of genes are small, and a bias would drown them in the norm.
            out = nn.Linear(dim, dim, bias=False)
            self.read = nn.Sequential(out, nn.LayerNorm(dim), nn.Dropout(config.dropout))

    def set_pathways(self, membership: Tensor) -> None:
        """Say which gene sets each token belongs to: 0/1, (T, pathways). Stored with the weights."""
        self.membership.copy_(membership / membership.sum(dim=1, keepdim=True).clamp_min(1).sqrt())

    def forward(self, values: Tensor, measured: Tensor) -> tuple[Tensor, Tensor]:
        """Encode scaled token values (B, T) of which only ``measured`` (B, T) count.

        Returns
        -------
        embedding (B, dim) and attention (B, T): 0 on unmeasured genes, else summing to 1, averaged over
        latents and heads
        """
        values, measured = block(values, measured, len(self.gene))
        values = _CLIP * torch.tanh(values / _CLIP)
        encode = self._full if self.config.attention == "full" else self._latent
        return encode(values, measured)

    def _latent(self, values: Tensor, measured: Tensor) -> tuple[Tensor, Tensor]:
        tokens, direction = self._tokens()
        query = self._split(self.query(self.latents)) * (self.config.dim / self.config.heads) ** -0.5
        still = query @ self._split(self.key(tokens)).mT  # (heads, latents, T), the same for every case
        moving = query @ self._split(self.key(direction)).mT
        logits = still + self.kind_share[self.kind_of] + values[:, None, None, :] * moving
        attention = masked_softmax(logits, measured[:, None, None, :])
        read = attention @ self._split(self.value(tokens))
        read = read + (attention * values[:, None, None, :]) @ self._split(self.value(direction))
        x = self.latents + self.read(read.transpose(1, 2).flatten(2))
        for layer in self.blocks:
            x = layer(x)
        return self.norm(x.mean(dim=1)), attention.mean(dim=(1, 2))

    def _full(self, values: Tensor, measured: Tensor) -> tuple[Tensor, Tensor]:
        tokens, direction = self._tokens()
        x = tokens + values[..., None] * direction
        keys = measured | ~measured.any(dim=1, keepdim=True)  # a case without genes is blocked at the fusion
        for layer in self.blocks:
            x = layer(x, keys)
        attention = self.pool(x, measured)
        return self.norm(torch.einsum("bt,btd->bd", attention, x)), attention

    def _tokens(self) -> tuple[Tensor, Tensor]:
        """Token at value 0, and its change per unit of value; genes of one pathway share a part of the latter."""
        shared = self.membership @ self.pathway
        return self.gene + self.kind[self.kind_of], _OWN * self.direction + shared

    def _split(self, x: Tensor) -> Tensor:
        """(n, dim) to (heads, n, dim / heads)."""
        return x.view(len(x), self.config.heads, -1).transpose(0, 1)
