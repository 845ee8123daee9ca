"""Windows spread evenly over the tissue, for measuring a slide without reading all of it."""

import numpy as np
import numpy.typing as npt

from icicore.errors import SlideError
from icicore.slides.base import SlideReader
from icicore.slides.tiling import TilePlan
from icicore.slides.tissue import TissueMask
from icicore.types import F64, Mask, RgbTiles

MIN_TISSUE = 0.6
_CANDIDATES = 16


def sample_windows(reader: SlideReader, tissue: TissueMask, *, count: int, side_px: int, um_per_px: float) -> RgbTiles:
    """Up to ``count`` windows, shape (n, side_px, side_px, 3), centred on tissue; damaged ones are left out.

    The choice depends on the mask alone. Windows are at least 60 % tissue unless the slide has none such.
    A slide coarser than ``um_per_px`` is read at its own scale.
    """
    side_l0 = max(1.0, um_per_px / reader.mpp) * side_px
    centres = _spread(tissue.mask, _CANDIDATES * count) + 0.5
    if not len(centres):
        return np.zeros((0, side_px, side_px, 3), np.uint8)
    corners = np.asarray(tissue.origin_l0) + centres * tissue.scale_l0 - side_l0 / 2
    windows = []
    for x, y in corners[_chosen(tissue, corners, side_l0, count)]:
        try:
            windows.append(reader.read_area((x, y), (side_l0, side_l0), size_px=(side_px, side_px)))
        except SlideError:
            continue
    return np.stack(windows) if windows else np.zeros((0, side_px, side_px, 3), np.uint8)


def sample_tiles(plan: TilePlan, tissue: TissueMask, *, count: int) -> frozenset[int]:
    """Numbers of up to ``count`` tiles of a plan, chosen as in `sample_windows`."""
    return frozenset(_chosen(tissue, plan.coords_l0, plan.tile_l0, count).tolist())


def _spread(mask: Mask, count: int) -> npt.NDArray[np.int64]:
    """Up to ``count`` evenly spaced ones of the True pixels in row order, as (column, row), shape (n, 2)."""
    # Row by row: the places of all pixels of the largest slides would take 0.4 GB.
    ends = np.cumsum(np.count_nonzero(mask, axis=1))
    numbers = _evenly(int(ends[-1]) if len(ends) else 0, count)
    rows = np.searchsorted(ends, numbers, side="right")
    found = np.empty((len(numbers), 2), np.int64)
    for row in np.unique(rows):
        here = rows == row
        columns = np.flatnonzero(mask[row])
        found[here] = np.stack([columns[numbers[here] - (ends[row] - len(columns))], rows[here]], axis=1)
    return found


def _chosen(tissue: TissueMask, corners: F64, side_l0: float, count: int) -> npt.NDArray[np.int64]:
    """Numbers of ``count`` evenly spaced squares, of those that are full of tissue if any are."""
    full = np.flatnonzero(tissue.fractions(corners, side_l0) >= MIN_TISSUE)
    candidates = full if len(full) else np.arange(len(corners))
    return candidates[_evenly(len(candidates), count)]


def _evenly(n: int, count: int) -> npt.NDArray[np.int64]:
    """At most ``count`` different numbers below ``n``, evenly spaced."""
    return np.linspace(0, n - 1, min(count, n)).round().astype(np.int64)
