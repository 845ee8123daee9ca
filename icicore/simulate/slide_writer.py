"""Pyramidal tiled JPEG TIFF, written band by band so that memory does not grow with the slide."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import tifffile

from icicore.types import Json, Rgb

TILE_PX = 256
BAND_PX = 1024
DESCRIPTION = "icicore virtual slide"
_QUALITY = 88


def write_pyramid(
    out: Path, size_px: tuple[int, int], band: Callable[[int, int], Rgb], *, mpp: float, note: Json
) -> None:
    """Write a slide whose level 0 is produced by ``band(y0, height)`` from top to bottom, each row once.

    Levels halve (1, 2, 4, ...) until the longer side is below 512 px. The file appears under its name only when it is
    complete. ``note`` follows the fixed first words of the image description.
    """
    width, height = size_px
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".render-") as folder:
            half = _scratch(Path(folder), ((height + 1) // 2, (width + 1) // 2, 3))
            with tifffile.TiffWriter(part, bigtiff=width * height > 2_000_000_000) as tiff:
                _write_level(tiff, _bands(size_px, band, half), (height, width), mpp=mpp, note=note)
                _write_levels(tiff, half, mpp)
            del half
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def _scratch(folder: Path, shape: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    """Give an array for the second level, on disk when it is large."""
    if np.prod(shape) < 100e6:
        return np.empty(shape, dtype=np.uint8)
    return np.memmap(folder / "half.raw", dtype=np.uint8, mode="w+", shape=shape)


def _bands(size_px: tuple[int, int], band: Callable[[int, int], Rgb], half: npt.NDArray[np.uint8]) -> Iterator[Rgb]:
    """Yield level 0 in tiles and keep its half-size copy."""
    for y0 in range(0, size_px[1], BAND_PX):
        pixels = band(y0, min(BAND_PX, size_px[1] - y0))
        half[y0 // 2 : y0 // 2 + (pixels.shape[0] + 1) // 2] = halved(pixels)
        yield from _tiles(pixels)


def _extended(pixels: Rgb, below: int, right: int) -> Rgb:
    return np.asarray(cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_REPLICATE), dtype=np.uint8)


def halved(pixels: Rgb) -> Rgb:
    """Average two by two; an odd last row or column is repeated."""
    height, width = pixels.shape[:2]
    if height % 2 or width % 2:
        pixels = _extended(pixels, height % 2, width % 2)
    size = (pixels.shape[1] // 2, pixels.shape[0] // 2)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _tiles(pixels: Rgb) -> Iterator[Rgb]:
    """Cut into tiles row by row; the last ones are filled by repeating the edge, as JPEG blocks prefer."""
    height, width = pixels.shape[:2]
    for y in range(0, height, TILE_PX):
        for x in range(0, width, TILE_PX):
            tile = pixels[y : y + TILE_PX, x : x + TILE_PX]
            yield _extended(tile, TILE_PX - tile.shape[0], TILE_PX - tile.shape[1])


def _write_levels(tiff: tifffile.TiffWriter, half: npt.NDArray[np.uint8], mpp: float) -> None:
    level, scale = half, 2.0
    while True:
        rows = (level[y : y + BAND_PX] for y in range(0, level.shape[0], BAND_PX))
        tiles = (tile for band in rows for tile in _tiles(band))
        _write_level(tiff, tiles, level.shape[:2], mpp=mpp * scale, note=None)
        if max(level.shape[:2]) < 512:
            return
        nxt = [halved(level[y : y + BAND_PX]) for y in range(0, level.shape[0], BAND_PX)]
        level, scale = np.concatenate(nxt), scale * 2


def _write_level(
    tiff: tifffile.TiffWriter, tiles: Iterator[Rgb], shape: tuple[int, ...], *, mpp: float, note: Json | None
) -> None:
    first: dict[str, Any] = {"subfiletype": 1}
    if note is not None:
        words = "|".join(f"{key} = {value}" for key, value in note.items())
        first = {"subfiletype": 0, "description": f"{DESCRIPTION}|{words}", "software": "icicore"}
    per_cm = 10_000 / mpp
    tiff.write(
        tiles,
        shape=(*shape, 3),
        dtype=np.uint8,
        tile=(TILE_PX, TILE_PX),
        photometric="rgb",
        compression="jpeg",
        compressionargs={"level": _QUALITY},
        resolution=(per_cm, per_cm),
        resolutionunit="CENTIMETER",
        metadata=None,
        maxworkers=1,
        **first,
    )
