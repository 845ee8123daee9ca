"""The tile grid: which squares of a slide are read, at which scale."""

import math
from dataclasses import dataclass

import numpy as np

from icicore.errors import NoTissue, SlideError, TooCoarse
from icicore.slides.base import SlideReader
from icicore.slides.geometry import grid_shape, tile_corners_l0, tile_side_l0
from icicore.slides.tissue import TissueMask
from icicore.types import F64, I32, Mpp, Rgb


@dataclass(frozen=True)
class TileGrid:
    """Non-overlapping square tiles at one physical scale, counted from the corner of the scanned area.

    Attributes
    ----------
    tile_px : side of a tile in px
    mpp : µm per tile pixel
    min_tissue : least share of tissue in a tile, 0 to 1
    max_upsampling : largest ratio of the slide's pixel size to ``mpp``; a coarser slide is refused
    """

    tile_px: int = 256
    mpp: Mpp = 0.5
    min_tissue: float = 0.5
    max_upsampling: float = 1.1

    def plan(self, reader: SlideReader, tissue: TissueMask) -> "TilePlan":
        """Choose the tiles of a slide.

        Raises
        ------
        MissingMpp : the slide's pixel size is unknown
        TooCoarse : tiles would have to be enlarged by more than ``max_upsampling``
        NoTissue : no tile holds enough tissue
        """
        native = reader.mpp
        if native / self.mpp > self.max_upsampling * (1 + 1e-9):
            raise TooCoarse(
                reader.path,
                f"was scanned at {native:g} µm/px",
                expected=f"{self.mpp * self.max_upsampling:.3g} µm/px or finer (tiles are read at {self.mpp:g})",
                remedy="use a scan with at least 20x magnification",
            )
        tile_l0 = tile_side_l0(self.tile_px, self.mpp, native)
        x, y, width, height = reader.bounds_l0
        origin = (float(x), float(y))
        rows, cols = grid_shape((width, height), tile_l0)
        every = np.indices((rows, cols), dtype=np.int32).reshape(2, -1).T
        share = tissue.fractions(tile_corners_l0(every, origin, tile_l0), tile_l0)
        index = np.ascontiguousarray(every[share >= self.min_tissue])
        if not len(index):
            raise self._no_tissue(reader, (width * native, height * native))
        return TilePlan(self, origin, tile_l0, rows, cols, index, max(1.0, native / self.mpp))

    def _no_tissue(self, reader: SlideReader, size_um: tuple[float, float]) -> NoTissue:
        side = self.tile_px * self.mpp
        if min(size_um) < side * math.sqrt(self.min_tissue):
            problem = f"is too small ({size_um[0]:.0f} x {size_um[1]:.0f} µm)"
            return NoTissue(
                reader.path, problem, expected=f"at least one tile of {side:g} µm", remedy="choose the whole-slide scan"
            )
        return NoTissue(
            reader.path,
            "no tissue was found",
            expected=f"at least one tile of {side:g} µm that is {self.min_tissue:.0%} tissue",
            remedy="check that this is a bright-field H&E scan and not an empty slide",
        )


@dataclass(frozen=True, eq=False)
class TilePlan:
    """The tiles of one slide.

    Attributes
    ----------
    grid : what was asked
    origin_l0 : level-0 position (x, y) of the grid's corner
    tile_l0 : side of a tile in level-0 px, fractional
    rows, cols : size of the whole grid
    index : (row, col) of the tissue tiles, shape (n, 2), int32, in row-major order
    upsampling : factor by which tiles are enlarged, 1 if they are not
    """

    grid: TileGrid
    origin_l0: tuple[float, float]
    tile_l0: float
    rows: int
    cols: int
    index: I32
    upsampling: float

    def __len__(self) -> int:
        return len(self.index)

    @property
    def coords_l0(self) -> F64:
        """Top-left corners (x, y) of the tissue tiles, shape (n, 2)."""
        return tile_corners_l0(self.index, self.origin_l0, self.tile_l0)

    def read_tile(self, reader: SlideReader, i: int) -> Rgb:
        """Pixels of tile ``i``, shape (tile_px, tile_px, 3). Raises `SlideError` if the file is damaged there."""
        if not 0 <= i < len(self.index):
            raise IndexError(f"tile {i} of {len(self.index)}")
        row, col = (int(v) for v in self.index[i])
        location = (self.origin_l0[0] + col * self.tile_l0, self.origin_l0[1] + row * self.tile_l0)
        side = self.grid.tile_px
        return reader.read_area(location, (self.tile_l0, self.tile_l0), size_px=(side, side))

    def readable(self, reader: SlideReader, i: int) -> Rgb | None:
        """As `read_tile`, None for a damaged tile."""
        try:
            return self.read_tile(reader, i)
        except SlideError:
            return None
