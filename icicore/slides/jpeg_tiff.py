"""Direct access to the stored JPEG tiles of a TIFF, without decoding them."""

import logging
import os
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the reader itself uses stored tiles
    from icicore.slides.reader import OpenSlideReader

_JPEG, _RGB = 7, 2
_SOI = b"\xff\xd8"
_ADOBE_RGB = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
"""APP14 segment with transform 0: "these are RGB, not YCbCr". Without it, viewers show false colours."""
_VENDORS = ("aperio", "generic-tiff")


@dataclass(frozen=True)
class _Level:
    width: int
    height: int
    columns: int
    offsets: tuple[int, ...]
    counts: tuple[int, ...]
    prefix: bytes


class JpegTiff:
    """The JPEG tiles of all levels that store any; reads are safe from several threads."""

    def __init__(self, descriptor: int, tile_size: int, levels: dict[int, _Level]) -> None:
        self._descriptor, self.tile_size, self._levels = descriptor, tile_size, levels
        weakref.finalize(self, os.close, descriptor)

    @classmethod
    def open(cls, reader: "OpenSlideReader") -> "JpegTiff | None":
        """Index a slide's stored tiles, or None where its layout does not allow to use them."""
        if reader.vendor not in _VENDORS or not reader.path.is_file():
            return None
        pages = _tiled_jpeg_pages(reader)
        sizes = {side for side, _ in pages.values()}
        if len(sizes) != 1 or 0 not in pages:
            return None
        descriptor = os.open(reader.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        return cls(descriptor, sizes.pop(), {index: level for index, (_, level) in pages.items()})

    def tile(self, index: int, col: int, row: int) -> bytes | None:
        """A complete JPEG of an inner tile of stored level ``index``; None for edge, missing or odd tiles.

        Edge tiles are stored padded to full size, so they must be decoded and cropped instead.
        """
        level = self._levels.get(index)
        if level is None or (col + 1) * self.tile_size > level.width or (row + 1) * self.tile_size > level.height:
            return None
        return self.padded_tile(index, col, row)

    def padded_tile(self, index: int, col: int, row: int) -> bytes | None:
        """A complete JPEG of any tile of stored level ``index``, padded at the edges; None for missing or odd ones."""
        level = self._levels.get(index)
        if level is None or not (0 <= col < level.columns and 0 <= row * self.tile_size < level.height):
            return None
        number = row * level.columns + col
        count = level.counts[number]
        if count < 4:
            return None
        data = os.pread(self._descriptor, count, level.offsets[number])
        if len(data) != count or not data.startswith(_SOI):
            return None
        return level.prefix + data[2:]

    @property
    def levels(self) -> tuple[int, ...]:
        """Levels that store JPEG tiles."""
        return tuple(sorted(self._levels))

    def shape(self, index: int) -> tuple[int, int]:
        """(columns, rows) of the tiles of a level."""
        level = self._levels[index]
        return level.columns, -(-level.height // self.tile_size)

    def richest_tile(self, index: int) -> tuple[int, int] | None:
        """(col, row) of the inner tile with most data: the one where a difference would show."""
        level = self._levels.get(index)
        if level is None:
            return None
        inner = [
            (level.counts[row * level.columns + col], col, row)
            for row in range(level.height // self.tile_size)
            for col in range(level.width // self.tile_size)
        ]
        return max(inner)[1:] if inner else None


def _tiled_jpeg_pages(reader: "OpenSlideReader") -> dict[int, tuple[int, _Level]]:
    """Slide level -> (tile side, stored tiles) of pages with square JPEG tiles."""
    import tifffile  # imported here: it takes a third of a second

    found: dict[int, tuple[int, _Level]] = {}
    logger = logging.getLogger("tifffile")
    silenced, logger.disabled = logger.disabled, True
    try:
        with tifffile.TiffFile(reader.path) as tiff:
            for entry in tiff.pages:
                page: Any = entry  # a page or a frame of one: both answer the questions below
                size = (int(page.imagewidth), int(page.imagelength))
                usable = page.is_tiled and page.compression == _JPEG and page.tilewidth == page.tilelength
                if not usable or page.samplesperpixel != 3 or size not in reader.level_dimensions:
                    continue
                index = reader.level_dimensions.index(size)
                found.setdefault(index, (int(page.tilewidth), _level_of(page)))
    except (tifffile.TiffFileError, ValueError, KeyError, IndexError, OSError, RuntimeError):
        return {}
    finally:
        logger.disabled = silenced
    return found


def _level_of(page: Any) -> _Level:
    tables = page.jpegtables
    prefix = _SOI
    if page.photometric == _RGB:
        prefix += _ADOBE_RGB
    prefix += tables[2:-2] if tables else b""
    width, side = int(page.imagewidth), int(page.tilewidth)
    return _Level(
        width,
        int(page.imagelength),
        -(-width // side),
        tuple(page.dataoffsets),
        tuple(page.databytecounts),
        prefix,
    )
