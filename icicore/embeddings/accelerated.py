"""Encoding on an accelerator: workers decode ahead, few lanes feed the device, bytes and not floats cross the bus.

Stain normalisation, scaling and the network run on the device in one recording over fixed tensors; the last batch of a
chunk is filled up, and its surplus thrown away. Two lanes let one batch be copied while the other is computed.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from icicore.embeddings.devices import Device
from icicore.embeddings.precision import BF16
from icicore.embeddings.timing import NETWORK, WAIT, Timing
from icicore.slides.stain import LIGHT, StainFit
from icicore.types import F16, F32, RgbTiles

if TYPE_CHECKING:
    from icicore.embeddings.encoder import TileEncoder

BATCH, LANES = 64, 2


class AcceleratedEngine:
    """A tile encoder on a device; safe to use from several threads.

    Parameters
    ----------
    encoder : its module lies on the device
    device : where it runs
    batch : tiles per run
    """

    def __init__(self, encoder: "TileEncoder", device: Device, *, batch: int = BATCH) -> None:
        self._encoder, self._device, self._batch = encoder, device, batch
        self._lanes: queue.LifoQueue[_Lane | None] = queue.LifoQueue()  # None: a lane that is made when it is needed
        for _ in range(LANES):
            self._lanes.put(None)
        self._recording = threading.Lock()

    def encode(
        self, tiles: RgbTiles, stain: StainFit | None, *, maps: bool = False, timing: Timing | None = None
    ) -> tuple[F32, F16 | None]:
        """Embeddings float32 (n, dim) of tiles uint8 (n, h, w, 3), and with ``maps`` the feature maps float16.

        ``stain`` brings them to the reference colours; None leaves them as they are.
        """
        timing = timing or Timing()
        parts = [
            self._run(tiles[start : start + self._batch], stain, maps=maps, timing=timing)
            for start in range(0, len(tiles), self._batch)
        ]
        if not parts:
            return np.zeros((0, self._encoder.dim), np.float32), None
        found = [m for _, m in parts if m is not None]
        return np.concatenate([e for e, _ in parts]), np.concatenate(found) if found else None

    def _run(self, tiles: RgbTiles, stain: StainFit | None, *, maps: bool, timing: Timing) -> tuple[F32, F16 | None]:
        with timing.spent(WAIT):
            lane = self._lanes.get()
        try:
            with timing.spent(NETWORK), self._device.lane():
                if lane is None or lane.shape != tiles.shape[1:]:
                    with self._recording:
                        lane = self._new_lane(tiles.shape[1:])
                lane.run(tiles, stain)
                self._device.finish()
                n = len(tiles)
                embeddings = lane.embeddings[:n].numpy().copy()
                kept = lane.maps[:n].half().cpu().numpy().copy() if maps and lane.maps is not None else None
        finally:
            self._lanes.put(lane)
        timing.count(n)
        return embeddings, kept

    def _new_lane(self, shape: tuple[int, ...]) -> "_Lane":
        return _Lane(self._encoder, self._device, (self._batch, *shape))


class _Lane:
    """Fixed tensors for one batch on its way, and the recording that computes on them."""

    def __init__(self, encoder: "TileEncoder", device: Device, shape: tuple[int, ...]) -> None:
        place = device.place
        self.shape = shape[1:]
        self._staging = device.staging(shape, torch.uint8)
        self._input = torch.zeros(shape, dtype=torch.uint8, device=place)
        self._affine_staging = device.staging((4, 3), torch.float32)
        self._affine = torch.zeros((4, 3), device=place)
        self.embeddings = device.staging((shape[0], encoder.dim), torch.float32)
        self._device_embeddings = torch.zeros((shape[0], encoder.dim), device=place)
        self.maps: Tensor | None = None
        self._runs: dict[bool, Callable[[], None]] = {}
        with torch.inference_mode(), _exact(encoder):
            for stained in (False, True):
                self._runs[stained] = device.recorded(partial(self._work, encoder, stained=stained))

    def run(self, tiles: RgbTiles, stain: StainFit | None) -> None:
        """Start the work on some tiles; the device must be waited for before ``embeddings`` are read."""
        self._staging[: len(tiles)].copy_(torch.from_numpy(tiles))
        stained = stain is not None and stain.method != "identity"
        with torch.inference_mode():
            self._input.copy_(self._staging, non_blocking=True)
            if stain is not None and stained:
                self._affine_staging.copy_(torch.from_numpy(affine(stain)))
                self._affine.copy_(self._affine_staging, non_blocking=True)
            self._runs[stained]()
            self.embeddings.copy_(self._device_embeddings, non_blocking=True)

    def _work(self, encoder: "TileEncoder", *, stained: bool) -> None:
        x = self._input.float()
        if stained:
            x = _normalised(x, self._affine)
        x = encoder.scaled(x)
        if encoder.spatial:
            maps = encoder.plain(x)
            if self.maps is None:
                self.maps = torch.zeros_like(maps)
            self.maps.copy_(maps)
            self._device_embeddings.copy_(encoder.pool(maps))
        else:
            self._device_embeddings.copy_(encoder.plain(x))


def affine(stain: StainFit) -> F32:
    """Matrix (4, 3) from logarithms of relative light to the logarithm of the normalised intensity plus one."""
    matrix = np.asarray(stain.matrix, np.float32).reshape(3, 3).T
    return np.vstack([matrix, np.full((1, 3), np.log(LIGHT + 1), np.float32)]).astype(np.float32)


def _normalised(x: Tensor, matrix: Tensor) -> Tensor:
    """As ``icicore.slides.stain.normalise``, on the device; x float (n, h, w, 3), 0 to 255."""
    density = torch.log((x + 1) / (LIGHT + 1)).clamp_(max=0)
    return (density @ matrix[:3] + matrix[3]).exp_().sub_(1).round_().clamp_(0, 255)


@contextlib.contextmanager
def _exact(encoder: "TileEncoder") -> Iterator[None]:
    """Where fp32 is asked for, no product is rounded to fewer bits, which convolutions on a GPU otherwise are."""
    if encoder.precision == BF16:
        yield
        return
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
