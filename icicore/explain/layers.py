"""The result folder of one slide: float grids, what they mean, the table of tiles, sprite sheets."""

import io
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from icicore.embeddings.bag import Bag
from icicore.explain.grids import descending_ranks, fine_grid, tile_grid
from icicore.fingerprint import atomic_path, write_bytes, write_json
from icicore.models.tile_classes import TILE_CLASSES
from icicore.slides.base import SlideReader
from icicore.types import F32, Json


@dataclass(frozen=True)
class SlideFrame:
    """What the viewer must know of the slide file; see ``icicore.slides``."""

    path_name: str
    width_l0: int
    height_l0: int
    mpp: float
    bounds_l0: tuple[int, int, int, int]

    @classmethod
    def of(cls, reader: SlideReader) -> "SlideFrame":
        """Frame of an open slide."""
        width, height = reader.dimensions_l0
        return cls(reader.path.name, width, height, reader.mpp, reader.bounds_l0)


@dataclass(frozen=True, eq=False)
class TileScores:
    """Explanations of one slide's tiles, in bag order.

    ``attention`` and ``contribution`` (n,); ``gradcam`` signed (n, h, w), None if it was not computed; ``tile_class``
    (n,) index into ``TILE_CLASSES``, None without a tile-class head; ``leave_one_out`` (n,) in logit, None where the
    model does not allow it.
    """

    attention: F32
    contribution: F32
    gradcam: F32 | None = None
    tile_class: F32 | None = None
    leave_one_out: F32 | None = None


@dataclass(frozen=True, eq=False)
class Layer:
    """One grid and its entry in layers.json."""

    id: str
    grid: F32
    meaning: str
    signed: bool = False
    cells_per_tile: int = 1
    unit: str = ""
    extra: Json = field(default_factory=dict)

    @property
    def file(self) -> str:
        """File name of the grid."""
        return f"{self.id}.f32.npy"

    def to_json(self) -> Json:
        """Entry in layers.json; ``range`` is null where no cell has a value."""
        finite = self.grid[np.isfinite(self.grid)]
        entry: Json = {
            "id": self.id,
            "file": self.file,
            "cells_per_tile": self.cells_per_tile,
            "meaning": self.meaning,
            "scale": "raw",
            "range": [float(finite.min()), float(finite.max())] if finite.size else None,
            "signed": self.signed,
        }
        return entry | ({"unit": self.unit} if self.unit else {}) | self.extra


def slide_layers(bag: Bag, scores: TileScores) -> list[Layer]:
    """Lay out all explanations of a slide as grids."""
    layers = [
        Layer(
            "attention",
            tile_grid(bag, scores.attention),
            "attention of each tile; all tiles of the case sum to 1",
        ),
        Layer(
            "contribution",
            tile_grid(bag, scores.contribution),
            "what each tile adds to the calibrated logit, against the mean of the training slides; "
            "positive speaks for response",
            signed=True,
            unit="logit",
        ),
    ]
    if scores.leave_one_out is not None:
        meaning = (
            "what the calibrated logit loses when this tile alone is left out; positive: the tile speaks for response"
        )
        layers.append(Layer("leave_one_out", tile_grid(bag, scores.leave_one_out), meaning, signed=True, unit="logit"))
    if scores.gradcam is not None:
        grid, cells = fine_grid(bag, scores.gradcam), scores.gradcam.shape[1]
        meaning = "Grad-CAM: places that raise the calibrated logit"
        layers.append(Layer("gradcam", np.maximum(grid, 0), meaning, cells_per_tile=cells, unit="logit"))
        meaning = "Grad-CAM with sign: negative places lower the calibrated logit"
        layers.append(Layer("gradcam_signed", grid, meaning, signed=True, cells_per_tile=cells, unit="logit"))
    if scores.tile_class is not None:
        meaning = "what each tile shows; the value is a position in the list of classes"
        extra = {"classes": list(TILE_CLASSES)}
        layers.append(Layer("classes", tile_grid(bag, scores.tile_class), meaning, extra=extra))
    layers.append(Layer("tissue", tile_grid(bag, np.ones(len(bag), np.float32)), "1 on tiles that were read"))
    return layers


def layers_json(bag: Bag, frame: SlideFrame, layers: Sequence[Layer]) -> Json:
    """Content of layers.json; all positions in level-0 px."""
    return {
        "digest": bag.slide_digest,
        "path_name": frame.path_name,
        "width_l0": frame.width_l0,
        "height_l0": frame.height_l0,
        "mpp": frame.mpp,
        "bounds_l0": list(frame.bounds_l0),
        "origin_l0": list(bag.grid.origin_l0),
        "tile_l0": bag.grid.tile_l0,
        "rows": bag.grid.rows,
        "cols": bag.grid.cols,
        "layers": [layer.to_json() for layer in layers],
    }


def tiles_json(bag: Bag, scores: TileScores) -> Json:
    """Columnar table of tiles in bag order; rank 1 is the highest attention and the most positive contribution.

    ``leave_one_out`` (with its rank) and ``tile_class`` are there where they were computed.
    """
    table: Json = {
        "n": len(bag),
        "row": bag.index[:, 0].tolist(),
        "col": bag.index[:, 1].tolist(),
        "x_l0": bag.coords_l0[:, 0].tolist(),
        "y_l0": bag.coords_l0[:, 1].tolist(),
        "attention": _short(scores.attention),
        "contribution": _short(scores.contribution),
        "attention_rank": descending_ranks(scores.attention),
        "contribution_rank": descending_ranks(scores.contribution),
    }
    if scores.leave_one_out is not None:
        known = np.nan_to_num(scores.leave_one_out)  # a tile that holds all attention has no value
        table |= {"leave_one_out": _short(known), "leave_one_out_rank": descending_ranks(known)}
    if scores.tile_class is not None:
        table["tile_class"] = scores.tile_class.astype(int).tolist()
    return table


def write_slide_folder(
    folder: Path, *, bag: Bag, frame: SlideFrame, scores: TileScores, sheet_files: Sequence[Path] = ()
) -> list[Layer]:
    """Write grids, sprite sheets, tiles.json and, last, layers.json; returns the layers.

    ``sheet_files`` are copied from the embedding cache (``CacheEntry.sheet_files()``). Every file is written
    atomically, so a reader never sees half of one.
    """
    layers = slide_layers(bag, scores)
    for layer in layers:
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(layer.grid, dtype="<f4"))
        write_bytes(folder / layer.file, buffer.getvalue())
    for source in sheet_files:
        with atomic_path(folder / source.name) as temporary:
            shutil.copyfile(source, temporary)
    write_json(folder / "tiles.json", tiles_json(bag, scores))
    write_json(folder / "layers.json", layers_json(bag, frame, layers))
    return layers


def _short(values: F32) -> list[float]:
    """Round to six significant digits: more than a float32 needs in a table, and half the file."""
    return [float(f"{v:.6g}") for v in values.tolist()]
