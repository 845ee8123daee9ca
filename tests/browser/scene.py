"""Result folders with known content for the viewer tests: slides, grids, tile tables, thumbnail pages."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from icicore.fingerprint import file_digest
from icicore.slides.deepzoom import encode_jpeg
from icicore.slides.geometry import grid_shape
from icicore.slides.reader import open_slide
from icicore.types import F32, Json, Mask

CASE, BUNDLE = "case-1", "b" * 16
SHEET = {"tile_px": 64, "per_row": 16, "per_page": 256}


@dataclass(frozen=True)
class Grids:
    """Layers of a slide, NaN off tissue: (rows, cols), and (8 rows, 8 cols) for ``gradcam``."""

    attention: F32
    contribution: F32
    gradcam: F32
    tissue: F32


@dataclass
class Scene:
    """A results folder and the slides it belongs to; the test application reads scene.json."""

    folder: Path
    slides: dict[str, str] = field(default_factory=dict)
    layers: list[Json] = field(default_factory=list)

    @property
    def results(self) -> Path:
        return self.folder / "results"

    def add(self, path: Path, *, grids: "Grids | None" = None, seed: int = 0, thumbnails: bool = True) -> Json:
        """Write the result of a slide; without ``grids`` a plausible one on its tissue."""
        with open_slide(path) as reader:
            layers = describe(path, reader.dimensions_l0, reader.mpp, reader.bounds_l0)
            grids = grids or plausible_grids(reader.thumbnail(1024), layers, seed=seed)
            out = self.results / CASE / BUNDLE / "slides" / layers["digest"][:16]
            out.mkdir(parents=True)
            table = write_grids(out, layers, grids)
            if thumbnails:
                write_sheets(out, [cut(reader, layers, r, c) for r, c in zip(table["row"], table["col"], strict=True)])
        self.slides[layers["digest"][:16]] = str(path)
        self.layers.append(layers)
        return layers

    def save(self) -> None:
        content = {"slides": self.slides, "layers": self.layers, "results": str(self.results)}
        (self.folder / "scene.json").write_text(json.dumps(content), encoding="utf-8")


def describe(path: Path, size: tuple[int, int], mpp: float, bounds: tuple[int, int, int, int]) -> Json:
    tile = 128 / mpp
    rows, cols = grid_shape(bounds[2:], tile)
    return {
        "digest": file_digest(path),
        "path_name": path.name,
        "width_l0": size[0],
        "height_l0": size[1],
        "mpp": mpp,
        "bounds_l0": list(bounds),
        "origin_l0": [float(bounds[0]), float(bounds[1])],
        "tile_l0": tile,
        "rows": rows,
        "cols": cols,
    }


def write_grids(out: Path, layers: Json, grids: Grids) -> Json:
    """Write the layer files, layers.json (completed in place) and tiles.json; returns the tile table."""
    layers["layers"] = []
    for name in ("attention", "contribution", "gradcam", "tissue"):
        values = getattr(grids, name)
        np.save(out / f"{name}.f32.npy", values.astype(np.float32))
        meta = {
            "id": name,
            "file": f"{name}.f32.npy",
            "cells_per_tile": 8 if name == "gradcam" else 1,
            "scale": "raw",
            "range": [float(np.nanmin(values)), float(np.nanmax(values))],
            "signed": name == "contribution",
        }
        layers["layers"].append(meta | ({"unit": "logit"} if name == "contribution" else {}))
    (out / "layers.json").write_text(json.dumps(layers), encoding="utf-8")
    row, col = np.nonzero(np.isfinite(grids.attention))
    attention, contribution = grids.attention[row, col], grids.contribution[row, col]
    x, y = (layers["origin_l0"][i] + v * layers["tile_l0"] for i, v in ((0, col), (1, row)))
    table = {"n": len(row), "row": row.tolist(), "col": col.tolist(), "x_l0": x.tolist(), "y_l0": y.tolist(),
             "attention": attention.tolist(), "contribution": contribution.tolist(),
             "attention_rank": ranks(attention), "contribution_rank": ranks(contribution)}  # fmt: skip
    (out / "tiles.json").write_text(json.dumps(table), encoding="utf-8")
    return table


def ranks(values: F32) -> list[int]:
    """Rank of each value, 1 for the highest."""
    order = np.argsort(-values, kind="stable")
    result = np.empty(len(values), int)
    result[order] = np.arange(1, len(values) + 1)
    return result.tolist()


def write_sheets(out: Path, tiles: list[np.ndarray]) -> None:
    """Write thumbnails (64, 64, 3) in pages of 16 x 16."""
    pages = []
    for start in range(0, len(tiles), SHEET["per_page"]):
        chunk = tiles[start : start + SHEET["per_page"]]
        page = np.full((64 * -(-len(chunk) // 16), 64 * 16, 3), 255, np.uint8)
        for i, tile in enumerate(chunk):
            page[64 * (i // 16) : 64 * (i // 16) + 64, 64 * (i % 16) : 64 * (i % 16) + 64] = tile
        pages.append(f"sheet_{len(pages):03d}.jpg")
        (out / pages[-1]).write_bytes(encode_jpeg(page))
    (out / "sheet.json").write_text(json.dumps(SHEET | {"pages": pages, "n": len(tiles)}), encoding="utf-8")


def cut(reader, layers: Json, row: int, col: int) -> np.ndarray:
    side = layers["tile_l0"]
    corner = (layers["origin_l0"][0] + col * side, layers["origin_l0"][1] + row * side)
    return reader.read_area(corner, (side, side), size_px=(64, 64))


def plausible_grids(thumbnail: np.ndarray, layers: Json, *, seed: int) -> Grids:
    """Smooth hot spots on the tissue."""
    rows, cols, rng = layers["rows"], layers["cols"], np.random.default_rng(seed)
    saturation = cv2.cvtColor(thumbnail, cv2.COLOR_RGB2HSV)[..., 1]
    scale = layers["tile_l0"] * thumbnail.shape[1] / layers["bounds_l0"][2]
    shape = (round(cols * scale), round(rows * scale))
    padded = cv2.copyMakeBorder(
        saturation,
        0,
        max(0, shape[1] - saturation.shape[0]),
        0,
        max(0, shape[0] - saturation.shape[1]),
        cv2.BORDER_CONSTANT,
    )
    share = cv2.resize(
        (padded[: shape[1], : shape[0]] > 18).astype(np.float32), (cols, rows), interpolation=cv2.INTER_AREA
    )
    return make_grids(share >= 0.5, rng, share=share)


def make_grids(tissue: Mask, rng: np.random.Generator, *, share: F32 | None = None) -> Grids:
    rows, cols = tissue.shape

    def smooth(shape: tuple[int, int], width: float) -> F32:
        field = cv2.GaussianBlur(rng.standard_normal(shape).astype(np.float32), (0, 0), width)
        return (field - field.mean()) / field.std()

    logits = 1.5 * smooth((rows, cols), 2.2) + 0.4 * rng.standard_normal((rows, cols))
    weights = np.where(tissue, np.exp(logits), 0)
    attention = np.where(tissue, weights / weights.sum(), np.nan)
    contribution = np.where(tissue, weights / weights.sum() * smooth((rows, cols), 3) * 2, np.nan)
    cam = np.maximum(0, smooth((rows * 8, cols * 8), 3)) * np.repeat(np.repeat(weights / weights.max(), 8, 0), 8, 1)
    gradcam = np.where(np.repeat(np.repeat(tissue, 8, 0), 8, 1), cam, np.nan)
    shown = np.where(tissue, tissue if share is None else share, np.nan)
    return Grids(*(v.astype(np.float32) for v in (attention, contribution, gradcam, shown)))
