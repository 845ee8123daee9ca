"""A tile encoder as a value: network, preprocessing and an identity that includes the weights."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from icicore.types import F32, Json, RgbTiles


@dataclass(frozen=True, eq=False)
class TileEncoder:
    """A frozen network that turns RGB tiles into embeddings.

    Attributes
    ----------
    name : registry name, e.g. ``resnet50``
    digest : SHA-256 (hex) over the weights
    dim : length of an embedding
    module : NCHW float32 -> feature maps (n, dim, h, w), or (n, dim) where ``spatial`` is False
    mean, std : normalisation per channel, in units of 0-255
    input_px : side of the square the network takes; tiles of another size are resized to it
    precision : ``fp32`` or ``bf16`` (autocast)
    device : torch device of ``module``
    spatial : the embedding is the global average of feature maps, so Grad-CAM is defined
    """

    name: str
    digest: str
    dim: int
    module: nn.Module
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    input_px: int = 256
    precision: str = "fp32"
    device: str = "cpu"
    spatial: bool = True

    @property
    def identifier(self) -> str:
        """``name@digest`` (first 12 hex digits): encoders with equal identifiers give comparable embeddings."""
        return f"{self.name}@{self.digest[:12]}"

    @property
    def last_layer(self) -> nn.Module:
        """The module whose output is averaged into the embedding (the target layer of Grad-CAM)."""
        return self.module

    def identity(self) -> Json:
        """Everything about this encoder that changes an embedding."""
        return {
            "name": self.name,
            "digest": self.digest,
            "mean": list(self.mean),
            "std": list(self.std),
            "input_px": self.input_px,
            "precision": self.precision,
        }

    def preprocess(self, tiles: RgbTiles) -> Tensor:
        """Normalise tiles, uint8 (n, h, w, 3), into a float32 NCHW tensor in channels-last memory."""
        x = torch.from_numpy(tiles).to(self.device).float()
        x = (x - x.new_tensor(self.mean)) / x.new_tensor(self.std)
        x = x.permute(0, 3, 1, 2)  # channels-last memory without a copy
        if x.shape[-1] != self.input_px:
            size = (self.input_px, self.input_px)
            x = nn.functional.interpolate(x, size=size, mode="bilinear", antialias=True, align_corners=False)
        return x

    def feature_maps(self, x: Tensor) -> Tensor:
        """Last maps before the global average, float32 (n, dim, h, w); differentiable in ``x``."""
        if not self.spatial:
            raise ValueError(f"{self.name} has no feature maps whose average is its embedding")
        with self._autocast():
            maps: Tensor = self.module(x)
        return maps.float()

    def pool(self, maps: Tensor) -> Tensor:
        """Global average, (n, dim, h, w) -> (n, dim)."""
        return maps.mean(dim=(2, 3))

    def embed(self, x: Tensor) -> Tensor:
        """Embeddings (n, dim) of preprocessed tiles; differentiable in ``x``."""
        if self.spatial:
            return self.pool(self.feature_maps(x))
        with self._autocast():
            out: Tensor = self.module(x)
        return out.float()

    def encode(self, tiles: RgbTiles) -> F32:
        """Embeddings of tiles, uint8 (n, h, w, 3) -> float32 (n, dim), in one forward pass."""
        with torch.inference_mode():
            result: F32 = self.embed(self.preprocess(tiles)).cpu().numpy()
        return result

    @contextlib.contextmanager
    def _autocast(self) -> Iterator[None]:
        kind = torch.device(self.device).type
        with torch.autocast(kind, torch.bfloat16, enabled=self.precision == "bf16"):
            yield
