"""Histology encoder: tile embeddings to one slide embedding by gated-attention multiple-instance learning."""

import torch
from torch import Tensor, nn

from icicore.models.attention import GatedAttention, block


class HistologyEncoder(nn.Module):
    """LayerNorm and a projection per tile, gated attention over tiles, weighted sum.

    Parameters
    ----------
    tile_dim : width of a tile embedding
    dim : width of the slide embedding
    attention_dim : width of the two attention branches
    dropout : on the projected tiles
    """

    def __init__(self, tile_dim: int, dim: int, *, attention_dim: int, dropout: float) -> None:
        super().__init__()
        self.tile_dim, self.dim = tile_dim, dim
        self.project = nn.Sequential(
            nn.LayerNorm(tile_dim, elementwise_affine=False), nn.Linear(tile_dim, dim), nn.GELU(), nn.Dropout(dropout)
        )
        self.attention = GatedAttention(dim, attention_dim)

    def forward(self, tiles: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Encode bags.

        Parameters
        ----------
        tiles : (B, N, tile_dim)
        mask : bool (B, N), False on padding

        Returns
        -------
        embedding (B, dim), attention (B, N), hidden (B, N, dim);
        ``embedding == sum_i attention_i * hidden_i``, which additive explanations build on
        """
        tiles, _ = block(tiles, mask[..., None].expand_as(tiles), self.tile_dim)
        hidden = self.project(tiles)
        attention = self.attention(hidden, mask)
        embedding = torch.einsum("bn,bnd->bd", attention, hidden)
        return embedding, attention, hidden
