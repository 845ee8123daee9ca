"""Display tiles for a zooming viewer: stored JPEG tiles passed through where that is exact, else decoded."""

import math
import threading
from itertools import count

import cv2
import numpy as np

from icicore.errors import SlideError
from icicore.slides.direct import fastest_reader
from icicore.slides.jpeg_tiff import JpegTiff
from icicore.slides.overview import read_scaled
from icicore.slides.reader import OpenSlideReader
from icicore.slides.tile_cache import TileCache
from icicore.types import Rgb

QUALITY = 85
DEFAULT_TILE = 256
_BASE_PX = 2048
_numbers = count()


def encode_jpeg(image: Rgb, quality: int = QUALITY) -> bytes:
    """JPEG of an RGB image."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"cannot encode an image of shape {image.shape}")
    return bytes(data)


class DeepZoomSource:
    """Tiles of a slide's scanned area, addressed as OpenSeadragon does; safe to use from several threads.

    Level ``max_level`` is full resolution; each level below halves the size, rounded up, down to 1x1 at level 0.

    Parameters
    ----------
    reader : the slide; must stay open
    tile_size : side of a tile in px; None takes the file's own tile size where its tiles can be passed through
    cache : memory for encoded tiles, shared by several slides; one of its own by default

    Attributes
    ----------
    width, height : of the scanned area in level-0 px
    origin_l0 : its corner (x, y)
    direct_levels : levels whose inner tiles are passed through unchanged
    """

    def __init__(
        self, reader: OpenSlideReader, tile_size: int | None = None, *, cache: TileCache | None = None
    ) -> None:
        x, y, self.width, self.height = reader.bounds_l0
        self.reader, self.origin_l0 = reader, (x, y)
        self.min_level, self.max_level = 0, max(0, math.ceil(math.log2(max(self.width, self.height))))
        stored = JpegTiff.open(reader) if (x, y) == (0, 0) else None
        self.tile_size = tile_size or (stored.tile_size if stored else DEFAULT_TILE)
        if self.tile_size < 1:
            raise ValueError(f"tile size {self.tile_size}")
        self._stored = stored if stored and stored.tile_size == self.tile_size else None
        self._direct = self._match_levels()
        self._cache, self._number = cache or TileCache(), next(_numbers)
        self._pixels = fastest_reader(reader, held_bytes=0) if stored else reader
        self._base: Rgb | None = None
        self._base_lock = threading.Lock()

    @property
    def direct_levels(self) -> tuple[int, ...]:
        """Levels whose inner tiles are passed through."""
        return tuple(sorted(self._direct))

    def level_size(self, level: int) -> tuple[int, int]:
        """(width, height) of a level in px."""
        if not self.min_level <= level <= self.max_level:
            raise ValueError(f"no level {level}; there are {self.min_level} to {self.max_level}")
        shift = self.max_level - level
        return -(-self.width >> shift) or 1, -(-self.height >> shift) or 1

    def tile(self, level: int, col: int, row: int) -> bytes:
        """One tile as JPEG; those at the right and lower edge are smaller.

        Raises
        ------
        ValueError : no such tile
        SlideError : the file is damaged there
        """
        width, height = self.level_size(level)
        x, y = col * self.tile_size, row * self.tile_size
        if col < 0 or row < 0 or x >= width or y >= height:
            raise ValueError(f"no tile {col}, {row} on level {level}")
        stored = self._pass_through(level, col, row)
        if stored is not None:
            return stored
        key = (self._number, level, col, row)
        size = (min(self.tile_size, width - x), min(self.tile_size, height - y))
        return self._cache.get(key, lambda: encode_jpeg(self._decode(level, (x, y), size)))

    def ready_tile(self, level: int, col: int, row: int) -> bytes | None:
        """A tile that costs no decoding: stored as it is, or decoded before. None for all others."""
        return self._pass_through(level, col, row) or self._cache.find((self._number, level, col, row))

    def forget(self) -> None:
        """Give back the memory for encoded tiles."""
        self._cache.forget(self._number)

    def region(self, x_l0: float, y_l0: float, size_l0: float, size_px: int) -> Rgb:
        """A square of the slide (level-0 frame of the file), shape (size_px, size_px, 3)."""
        return self.reader.read_area((x_l0, y_l0), (size_l0, size_l0), size_px=(size_px, size_px))

    def _decode(self, level: int, location: tuple[int, int], size: tuple[int, int]) -> Rgb:
        scale = 2 ** (self.max_level - level)
        if scale > 2 * max(self.reader.level_downsamples) and max(self.level_size(level)) <= _BASE_PX:
            return self._decode_base(level, location, size)
        corner = (self.origin_l0[0] + location[0] * scale, self.origin_l0[1] + location[1] * scale)
        return self._pixels.read_area(corner, (size[0] * scale, size[1] * scale), size_px=size)

    def _decode_base(self, level: int, location: tuple[int, int], size: tuple[int, int]) -> Rgb:
        """Small levels of a file that has none: shrunk from one image, for which the file is read only once."""
        with self._base_lock:
            if self._base is None:
                fitting = [n for n in range(self.max_level + 1) if max(self.level_size(n)) <= _BASE_PX]
                self._base = read_scaled(self.reader, float(2 ** (self.max_level - max(fitting)))).image
            base = self._base
        image = cv2.resize(base, self.level_size(level), interpolation=cv2.INTER_AREA)
        (x, y), (width, height) = location, size
        return np.ascontiguousarray(image[y : y + height, x : x + width], np.uint8)

    def _pass_through(self, level: int, col: int, row: int) -> bytes | None:
        if self._stored is None or level not in self._direct or min(col, row) < 0:
            return None
        return self._stored.tile(self._direct[level], col, row)

    def _match_levels(self) -> dict[int, int]:
        """Deep-zoom level -> stored level, for those proven equal to OpenSlide's decoding."""
        matches: dict[int, int] = {}
        if self._stored is None:
            return matches
        for index, downsample in enumerate(self.reader.level_downsamples):
            shift = round(math.log2(downsample))
            # Stored levels have rounded sizes: their tiles may lie off by a fraction of a pixel, never by one.
            drift_px = abs(2**shift / downsample - 1) * max(self.reader.level_dimensions[index])
            if drift_px < 1 and shift <= self.max_level and self._same_as_openslide(self._stored, index):
                matches[self.max_level - shift] = index
        return matches

    def _same_as_openslide(self, stored: JpegTiff, index: int) -> bool:
        """Whether one tile, decoded as a viewer would, has exactly the pixels that OpenSlide gives."""
        factor, side = self.reader.level_downsamples[index], self.tile_size
        # OpenSlide interpolates where a position does not fall on a pixel, so elsewhere only the corner compares.
        address = stored.richest_tile(index) if factor == round(factor) else (0, 0)
        data = stored.tile(index, *address) if address else None
        if address is None or data is None:
            return False
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
        location = (round(address[0] * side * factor), round(address[1] * side * factor))
        try:
            truth = self.reader.read_region(location, index, (side, side))
        except SlideError:
            return False
        return pixels is not None and pixels.shape == truth.shape and bool((pixels == truth).all())
