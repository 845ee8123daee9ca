"""Where the tissue is: an H&E tissue mask without glass, dust and pen."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from icicore.slides.base import SlideReader
from icicore.slides.density import optical_density, range_over_channels, strips, white_point
from icicore.slides.overview import Overview, read_overview
from icicore.slides.pen import find_pen
from icicore.types import F32, F64, Mask, Rgb

MIN_ISLAND_UM2 = 20_000.0
"""Islands below 140 µm across are dust and debris."""
MAX_HOLE_UM2 = 20_000.0
"""Smaller holes (vessels, gland lumens, fat cells) belong to the tissue around them."""


@dataclass(frozen=True)
class TissueMask:
    """Tissue on the scanned area.

    Attributes
    ----------
    mask : shape (height, width), True on tissue
    origin_l0 : level-0 position (x, y) of the mask's corner
    scale_l0 : level-0 px per mask pixel
    """

    mask: Mask
    origin_l0: tuple[float, float]
    scale_l0: float

    def fraction(self, x_l0: float, y_l0: float, size_l0: float) -> float:
        """Share of a square that is tissue; what lies outside the mask is not."""
        return float(self.fractions(np.array([[x_l0, y_l0]]), size_l0)[0])

    def fractions(self, coords_l0: F64, size_l0: float) -> F64:
        """Share of tissue, shape (n,), in the squares with top-left corners ``coords_l0``, shape (n, 2).

        Exact for fractional positions: the summed mask is interpolated linearly.
        """
        total = np.asarray(cv2.integral(self.mask.view(np.uint8)), np.int32)
        near = (np.asarray(coords_l0, np.float64) - np.asarray(self.origin_l0)) / self.scale_l0
        far = near + size_l0 / self.scale_l0
        area = (
            _interpolate(total, far[:, 0], far[:, 1])
            - _interpolate(total, near[:, 0], far[:, 1])
            - _interpolate(total, far[:, 0], near[:, 1])
            + _interpolate(total, near[:, 0], near[:, 1])
        )
        return np.clip(area / (size_l0 / self.scale_l0) ** 2, 0.0, 1.0)

    def area_mm2(self, mpp: float) -> float:
        """Tissue area."""
        return float(self.mask.sum()) * (self.scale_l0 * mpp / 1000) ** 2


def _interpolate(table: npt.NDArray[np.int32], x: F64, y: F64) -> F64:
    height, width = table.shape[0] - 1, table.shape[1] - 1
    x, y = np.clip(x, 0, width), np.clip(y, 0, height)
    column, row = np.minimum(x.astype(np.int64), max(0, width - 1)), np.minimum(y.astype(np.int64), max(0, height - 1))
    u, v = x - column, y - row
    upper = table[row, column] * (1 - u) + table[row, column + 1] * u
    lower = table[row + 1, column] * (1 - u) + table[row + 1, column + 1] * u
    return np.asarray(upper * (1 - v) + lower * v)


def find_tissue(reader: SlideReader) -> TissueMask:
    """Find the tissue of a slide on an overview of about 8 µm/px. The mask may be empty.

    Raises
    ------
    MissingMpp : the pixel size is unknown
    SlideError : most of the slide cannot be read
    """
    return mask_overview(read_overview(reader), reader.mpp)


def mask_overview(overview: Overview, mpp: float) -> TissueMask:
    """Tissue mask of an overview; ``mpp`` is that of level 0."""
    um_per_px = overview.scale_l0 * mpp
    return TissueMask(tissue_of_image(overview.image, um_per_px), overview.origin_l0, overview.scale_l0)


def tissue_of_image(image: Rgb, um_per_px: float) -> Mask:
    """Tissue of an RGB overview, shape (height, width)."""
    white = white_point(image)
    score: F32 = np.empty(image.shape[:2], np.float32)
    for rows in strips(len(image)):
        density = optical_density(image[rows], white)
        weakest, strongest = range_over_channels(density)
        # Strength and colour together: pale tissue has some of both, dirt and shadows on the glass have no colour.
        score[rows] = density.mean(axis=2) + strongest - weakest
    score = np.asarray(cv2.GaussianBlur(score, (0, 0), max(0.5, 8.0 / um_per_px)), np.float32)
    mask = score > _threshold(score)
    mask &= ~find_pen(image, um_per_px)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    return _drop_small(closed.astype(bool), um_per_px)


def _threshold(score: F32) -> float:
    """Otsu's threshold, held within what glass and pale tissue can have."""
    levels = np.clip(score * 255, 0, 255).astype(np.uint8)
    otsu, _ = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return float(np.clip(otsu / 255 * 0.6, 0.10, 0.20))


def _drop_small(mask: Mask, um_per_px: float) -> Mask:
    kept = _without_small_parts(mask, MIN_ISLAND_UM2 / um_per_px**2)
    return ~_without_small_parts(~kept, MAX_HOLE_UM2 / um_per_px**2)


def _without_small_parts(mask: Mask, min_px: float) -> Mask:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= min_px
    large[0] = False
    return np.asarray(large[labels])
