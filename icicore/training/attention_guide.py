"""A pull on the tile attention towards tissue that holds lymphocytes, as the tile-class head sees it.

A response per patient says nothing of which tiles it came from: attention may rest on any tissue that goes with the
others. What pathology knows is where to look, so a small term of the loss asks that attention rises with the density of
lymphocytes within a slide. It says nothing of what to conclude: response does not enter it.
"""

import math

import torch
from torch import Tensor, nn

from icicore.models.inputs import Batch, ModelOutput
from icicore.models.tile_classes import FAR, MOST_LYMPHOCYTES, TILE_CLASSES, TileClassHead

_LEAST_SPREAD = 0.3
"""Of log density, added to its standard deviation: a slide without lymphocytes has no order to follow."""
_TINY = 1e-6


class AttentionGuide(nn.Module):
    """The tile-class head's log density of lymphocytes, and how little an attention follows it."""

    mean: Tensor
    scale: Tensor
    hidden_weight: Tensor
    hidden_bias: Tensor
    out_weight: Tensor
    out_bias: Tensor

    def __init__(self, head: TileClassHead) -> None:
        super().__init__()
        density = len(TILE_CLASSES)
        for name in ("mean", "scale", "hidden.weight", "hidden.bias"):
            self.register_buffer(name.replace(".", "_"), torch.from_numpy(head.weights[name]), persistent=False)
        self.register_buffer("out_weight", torch.from_numpy(head.weights["out.weight"][density]), persistent=False)
        self.register_buffer("out_bias", torch.from_numpy(head.weights["out.bias"])[density], persistent=False)

    @torch.no_grad()
    def log_density(self, tiles: Tensor) -> Tensor:
        """Natural logarithm of lymphocytes per mm2 (B, N) of tiles (B, N, tile_dim)."""
        x = ((tiles.float() - self.mean) / self.scale).clamp(-FAR, FAR)
        hidden = torch.relu(nn.functional.linear(x, self.hidden_weight, self.hidden_bias))
        return (hidden @ self.out_weight + self.out_bias).clamp(0.0, math.log(MOST_LYMPHOCYTES))

    def forward(self, batch: Batch, output: ModelOutput) -> Tensor:
        """Mean over the batch of 1 - r, r being the correlation of log attention and log density in a case.

        Cases without histology count as 0, so that a batch may be added up from parts.
        """
        if batch.tiles.shape[-1] == 0:
            return output.logit.new_zeros(())
        mask = batch.tile_mask & (output.tile_attention > 0)
        wanted, spread = _centred(self.log_density(batch.tiles), mask)
        given, scale = _centred(output.tile_attention.clamp_min(torch.finfo(torch.float32).tiny).log(), mask)
        n = mask.sum(dim=1).clamp_min(1)
        r = (wanted * given).sum(dim=1) / n / ((spread + _LEAST_SPREAD) * scale)
        return ((1 - r) * (mask.sum(dim=1) > 1)).sum() / len(mask)


def _centred(values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Values (B, N) less their mean over the mask, 0 outside it, and their standard deviation (B,)."""
    n = mask.sum(dim=1, keepdim=True).clamp_min(1)
    values = values.masked_fill(~mask, 0.0)
    centred = (values - values.sum(dim=1, keepdim=True) / n).masked_fill(~mask, 0.0)
    return centred, (centred.square().sum(dim=1) / n[:, 0] + _TINY).sqrt()
