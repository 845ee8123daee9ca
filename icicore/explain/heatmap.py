"""A heat map over the slide's thumbnail as a PNG with a numeric legend, for reports and files."""

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from icicore.explain.layers import Layer
from icicore.fingerprint import write_bytes
from icicore.types import F32, Rgb

CLIP_PERCENTILE = 99.0
"""Colours end here: a handful of extreme tiles must not make all others look alike."""
LEGEND_PX = 190
_DIVERGING = ((33, 102, 172), (146, 197, 222), (247, 247, 247), (244, 165, 130), (178, 24, 43))


@dataclass(frozen=True)
class HeatmapStyle:
    """``title`` above the legend; ``opacity`` of the colours, 0 to 1."""

    title: str
    opacity: float = 0.6


@dataclass(frozen=True)
class ColourScale:
    """Linear scale from ``low`` to ``high``; ``clipped`` when larger values share the end colours."""

    low: float
    high: float
    signed: bool
    clipped: bool

    @classmethod
    def of(cls, grid: F32, *, signed: bool) -> "ColourScale":
        """Scale of a grid: symmetric about 0 if signed, else from the smallest value; up to the 99th percentile."""
        values = grid[np.isfinite(grid)].astype(np.float64)
        if not values.size:
            return cls(-1.0 if signed else 0.0, 1.0, signed, clipped=False)
        size = np.abs(values) if signed else values
        high, top = float(np.percentile(size, CLIP_PERCENTILE)), float(size.max())
        low = -high if signed else float(values.min())
        if high <= low:
            high, low = top, (-top if signed else low)
        if high <= low:
            high, low = low + 1.0, (low - 1.0 if signed else low)
        return cls(low, high, signed, clipped=top > high)

    def colours(self, values: F32) -> Rgb:
        """RGB of values of any shape; NaN becomes the lowest colour."""
        place = np.clip((np.nan_to_num(values.astype(np.float64)) - self.low) / (self.high - self.low), 0, 1)
        table = _palette(signed=self.signed)
        return table[np.rint(place * 255).astype(np.int64)]


def _palette(*, signed: bool) -> Rgb:
    """256 colours: blue-white-red for signed values, viridis else; both readable with colour-blind eyes."""
    if not signed:
        ramp = np.arange(256, dtype=np.uint8)[:, None]
        return np.asarray(cv2.applyColorMap(ramp, cv2.COLORMAP_VIRIDIS)[:, 0, ::-1], np.uint8)
    stops = np.linspace(0, 255, len(_DIVERGING))
    channels = [np.interp(np.arange(256), stops, [c[k] for c in _DIVERGING]) for k in range(3)]
    return np.stack(channels, axis=1).round().astype(np.uint8)


@dataclass(frozen=True)
class Placement:
    """Where grid and thumbnail lie on the slide, in level-0 px.

    ``bounds_l0`` is the area that the thumbnail shows (x, y, width, height).
    """

    origin_l0: tuple[float, float]
    tile_l0: float
    bounds_l0: tuple[float, float, float, float]


def overlay(thumbnail: Rgb, layer: Layer, place: Placement, *, opacity: float = 0.6) -> Rgb:
    """Colour the thumbnail with a grid, each thumbnail pixel taking the value of the cell below its centre."""
    height, width = thumbnail.shape[:2]
    x, y, bounds_w, bounds_h = place.bounds_l0
    cell = place.tile_l0 / layer.cells_per_tile
    cols = _cells(width, x, bounds_w / width, place.origin_l0[0], cell)
    rows = _cells(height, y, bounds_h / height, place.origin_l0[1], cell)
    inside = ((rows >= 0) & (rows < layer.grid.shape[0]))[:, None] & ((cols >= 0) & (cols < layer.grid.shape[1]))
    values = layer.grid[np.clip(rows, 0, layer.grid.shape[0] - 1)][:, np.clip(cols, 0, layer.grid.shape[1] - 1)]
    shown = inside & np.isfinite(values)
    colours = ColourScale.of(layer.grid, signed=layer.signed).colours(values)
    mixed = (1 - opacity) * thumbnail + opacity * colours
    return np.where(shown[..., None], mixed.round().astype(np.uint8), thumbnail)


def _cells(n: int, start_l0: float, step_l0: float, origin_l0: float, cell_l0: float) -> npt.NDArray[np.int64]:
    centres_l0 = start_l0 + (np.arange(n) + 0.5) * step_l0
    cells: npt.NDArray[np.int64] = np.floor((centres_l0 - origin_l0) / cell_l0).astype(np.int64)
    return cells


def legend(layer: Layer, height: int, title: str) -> Rgb:
    """Draw a colour bar of the given height with its numbers, its unit and the name of its scale."""
    scale = ColourScale.of(layer.grid, signed=layer.signed)
    power = _power_of_ten(max(abs(scale.low), abs(scale.high)))
    canvas = Image.new("RGB", (LEGEND_PX, height), "white")
    draw = ImageDraw.Draw(canvas)
    font, small = ImageFont.load_default(15), ImageFont.load_default(12)
    draw.text((12, 10), title, fill="black", font=font)
    unit = (f"1e{power} " if power else "") + (layer.unit or "of the whole")
    note = f"unit: {unit}\nlinear scale" + (
        f", ends at\nthe {CLIP_PERCENTILE:.0f}th percentile" if scale.clipped else ""
    )
    draw.multiline_text((12, 32), note, fill=(70, 70, 70), font=small)
    top, bottom = 92, max(110, height - 20)
    bar = scale.colours(np.linspace(scale.high, scale.low, bottom - top, dtype=np.float32)[:, None])
    canvas.paste(Image.fromarray(np.repeat(bar, 26, axis=1)), (12, top))
    for k, value in enumerate(np.linspace(scale.high, scale.low, 5)):
        y = top + k * (bottom - top - 1) / 4
        draw.line((38, y, 44, y), fill="black")
        text = number(float(value) / 10.0**power, signed=scale.signed)
        draw.text((49, y - 7), text + _end_mark(k, scale), fill="black", font=small)
    return np.asarray(canvas)


def _power_of_ten(size: float) -> int:
    """Power of ten, a multiple of 3, that keeps small numbers readable; 0 for everyday sizes."""
    return 0 if size == 0 or 0.01 <= size < 10_000 else 3 * math.floor(math.log10(size) / 3)


def _end_mark(tick: int, scale: ColourScale) -> str:
    """Words at the ends of a clipped scale (five ticks, the first on top)."""
    if not scale.clipped:
        return ""
    return " and more" if tick == 0 else " and less" if tick == 4 and scale.signed else ""


def number(value: float, *, signed: bool) -> str:
    """Three significant digits, with a sign where signs mean something."""
    text = f"{0.0 if abs(value) < 1e-12 else value:.3g}"
    return f"+{text}" if signed and value > 1e-12 else text


def render_heatmap(thumbnail: Rgb, layer: Layer, place: Placement, style: HeatmapStyle) -> Rgb:
    """Heat map with its legend on the right, at least 240 px high."""
    image = overlay(thumbnail, layer, place, opacity=style.opacity)
    height = max(240, image.shape[0])
    padded = np.full((height, image.shape[1], 3), 255, np.uint8)
    padded[: image.shape[0]] = image
    return np.concatenate([padded, legend(layer, height, style.title)], axis=1)


def write_png(path: Path, image: Rgb) -> None:
    """Write an RGB image atomically as PNG."""
    done, content = cv2.imencode(".png", image[..., ::-1])
    if not done:
        raise ValueError("the image could not be encoded")
    write_bytes(path, content.tobytes())
