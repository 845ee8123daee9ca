"""Histology encoder: tile embeddings to one slide embedding by gated-attention multiple-instance learning."""

from typing import cast

import torch
from torch import Tensor, nn

from icicore.models.attention import GatedAttention, block

_EPS = 1e-5


class HistologyEncoder(nn.Module):
    """Standardisation and projection per tile, gated attention over tiles, weighted sum.

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
        self.project = nn.Sequential(nn.Linear(tile_dim, dim), nn.GELU(), nn.Dropout(dropout))
        self.attention = GatedAttention(dim, attention_dim)

    def start_projection(self, weight: Tensor, bias: Tensor) -> None:
        """Give the first units of the projection a start: weight (k, tile_dim) on standardised tiles, bias (k,)."""
        layer, k = cast(nn.Linear, self.project[0]), min(len(bias), self.dim)
        with torch.no_grad():
            layer.weight[:k], layer.bias[:k] = weight[:k], bias[:k]

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
        hidden = self.project(standardise(tiles, spread_is_constant=not self.training))
        attention = self.attention(hidden, mask)
        embedding = torch.einsum("bn,bnd->bd", attention, hidden)
        return embedding, attention, hidden


def standardise(tiles: Tensor, *, spread_is_constant: bool) -> Tensor:
    """Centre each tile embedding (..., tile_dim) and divide it by its standard deviation.

    What follows is then blind to the scale of an embedding, so its gradient is orthogonal to the embedding and the
    Grad-CAM of every tile would sum to zero: only contrasts within a tile could be seen. Explanations therefore take
    the standard deviation as a constant (Ali et al. 2022, conservative propagation through layer normalisation);
    training follows the exact gradient.
    """
    if not (spread_is_constant and torch.is_grad_enabled()):
        return nn.functional.layer_norm(tiles, tiles.shape[-1:], eps=_EPS)
    centred = tiles - tiles.mean(dim=-1, keepdim=True)
    return centred * torch.rsqrt(centred.square().mean(dim=-1, keepdim=True) + _EPS).detach()
