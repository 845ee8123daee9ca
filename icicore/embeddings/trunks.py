"""From a loaded network to a frozen encoder."""

from typing import TypeAlias

import torch
from torch import Tensor, nn

from icicore.embeddings.encoder import TileEncoder
from icicore.embeddings.fold import fold_batch_norm, same_output
from icicore.embeddings.weights import weights_digest

Rgb3: TypeAlias = tuple[float, float, float]
IMAGENET_MEAN: Rgb3 = (0.485 * 255, 0.456 * 255, 0.406 * 255)
IMAGENET_STD: Rgb3 = (0.229 * 255, 0.224 * 255, 0.225 * 255)


class TimmMaps(nn.Module):
    """The part of a timm network before pooling: NCHW -> (n, dim, h, w)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps after the last activation."""
        maps: Tensor = self.network.forward_features(x)  # type: ignore[operator]
        return maps


def encoder_of_maps(name: str, trunk: nn.Module, *, dim: int, mean: Rgb3, std: Rgb3) -> TileEncoder:
    """Freeze and fold a convolutional trunk into an encoder; the digest is that of the unfolded weights."""
    trunk = trunk.eval()
    folded = fold_batch_norm(trunk)
    if not same_output(trunk, folded):  # an unusual order of layers: slower, but right
        folded = trunk.requires_grad_(False)  # noqa: FBT003 (torch's own signature)
    module = folded.to(memory_format=torch.channels_last)
    return TileEncoder(name, weights_digest(trunk), dim, module, mean, std)
