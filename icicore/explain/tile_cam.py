"""Grad-CAM of one tile by the pytorch-grad-cam library: an independent way to the closed form in ``gradcam``."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import RawScoresOutputTarget
from torch import Tensor, nn

from icicore.domain import HISTOLOGY
from icicore.embeddings.encoder import TileEncoder
from icicore.explain.target import Target
from icicore.models.bundle import ModelBundle
from icicore.models.inputs import CaseInputs, collate
from icicore.types import F32, Rgb


@dataclass(frozen=True, eq=False)
class TileCam:
    """Grad-CAM of one tile.

    Attributes
    ----------
    signed : (h, w) in logit per position; positive raises the logit
    image : (tile_px, tile_px), positive part enlarged to the tile, scaled to 0-1 by its own maximum
    """

    signed: F32
    image: F32


class TileToLogit(nn.Module):
    """Image of tile ``i`` -> embedding -> its place in the bag -> calibrated logit of the whole case, (1, 1).

    The value at tile ``i`` is the stored embedding, the gradient is that of the image's embedding: the gradient is
    taken at the point that was scored, although stored embeddings are rounded to half precision.
    """

    def __init__(self, bundle: ModelBundle, inputs: CaseInputs, *, tile: int, encoder: TileEncoder) -> None:
        super().__init__()
        target = Target(bundle, inputs)
        target.require(HISTOLOGY)
        if inputs.tiles is None or not 0 <= tile < len(inputs.tiles):
            raise ValueError(f"case {inputs.case_id} has no tile {tile}")
        self.target, self.inputs, self.tile, self.encoder = target, inputs, tile, encoder
        self.tiles = inputs.tiles.detach().float()
        self.backbone = encoder.module  # registered, so that the library finds its device

    def forward(self, x: Tensor) -> Tensor:
        """Calibrated logit (1, 1) of the case whose tile ``i`` is the preprocessed image ``x`` (1, 3, h, w)."""
        embedding = self.encoder.embed(x).to(self.tiles.device)
        stored = self.tiles[self.tile : self.tile + 1]
        moved = stored + (embedding - embedding.detach())
        tiles = torch.cat([self.tiles[: self.tile], moved, self.tiles[self.tile + 1 :]])
        batch = collate([CaseInputs(**{**vars(self.inputs), "tiles": tiles})])
        return self.target.logit_of(batch)[:, None]


def tile_gradcam(bundle: ModelBundle, inputs: CaseInputs, *, tile: int, image: Rgb, encoder: TileEncoder) -> TileCam:
    """Grad-CAM of tile ``tile`` of a case, given its stain-normalised pixels ``image`` (h, w, 3).

    Raises
    ------
    ValueError : the score does not rest on histology, there is no such tile, or the encoder has no feature maps.
    """
    if not encoder.spatial:
        raise ValueError(f"{encoder.name} has no feature maps, so Grad-CAM is not defined for it")
    model = TileToLogit(bundle, inputs, tile=tile, encoder=encoder)
    x = encoder.preprocess(image[None]).requires_grad_(True)  # noqa: FBT003 (torch's own signature)
    layers: Sequence[nn.Module] = [encoder.last_layer]
    cam = GradCAM(model=model, target_layers=list(layers), reshape_transform=torch.Tensor.float)
    try:
        cam(input_tensor=x, targets=[RawScoresOutputTarget()])
        kept = cam.activations_and_grads
        signed = cam.get_cam_image(x, layers[0], None, kept.activations[0].numpy(), kept.gradients[0].numpy())[0]
    finally:
        cam.activations_and_grads.release()
    signed = np.asarray(signed, np.float32)
    return TileCam(signed, enlarge(signed, image.shape[0]))


def enlarge(signed: F32, side: int) -> F32:
    """Positive part, enlarged smoothly to (side, side) and divided by its maximum; 0 where nothing is positive."""
    positive = np.maximum(signed, 0)
    top = float(positive.max(initial=0.0))
    large = cv2.resize(positive / top if top > 0 else positive, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(large, 0, 1), np.float32)
