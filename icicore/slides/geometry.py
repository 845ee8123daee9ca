"""Where things lie on a slide: rectangles, pyramid levels and the tile grid, without any pixels.

Frames: ``_l0`` is level-0 pixels of the whole file, ``_level`` pixels of one level. Points are (x, y).
"""

import math
from collections.abc import Sequence

import numpy as np

from icicore.types import F64, I32, Mpp

LEVEL_TOLERANCE = 1.01
"""A level counts as fine enough when it is at most 1 % coarser than asked: stored downsamples such as 4.0007
come from rounded level sizes, and refusing them would read sixteen times the pixels for nothing."""


def finest_sufficient_level(level_downsamples: Sequence[float], downsample: float) -> int:
    """Coarsest level that is not coarser than ``downsample`` (level-0 px per wanted px); level 0 if none is."""
    fitting = [i for i, factor in enumerate(level_downsamples) if factor <= max(1.0, downsample) * LEVEL_TOLERANCE]
    return max(fitting, key=lambda i: level_downsamples[i], default=0)


def tile_side_l0(tile_px: int, tile_mpp: Mpp, slide_mpp: Mpp) -> float:
    """Side of a tile in level-0 px; a fraction unless the two pixel sizes divide evenly."""
    return tile_px * tile_mpp / slide_mpp


def grid_shape(size_l0: tuple[float, float], tile_l0: float) -> tuple[int, int]:
    """(rows, cols) of the grid that covers an area; the last row and column may reach beyond it.

    A remainder of less than a thousandth of a tile is rounding of the pixel size, not a column of its own.
    """
    width, height = size_l0
    return max(1, math.ceil(height / tile_l0 - 1e-3)), max(1, math.ceil(width / tile_l0 - 1e-3))


def tile_corners_l0(index: I32, origin_l0: tuple[float, float], tile_l0: float) -> F64:
    """Top-left corners, shape (n, 2) as x, y, of the tiles with the given (row, col).

    Multiplied, never summed up: the position of the last tile is as exact as that of the first.
    """
    return np.asarray(origin_l0, np.float64) + index[:, ::-1].astype(np.float64) * tile_l0
