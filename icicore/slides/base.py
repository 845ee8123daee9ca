"""What every slide reader offers, and the parts that are the same for all of them."""

import math
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

import numpy as np

from icicore.errors import MissingMpp
from icicore.slides.geometry import finest_sufficient_level
from icicore.slides.resample import enlarge, shrink_area
from icicore.types import Mpp, Rgb

PLAUSIBLE_MPP = (0.1, 5.0)
"""Pixel sizes of microscope scans in µm/px. 353 and 1000 are print resolutions (72 dpi, 25.4 dpi) in disguise."""
NATIVE_TOLERANCE = 0.01
"""Below 1 % difference in scale the stored pixels are used as they are: resampling would only blur them."""
_MAX_SOURCE_PX = 2**24


@runtime_checkable
class SlideReader(Protocol):
    """A slide as a pyramid of RGB images.

    Attributes
    ----------
    path : the file or DICOM folder
    dimensions_l0 : (width, height) of level 0
    level_downsamples : level-0 px per pixel of each level
    level_dimensions : (width, height) of each level
    bounds_l0 : x, y, width, height of the scanned area; the whole of level 0 if the file does not state it
    is_virtual : True for simulated slides
    vendor : format as named by OpenSlide, or "array"
    """

    path: Path
    dimensions_l0: tuple[int, int]
    level_downsamples: tuple[float, ...]
    level_dimensions: tuple[tuple[int, int], ...]
    bounds_l0: tuple[int, int, int, int]
    is_virtual: bool
    vendor: str

    @property
    def mpp(self) -> Mpp:
        """Pixel size of level 0 in µm; raises `MissingMpp` when unknown or implausible."""

    def read_region(self, location_l0: tuple[int, int], level: int, size: tuple[int, int]) -> Rgb:
        """Pixels of one level, (width, height) ``size``; white outside the slide. Raises `SlideError`."""

    def read_area(
        self, location_l0: tuple[float, float], size_l0: tuple[float, float], *, size_px: tuple[int, int]
    ) -> Rgb:
        """Any rectangle at any scale, from the nearest finer level. Raises `SlideError`."""

    def thumbnail(self, max_side: int) -> Rgb:
        """Scanned area, scaled so that the longer side has at most ``max_side`` px."""

    def close(self) -> None:
        """Release the file."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def check_mpp(source: Path | str, mpp: float, *, stated_by: str) -> Mpp:
    """Return ``mpp`` if it is a plausible pixel size, else raise `MissingMpp`."""
    low, high = PLAUSIBLE_MPP
    if math.isfinite(mpp) and low <= mpp <= high:
        return float(mpp)
    raise MissingMpp(
        source,
        f"the pixel size of {mpp:g} µm/px that {stated_by} is not plausible",
        expected=f"{low:g} to {high:g} µm/px",
        remedy="state the scanner's pixel size (mpp); overview images cannot be used",
    )


class PyramidReader:
    """Shared behaviour of readers that implement ``read_region``."""

    path: Path
    dimensions_l0: tuple[int, int]
    level_downsamples: tuple[float, ...]
    level_dimensions: tuple[tuple[int, int], ...]
    bounds_l0: tuple[int, int, int, int]
    is_virtual: bool
    vendor: str

    def read_region(self, location_l0: tuple[int, int], level: int, size: tuple[int, int]) -> Rgb:
        """Pixels of one level; see `SlideReader`."""
        raise NotImplementedError

    def read_area(
        self, location_l0: tuple[float, float], size_l0: tuple[float, float], *, size_px: tuple[int, int]
    ) -> Rgb:
        """Read a rectangle with fractional edges at any scale.

        Parameters
        ----------
        location_l0 : top-left (x, y)
        size_l0 : (width, height) in level-0 px
        size_px : (width, height) of the result

        Returns
        -------
        Shape (size_px[1], size_px[0], 3); white outside the slide. Shrinking averages over areas, enlarging
        interpolates cubically; at the scale of a level (within 1 %) its pixels are copied.
        """
        downsample = min(size_l0[0] / size_px[0], size_l0[1] / size_px[1])
        level = finest_sufficient_level(self.level_downsamples, downsample)
        factor = self.level_downsamples[level]
        x, y, width, height = (v / factor for v in (*location_l0, *size_l0))
        scale_x, scale_y = width / size_px[0], height / size_px[1]
        if width * height > _MAX_SOURCE_PX and max(size_px) > 1:
            return self._read_halves(location_l0, size_l0, size_px)
        if max(abs(scale_x - 1), abs(scale_y - 1)) <= NATIVE_TOLERANCE:
            left, top = round(x + (width - size_px[0]) / 2), round(y + (height - size_px[1]) / 2)
            return self._read_level((left, top), level, size_px)
        enlarging = min(scale_x, scale_y) < 1
        margin = 2 if enlarging else 0
        left, top = math.floor(x + 1e-6) - margin, math.floor(y + 1e-6) - margin
        right, bottom = math.ceil(x + width - 1e-6) + margin, math.ceil(y + height - 1e-6) + margin
        source = self._read_level((left, top), level, (right - left, bottom - top))
        resample = enlarge if enlarging else shrink_area
        return resample(source, (max(0.0, x - left), max(0.0, y - top)), (width, height), size_px)

    def _read_halves(
        self, location_l0: tuple[float, float], size_l0: tuple[float, float], size_px: tuple[int, int]
    ) -> Rgb:
        """Read a large area in two parts, so that memory stays bounded on slides without low levels."""
        axis = 0 if size_px[0] >= size_px[1] else 1
        parts, start = [], 0
        for length in (size_px[axis] // 2, size_px[axis] - size_px[axis] // 2):
            step = size_l0[axis] / size_px[axis]
            corner, extent, px = list(location_l0), list(size_l0), list(size_px)
            corner[axis], extent[axis], px[axis] = corner[axis] + start * step, length * step, length
            parts.append(self.read_area((corner[0], corner[1]), (extent[0], extent[1]), size_px=(px[0], px[1])))
            start += length
        return np.concatenate(parts, axis=1 - axis)

    def _read_level(self, location_level: tuple[int, int], level: int, size: tuple[int, int]) -> Rgb:
        factor = self.level_downsamples[level]
        return self.read_region((round(location_level[0] * factor), round(location_level[1] * factor)), level, size)

    def thumbnail(self, max_side: int) -> Rgb:
        """Scanned area, scaled so that the longer side has at most ``max_side`` px."""
        x, y, width, height = self.bounds_l0
        scale = min(1.0, max_side / max(width, height))
        size_px = (max(1, round(width * scale)), max(1, round(height * scale)))
        return self.read_area((x, y), (width, height), size_px=size_px)

    def close(self) -> None:
        """Release the file; nothing to do by default."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
