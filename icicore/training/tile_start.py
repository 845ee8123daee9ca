"""A start for the tile projection: what the tile-class head has learnt of tissue, before any response is seen.

A thousand responses cannot teach a projection of 1,280 channels what a lymphocyte looks like. The hidden layer of the
tile-class head has seen labelled tissue, so the first units of the projection begin as its units.
"""

import torch
from torch import Tensor
from torch.nn.functional import layer_norm

from icicore.models.multimodal import MultimodalModel
from icicore.models.tile_classes import TileClassHead, load_tile_head
from icicore.training.dataset import ScaledStudy
from icicore.types import I32

_MOST_TILES = 20_000
_RIDGE = 0.01
"""Of the variance of a standardised channel, which is about 1."""


def start_from_tissue(network: MultimodalModel, study: ScaledStudy, rows: I32) -> bool:
    """Start the projection from the head of the study's tile encoder; False without one: it stays as it was drawn.

    ``rows`` are the training patients, whose tiles tell how the head's inputs and the projection's are related.
    """
    head = tissue_head(study)
    tiles = study.sample_tiles(rows, _MOST_TILES)
    if head is None or not len(tiles):
        return False
    network.start_projection(*projection_of(head, tiles))
    return True


def tissue_head(study: ScaledStudy) -> TileClassHead | None:
    """The shipped head of the encoder that made the tiles; None when there is none."""
    origin = study.study
    return load_tile_head(f"{origin.backbone}@{origin.backbone_digest}") if origin.backbone else None


def projection_of(head: TileClassHead, tiles: Tensor) -> tuple[Tensor, Tensor]:
    """Weight (k, tile_dim) and bias (k,) that make of standardised tiles what the head's hidden layer makes of tiles.

    The head standardises by channel over a training set and the encoder by tile, so the two are linear in different
    inputs. Ridge regression over ``tiles`` (n, tile_dim) finds the nearest linear map.
    """
    wanted = torch.from_numpy(head.before_hidden(tiles.numpy()))
    given = layer_norm(tiles, tiles.shape[-1:])
    centre, target = given.mean(dim=0), wanted.mean(dim=0)
    given, wanted = given - centre, wanted - target
    gram = given.T @ given / len(given) + _RIDGE * torch.eye(given.shape[1])
    weight = torch.linalg.solve(gram, given.T @ wanted / len(given)).T.contiguous()
    return weight, target - weight @ centre
