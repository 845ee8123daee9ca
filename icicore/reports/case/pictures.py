"""The pictures of a report: the slide under its heatmap with a legend, and the tiles that counted most."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from icicore.explain.heatmap import ColourScale, Placement, number, overlay
from icicore.explain.layers import Layer
from icicore.slides.base import SlideReader
from icicore.types import Json, Rgb

LAYER = "contribution"
OVERVIEW_PX, TILE_PX = 1100, 160
N_TILES = 5
_JPEG_QUALITY = 88
_LEGEND_STEPS = 96


@dataclass(frozen=True)
class Legend:
    """Colours from the lowest value to the highest, uint8 (n, 3), and the ticks: place 0 to 1 and text."""

    colours: Rgb
    ticks: tuple[tuple[float, str], ...]
    title: str


@dataclass(frozen=True)
class Overview:
    """JPEG of the slide under its heatmap, its size in px, and the legend."""

    jpeg: bytes
    size_px: tuple[int, int]
    legend: Legend
    slide: str


@dataclass(frozen=True)
class TilePicture:
    """JPEG of one tile; None where the slide cannot be read. ``entry`` is its entry in the report's JSON."""

    entry: Json
    jpeg: bytes | None


@dataclass(frozen=True)
class Pictures:
    """All pictures; ``missing`` says why there is none, empty otherwise. ``n_slides`` counts the slides of the case."""

    overview: Overview | None = None
    tiles: tuple[TilePicture, ...] = ()
    missing: str = ""
    n_slides: int = 1


def load_layer(folder: Path, layers: Json, name: str = LAYER) -> Layer | None:
    """One grid of a slide's result folder, None when it is not there."""
    entry = next((x for x in layers["layers"] if x["id"] == name), None)
    if entry is None:
        return None
    path = folder / str(entry["file"])
    if path.name != str(entry["file"]) or not path.is_file():
        return None
    return Layer(
        id=name,
        grid=np.load(path, allow_pickle=False),
        meaning=str(entry["meaning"]),
        signed=bool(entry["signed"]),
        cells_per_tile=int(entry["cells_per_tile"]),
        unit=str(entry.get("unit", "")),
    )


def top_tiles(folder: Path, layers: Json, *, slide: int) -> list[Json]:
    """The tiles that speak most for response, then those that speak most against it, each in order of strength.

    Returns
    -------
    Entries with ``slide`` (number from 1), ``side``, ``contribution`` (logit), ``attention`` (share), ``tile`` (index)
    and the top-left corner in level-0 px; none from the wrong side of zero
    """
    path = folder / "tiles.json"
    if not path.is_file():
        return []
    table = json.loads(path.read_text(encoding="utf-8"))
    values = np.asarray(table["contribution"], dtype=np.float64)
    order = np.argsort(-values, kind="stable")
    chosen = [("for", i) for i in order[:N_TILES] if values[i] > 0]
    chosen += [("against", i) for i in order[::-1][:N_TILES] if values[i] < 0]
    return [
        {
            "slide": slide,
            "side": side,
            "tile": int(i),
            "contribution": float(values[i]),
            "attention": float(table["attention"][i]),
            "x_l0": float(table["x_l0"][i]),
            "y_l0": float(table["y_l0"][i]),
        }
        for side, i in chosen
    ]


def strongest(tiles: Sequence[Json]) -> list[Json]:
    """Of the tiles of all slides, the strongest on each side."""
    ordered = sorted(tiles, key=lambda t: (-abs(t["contribution"]), t["slide"], t["tile"]))
    sides = [[t for t in ordered if t["side"] == side][:N_TILES] for side in ("for", "against")]
    return [*sides[0], *sides[1]]


def draw_overview(reader: SlideReader, folder: Path, layers: Json) -> Overview | None:
    """The slide's scanned area under its contribution heatmap; None without that layer."""
    layer = load_layer(folder, layers)
    if layer is None:
        return None
    x, y, width, height = map(float, layers["bounds_l0"])
    origin = layers["origin_l0"]
    place = Placement(
        origin_l0=(float(origin[0]), float(origin[1])),
        tile_l0=float(layers["tile_l0"]),
        bounds_l0=(x, y, width, height),
    )
    image = overlay(reader.thumbnail(OVERVIEW_PX), layer, place, opacity=0.55)
    return Overview(
        jpeg=to_jpeg(image),
        size_px=(image.shape[1], image.shape[0]),
        legend=draw_legend(layer),
        slide=str(layers["path_name"]),
    )


def draw_legend(layer: Layer) -> Legend:
    """The colour scale of a layer with its ends, its middle and its unit."""
    scale = ColourScale.of(layer.grid, signed=layer.signed)
    values = np.linspace(scale.low, scale.high, _LEGEND_STEPS, dtype=np.float32)
    more = " and more" if scale.clipped else ""
    less = " and less" if scale.clipped and scale.signed else ""
    middle = (scale.low + scale.high) / 2
    ticks = (
        (0.0, number(scale.low, signed=scale.signed) + less),
        (0.5, number(middle, signed=scale.signed)),
        (1.0, number(scale.high, signed=scale.signed) + more),
    )
    return Legend(scale.colours(values), ticks, f"{layer.unit or 'share of the whole'}, linear scale")


def draw_tile(reader: SlideReader, entry: Json, tile_l0: float) -> bytes:
    """One tile as a small JPEG."""
    area = reader.read_area((entry["x_l0"], entry["y_l0"]), (tile_l0, tile_l0), size_px=(TILE_PX, TILE_PX))
    return to_jpeg(area)


def to_jpeg(image: Rgb) -> bytes:
    """JPEG of an RGB image, without metadata: the same pixels give the same bytes."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()
