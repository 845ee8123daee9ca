"""Histology encoder: tile embeddings to one slide embedding by gated-attention multiple-instance learning."""

import torch
from torch import Tensor, nn

from icicore.models.attention import GatedAttention, block


class HistologyEncoder(nn.Module):
    """Projection per tile, gated attention over tiles, weighted sum.

    Embeddings are divided by one number, their root mean square over training tiles, and not normalised tile by tile:
    a model that is blind to the scale of an embedding, as after LayerNorm, has a gradient that is orthogonal to it, so
    that the Grad-CAM of every tile would sum to zero and only contrasts within tiles could be seen.

    Parameters
    ----------
    tile_dim : width of a tile embedding
    dim : width of the slide embedding
    attention_dim : width of the two attention branches
    dropout : on the projected tiles
    """

    scale: Tensor

    def __init__(self, tile_dim: int, dim: int, *, attention_dim: int, dropout: float) -> None:
        super().__init__()
        self.tile_dim, self.dim = tile_dim, dim
        self.register_buffer("scale", torch.ones(()))
        self.project = nn.Sequential(nn.Linear(tile_dim, dim), nn.GELU(), nn.Dropout(dropout))
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
        hidden = self.project(tiles / self.scale)
        attention = self.attention(hidden, mask)
        embedding = torch.einsum("bn,bnd->bd", attention, hidden)
        return embedding, attention, hidden
