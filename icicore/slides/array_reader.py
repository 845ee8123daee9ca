"""A slide held in memory, for tests and for images that are already arrays."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from icicore.errors import MissingMpp, SlideError
from icicore.slides.base import PyramidReader, check_mpp
from icicore.types import Mpp, Rgb


class ArrayReader(PyramidReader):
    """An RGB array as a slide.

    Parameters
    ----------
    image : level 0, shape (height, width, 3), uint8
    mpp : pixel size of level 0 in µm, None if unknown
    downsamples : of the levels, the first is 1
    bounds_l0 : scanned area; the whole image by default
    """

    def __init__(
        self,
        image: Rgb,
        *,
        mpp: Mpp | None,
        downsamples: Sequence[float] = (1.0,),
        bounds_l0: tuple[int, int, int, int] | None = None,
        path: Path = Path("array"),
        is_virtual: bool = False,
    ) -> None:
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise SlideError(path, f"array of shape {image.shape} {image.dtype}", expected="(height, width, 3) uint8")
        height, width = image.shape[:2]
        self.path, self.vendor, self.is_virtual, self._mpp = path, "array", is_virtual, mpp
        self.dimensions_l0 = (width, height)
        self.bounds_l0 = bounds_l0 or (0, 0, width, height)
        self.level_dimensions = tuple((max(1, round(width / d)), max(1, round(height / d))) for d in downsamples)
        self.level_downsamples = tuple((width / w + height / h) / 2 for w, h in self.level_dimensions)
        self._levels = [
            image if size == (width, height) else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            for size in self.level_dimensions
        ]

    @property
    def mpp(self) -> Mpp:
        """Pixel size of level 0 in µm."""
        if self._mpp is None:
            raise MissingMpp(self.path, "does not say its pixel size", remedy="state the scanner's pixel size (mpp)")
        return check_mpp(self.path, self._mpp, stated_by="was given")

    def read_region(self, location_l0: tuple[int, int], level: int, size: tuple[int, int]) -> Rgb:
        """Pixels of one level; white outside the image. See `SlideReader`."""
        if size[0] < 1 or size[1] < 1 or not 0 <= level < len(self._levels):
            raise ValueError(f"no region of size {size} on level {level}")
        source, factor = self._levels[level], self.level_downsamples[level]
        x, y = round(location_l0[0] / factor), round(location_l0[1] / factor)
        result = np.full((size[1], size[0], 3), 255, np.uint8)
        left, top = max(0, x), max(0, y)
        right, bottom = min(source.shape[1], x + size[0]), min(source.shape[0], y + size[1])
        if right > left and bottom > top:
            result[top - y : bottom - y, left - x : right - x] = source[top:bottom, left:right]
        return result
