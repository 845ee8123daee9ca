"""Reading the stored JPEG tiles of a slide without OpenSlide, where that was shown to give the same pixels.

OpenSlide stays the judge: every level is compared with it when the slide is opened, and whatever is unusual (beyond the
edge, between pixels, missing, damaged) is read by it. For the rest its detour through premultiplied colour costs six
times the decoding.
"""

import threading
from collections import OrderedDict

import numpy as np
import simplejpeg

from icicore.errors import SlideError
from icicore.slides.base import PyramidReader, SlideReader
from icicore.slides.jpeg_tiff import JpegTiff
from icicore.slides.reader import OpenSlideReader
from icicore.types import Mpp, Rgb

RESAMPLER = "nearest finer level, area average"
"""How pixels come to the scale of a tile; the same for every reader."""
HELD_BYTES = 24 * 2**20
"""Two rows of stored tiles of a usual slide, decoded."""
_COMPARED = 4


def decode_strict(data: bytes) -> Rgb | None:
    """Pixels of a JPEG; None where anything about it is wrong, as OpenSlide has it."""
    try:
        return np.asarray(simplejpeg.decode_jpeg(data, colorspace="RGB", strict=True), np.uint8)
    except ValueError:
        return None


def fastest_reader(reader: SlideReader, *, held_bytes: int = HELD_BYTES) -> SlideReader:
    """The reader itself, or one of the same pixels that is faster; closing it is left to the owner of ``reader``.

    ``held_bytes`` limits the decoded tiles that each thread keeps for their neighbours.
    """
    if not isinstance(reader, OpenSlideReader):
        return reader
    stored = JpegTiff.open(reader)
    levels = frozenset(i for i in stored.levels if _equal(reader, stored, i)) if stored else frozenset()
    return DirectReader(reader, stored, levels, held_bytes=held_bytes) if stored and levels else reader


class DirectReader(PyramidReader):
    """Stored tiles of some levels of a slide, decoded directly; all else through OpenSlide. Safe in several threads.

    Parameters
    ----------
    truth : the slide
    stored : its tiles
    levels : those that may be read directly
    held_bytes : limit of the decoded tiles that each thread keeps
    """

    def __init__(
        self, truth: OpenSlideReader, stored: JpegTiff, levels: frozenset[int], *, held_bytes: int = HELD_BYTES
    ) -> None:
        self.truth, self.stored, self.direct_levels = truth, stored, levels
        self._held_bytes = held_bytes
        self.path, self.vendor, self.is_virtual = truth.path, truth.vendor, truth.is_virtual
        self.dimensions_l0, self.bounds_l0 = truth.dimensions_l0, truth.bounds_l0
        self.level_downsamples, self.level_dimensions = truth.level_downsamples, truth.level_dimensions
        self._held = threading.local()  # neighbours share stored tiles, and a worker reads neighbours

    @property
    def mpp(self) -> Mpp:
        """Pixel size of level 0 in µm."""
        return self.truth.mpp

    def read_region(self, location_l0: tuple[int, int], level: int, size: tuple[int, int]) -> Rgb:
        """Pixels of one level; see `SlideReader`."""
        pixels = self._assemble(location_l0, level, size) if level in self.direct_levels else None
        return self.truth.read_region(location_l0, level, size) if pixels is None else pixels

    def _assemble(self, location_l0: tuple[int, int], level: int, size: tuple[int, int]) -> Rgb | None:
        factor, side = round(self.level_downsamples[level]), self.stored.tile_size
        (left, x_rest), (top, y_rest) = divmod(location_l0[0], factor), divmod(location_l0[1], factor)
        right, bottom = left + size[0], top + size[1]
        width, height = self.level_dimensions[level]
        if x_rest or y_rest or min(left, top) < 0 or right > width or bottom > height or min(size) < 1:
            return None
        result = np.empty((size[1], size[0], 3), np.uint8)
        for row in range(top // side, -(-bottom // side)):
            y0, y1 = max(top, row * side), min(bottom, (row + 1) * side)
            for col in range(left // side, -(-right // side)):
                # A stored tile that lies within the region is of no use to its neighbours, so it is not kept.
                whole = left <= col * side <= right - side and top <= row * side <= bottom - side
                tile = self._tile(level, col, row, keep=not whole)
                if tile is None:
                    return None
                x0, x1 = max(left, col * side), min(right, (col + 1) * side)
                part = tile[y0 - row * side : y1 - row * side, x0 - col * side : x1 - col * side]
                result[y0 - top : y1 - top, x0 - left : x1 - left] = part
        return result

    def _tile(self, level: int, col: int, row: int, *, keep: bool) -> Rgb | None:
        held: OrderedDict[tuple[int, int, int], Rgb] = self._held.__dict__.setdefault("tiles", OrderedDict())
        key = (level, col, row)
        if key in held:
            held.move_to_end(key)
            return held[key]
        tile = _decoded(self.stored, key)
        if tile is not None and keep:
            held[key] = tile
            while len(held) * tile.nbytes > self._held_bytes:
                held.popitem(last=False)
        return tile


def _decoded(stored: JpegTiff, key: tuple[int, int, int]) -> Rgb | None:
    data = stored.padded_tile(*key)
    tile = None if data is None else decode_strict(data)
    side = stored.tile_size
    return tile if tile is not None and tile.shape == (side, side, 3) else None


def _equal(reader: OpenSlideReader, stored: JpegTiff, level: int) -> bool:
    """Whether some tiles of a level, spread over it and the one with most detail, are what OpenSlide gives."""
    factor, side = reader.level_downsamples[level], stored.tile_size
    richest = stored.richest_tile(level)
    if factor != round(factor) or richest is None:  # OpenSlide interpolates between the pixels of odd levels
        return False
    cols, rows = stored.shape(level)
    spread = {(cols * k // _COMPARED, rows * k // _COMPARED) for k in range(1, _COMPARED)}
    compared = 0
    for col, row in {richest, (cols - 1, rows - 1), *spread}:
        tile = _decoded(stored, (level, col, row))
        if tile is None:
            continue
        width, height = reader.level_dimensions[level]
        size = (min(side, width - col * side), min(side, height - row * side))
        place = (round(col * side * factor), round(row * side * factor))
        try:
            if not np.array_equal(tile[: size[1], : size[0]], reader.read_region(place, level, size)):
                return False
        except SlideError:
            continue
        compared += 1
    return compared >= min(2, cols * rows)
