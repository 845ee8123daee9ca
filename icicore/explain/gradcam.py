"""Grad-CAM inside tiles: where in a tile the score comes from (Selvaraju et al. 2017).

The embedding of tile i is the average of its last feature maps, ``e_ik = mean_xy A_ikxy``, so the gradient of the
logit at every position of map k is ``(1/hw) df/de_ik``, and Grad-CAM has a closed form that needs no backward pass
through the backbone: ``cam_i = sum_k (1/hw) df/de_ik A_ik``. One backward pass through attention and head gives
``df/de`` for all tiles at once. The positive part raises the logit, the negative part lowers it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from icicore.domain import HISTOLOGY
from icicore.embeddings.bag import Bag
from icicore.embeddings.cache import CHUNK
from icicore.embeddings.chunks import Arrays, ChunkStore, batch_size, default_workers, run_chunks, storage_errors
from icicore.embeddings.encoder import TileEncoder
from icicore.errors import InputError, SlideError
from icicore.explain.target import Target
from icicore.fingerprint import atomic_path, fingerprint
from icicore.models.bundle import ModelBundle
from icicore.models.inputs import CaseInputs, collate
from icicore.slides.base import SlideReader
from icicore.slides.direct import fastest_reader
from icicore.slides.stain import normalise
from icicore.types import F32, Progress, Rgb, RgbTiles, no_progress


def tile_gradients(bundle: ModelBundle, inputs: CaseInputs) -> F32:
    """Exact gradient of the calibrated logit by every tile embedding, (n, dim), through attention and head.

    Raises
    ------
    ValueError : the score does not rest on histology.
    """
    target = Target(bundle, inputs)
    target.require(HISTOLOGY)
    if inputs.tiles is None:
        raise ValueError("no tiles")
    tiles = inputs.tiles.detach().float().clone().requires_grad_(True)  # noqa: FBT003 (torch's own signature)
    batch = collate([CaseInputs(**{**vars(inputs), "tiles": tiles})])
    (gradient,) = torch.autograd.grad(target.logit_of(batch).sum(), tiles)
    result: F32 = gradient.numpy()
    return result


def cam_of_maps(maps: Tensor, gradients: Tensor) -> Tensor:
    """Signed Grad-CAM (n, h, w) of feature maps (n, dim, h, w) under gradients (n, dim), in logit per position.

    The sum over a tile's positions is ``<df/de, e>``.
    """
    return torch.einsum("nkhw,nk->nhw", maps, gradients) / (maps.shape[2] * maps.shape[3])


def cam_of_tiles(encoder: TileEncoder, tiles: RgbTiles, gradients: F32) -> F32:
    """Signed Grad-CAM (n, h, w) of stain-normalised tiles, in batches that suit the machine."""
    parts, size = [], batch_size(encoder.device)
    with torch.inference_mode():
        for start in range(0, len(tiles), size):
            part = slice(start, start + size)
            maps = encoder.feature_maps(encoder.preprocess(tiles[part]))
            weights = torch.from_numpy(gradients[part]).to(maps.device)
            parts.append(cam_of_maps(maps, weights).cpu().numpy())
    return np.concatenate(parts) if parts else np.zeros((0, 1, 1), np.float32)


def read_bag_tile(reader: SlideReader, bag: Bag, i: int) -> Rgb:
    """Pixels of tile ``i`` of a bag, in the slide's own colours. Raises `SlideError` if it cannot be read."""
    x, y = (float(v) for v in bag.coords_l0[i])
    side = bag.grid.tile_px
    return reader.read_area((x, y), (bag.grid.tile_l0, bag.grid.tile_l0), size_px=(side, side))


@dataclass(frozen=True, eq=False)
class _Work:
    reader: SlideReader
    bag: Bag
    encoder: TileEncoder
    gradients: F32
    maps: ChunkStore | None

    def chunk(self, number: int) -> Arrays:
        """Signed maps (k, h, w) of a chunk of tiles; NaN where a tile cannot be read any more."""
        numbers = range(number * CHUNK, min((number + 1) * CHUNK, len(self.bag)))
        stored = None if self.maps is None else self.maps.load(number)
        if stored is not None and len(stored["maps"]) == len(numbers):
            return {"cam": _cam_of_stored(stored["maps"], self.gradients[numbers.start : numbers.stop])}
        tiles, kept = [], []
        for i in numbers:
            try:
                tiles.append(read_bag_tile(self.reader, self.bag, i))
            except SlideError:
                continue
            kept.append(i)
        if not tiles:
            raise SlideError(self.reader.path, f"tiles {numbers.start} to {numbers.stop - 1} can no longer be read")
        cams = cam_of_tiles(self.encoder, normalise(np.stack(tiles), self.bag.stain), self.gradients[kept])
        result = np.full((len(numbers), *cams.shape[1:]), np.nan, np.float32)
        result[np.asarray(kept) - numbers.start] = cams
        return {"cam": result}


def _cam_of_stored(maps: np.ndarray[Any, Any], gradients: F32) -> F32:
    cams = cam_of_maps(torch.from_numpy(maps).float(), torch.from_numpy(np.ascontiguousarray(gradients)))
    return np.asarray(cams.numpy(), np.float32)


def slide_gradcam(
    reader: SlideReader,
    bag: Bag,
    *,
    encoder: TileEncoder,
    gradients: F32,
    cache: Path,
    maps: ChunkStore | None = None,
    progress: Progress = no_progress,
) -> F32:
    """Signed Grad-CAM of every tile of a slide, (n, h, w); 8 x 8 per tile of 256 px.

    ``gradients`` (n, dim) are this slide's rows of `tile_gradients`. Finished chunks are kept in ``cache`` and
    found again; see ``icicore.embeddings.chunks``. ``maps`` are the feature maps that `embed_slide` kept: with them
    the slide is not read again, and they are removed when all is done. Use ``np.maximum(cam, 0)`` for the map as
    published.

    Raises
    ------
    InputError : the bag was made by another encoder, or the cache cannot be written
    Cancelled : raised by ``progress``; finished chunks stay
    """
    if bag.encoder_id != encoder.identifier:
        raise InputError(
            "bag", f"was made by {bag.encoder_id}", expected=encoder.identifier, remedy="embed the slide again"
        )
    if gradients.shape != bag.embeddings.shape:
        raise ValueError(f"gradients {gradients.shape} do not fit a bag of {bag.embeddings.shape}")
    if not encoder.spatial:
        raise InputError(encoder.name, "has no feature maps, so Grad-CAM is not defined for it")
    work = _Work(fastest_reader(reader), bag, encoder, gradients, maps)
    key = fingerprint("gradcam", 1, bag.spec_key, gradients)
    done, store, n_chunks = cache / key[:2] / f"{key}.npy", ChunkStore(cache / key[:2] / key), -(-len(bag) // CHUNK)
    run_chunks(
        store,
        work.chunk,
        n_chunks=n_chunks,
        workers=default_workers(encoder.device),
        finished=done.is_file,
        progress=lambda n, _, what: progress(min(n * CHUNK, len(bag)), len(bag), what),
        what="Grad-CAM",
    )
    if not done.is_file():
        parts = [store.load(number) or work.chunk(number) for number in range(n_chunks)]
        with storage_errors(cache), atomic_path(done) as temporary, temporary.open("wb") as stream:
            np.save(stream, np.concatenate([part["cam"] for part in parts]))
    store.clear()
    if maps is not None:
        maps.clear()
    cams: F32 = np.load(done, allow_pickle=False)
    return cams
