"""A tile encoder as a value: network, preprocessing and an identity that includes the weights."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from icicore.embeddings.accelerated import AcceleratedEngine
from icicore.embeddings.devices import device_of
from icicore.embeddings.fused import fused
from icicore.embeddings.precision import BF16, marked
from icicore.types import F16, F32, Json, RgbTiles

_making = threading.Lock()


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
    precision : ``fp32``, ``bf16`` or ``int8``; see ``icicore.embeddings.precision``
    device : torch device of ``module``
    spatial : the embedding is the global average of feature maps, so Grad-CAM is defined
    engine : runs instead of ``module`` where no gradient is wanted; None takes ``module``, rewritten where possible
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
    engine: nn.Module | None = None

    @property
    def identifier(self) -> str:
        """``name@digest`` (first 12 hex digits): encoders with equal identifiers give comparable embeddings.

        A reduced precision is marked behind it, as in ``resnet50@0123456789ab+bf16``.
        """
        return marked(f"{self.name}@{self.digest[:12]}", self.precision)

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
        """Normalise tiles (n, h, w, 3), 0 to 255, into a float32 NCHW tensor in channels-last memory."""
        if torch.device(self.device).type != "cpu" or not tiles.size:
            return self.scaled(torch.from_numpy(tiles).to(self.device).float())
        values = cv2.LUT(tiles.reshape(-1, *tiles.shape[2:]), self._table())  # the same values, in one pass
        return self._fitted(torch.from_numpy(values).view(tiles.shape))

    def scaled(self, x: Tensor) -> Tensor:
        """Normalise tiles, float32 (n, h, w, 3), 0 to 255, where they lie; NCHW in channels-last memory."""
        n, height, width, channels = x.shape
        mean, std = self._scale(x.device, width)
        x = (x.reshape(n, height, width * channels) - mean).div_(std)  # rows: three values at a time cost seven times
        return self._fitted(x.view(n, height, width, channels))

    def _fitted(self, x: Tensor) -> Tensor:
        x = x.permute(0, 3, 1, 2)  # channels-last memory without a copy
        if x.shape[-1] != self.input_px:
            size = (self.input_px, self.input_px)
            x = nn.functional.interpolate(x, size=size, mode="bilinear", antialias=True, align_corners=False)
        return x

    def _scale(self, device: torch.device, width: int) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of every value in a row of pixels."""
        # Kept on the device: a recording of its work cannot take numbers from the host.
        held: dict[tuple[torch.device, int], tuple[Tensor, Tensor]] = self.__dict__.setdefault("_scales", {})
        if (device, width) not in held:
            with torch.inference_mode(mode=False):
                mean, std = (torch.tensor(v, device=device).repeat(width) for v in (self.mean, self.std))
            held[device, width] = (mean, std)
        return held[device, width]

    def _table(self) -> F32:
        """What each of the 256 values becomes in each channel, shape (1, 256, 3)."""
        if "_lookup" not in self.__dict__:
            mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
            self.__dict__["_lookup"] = ((np.arange(256, dtype=np.float32)[:, None] - mean) / std)[None]
        found: F32 = self.__dict__["_lookup"]
        return found

    def plain(self, x: Tensor) -> Tensor:
        """What ``module`` gives, float32, in this encoder's precision."""
        with self._autocast():
            out: Tensor = self.module(x)
        return out.float()

    def feature_maps(self, x: Tensor) -> Tensor:
        """Last maps before the global average, float32 (n, dim, h, w); differentiable in ``x``."""
        if not self.spatial:
            raise ValueError(f"{self.name} has no feature maps whose average is its embedding")
        return self._run(x)

    def pool(self, maps: Tensor) -> Tensor:
        """Global average, (n, dim, h, w) -> (n, dim)."""
        return maps.mean(dim=(2, 3))

    def embed(self, x: Tensor) -> Tensor:
        """Embeddings (n, dim) of preprocessed tiles; differentiable in ``x``."""
        if self.spatial:
            return self.pool(self.feature_maps(x))
        return self._run(x)

    def prepare(self) -> None:
        """Make ready for inference; else the first call does it."""
        self._inference()
        self.accelerated()

    def accelerated(self) -> AcceleratedEngine | None:
        """The engine for this encoder's accelerator, made once; None on a CPU."""
        with _making:
            if "_accelerated" not in self.__dict__:
                device = device_of(self.device)
                self.__dict__["_accelerated"] = AcceleratedEngine(self, device) if device else None
        found: AcceleratedEngine | None = self.__dict__["_accelerated"]
        return found

    def encode(self, tiles: RgbTiles) -> F32:
        """Embeddings of tiles (n, h, w, 3), 0 to 255 -> float32 (n, dim), in one forward pass."""
        with torch.inference_mode():
            result: F32 = self.embed(self.preprocess(tiles)).cpu().numpy()
        return result

    def encode_with_maps(self, tiles: RgbTiles) -> tuple[F32, F16]:
        """As `encode`, with the feature maps that were averaged, float16 (n, dim, h, w)."""
        with torch.inference_mode():
            maps = self.feature_maps(self.preprocess(tiles))
            result: F32 = self.pool(maps).cpu().numpy()
            return result, maps.half().contiguous().cpu().numpy()

    def _run(self, x: Tensor) -> Tensor:
        # Gradients need the network as it is. Their values are those of fp32 or autocast, whatever made the bag.
        engine = None if torch.is_grad_enabled() or x.shape[-1] != self.input_px else self._inference()
        out: Tensor = self.plain(x) if engine is None else engine(x).float()
        return out

    def _inference(self) -> nn.Module | None:
        if self.engine is not None or torch.device(self.device).type != "cpu":
            return self.engine
        return fused(self.module, torch.bfloat16 if self.precision == BF16 else torch.float32, self.input_px)

    @contextlib.contextmanager
    def _autocast(self) -> Iterator[None]:
        kind = torch.device(self.device).type
        # Without its cache of weights: what a recording kept in there would be gone when it runs again.
        with torch.autocast(kind, torch.bfloat16, enabled=self.precision == BF16, cache_enabled=kind == "cpu"):
            yield
