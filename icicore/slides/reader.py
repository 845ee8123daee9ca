"""Opening slides. OpenSlide decides what is true about a file; label, macro and barcode images are never read."""

import logging
import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import openslide

from icicore.errors import MissingMpp, SlideError
from icicore.slides.array_reader import ArrayReader
from icicore.slides.base import PLAUSIBLE_MPP, PyramidReader, SlideReader, check_mpp
from icicore.slides.diagnose import explain_unopenable
from icicore.slides.digest import dicom_entry, slide_digest
from icicore.types import Mpp, Rgb

__all__ = ["ArrayReader", "OpenSlideReader", "SlideReader", "open_slide", "slide_digest"]

VIRTUAL_PREFIX = "icicore virtual slide"
_MAX_ANISOTROPY = 1.05
_log = logging.getLogger(__name__)


class OpenSlideReader(PyramidReader):
    """A slide file or DICOM folder, read by OpenSlide; safe to use from several threads and to pickle.

    Made by `open_slide`. An OpenSlide handle refuses everything after its first failure, so a failed read is
    repeated on a fresh handle: only the area that is really damaged raises.
    """

    def __init__(self, path: Path, *, mpp: Mpp | None = None) -> None:
        self.path = path
        self._stated_mpp = None if mpp is None else check_mpp(path, mpp, stated_by="was given")
        self._entry = dicom_entry(path) if path.is_dir() else path
        self._lock = threading.Lock()
        self._handle: openslide.OpenSlide | None = _open_handle(self._entry)
        handle = self._handle
        properties = handle.properties
        self.dimensions_l0 = handle.dimensions
        self.level_downsamples = tuple(float(d) for d in handle.level_downsamples)
        self.level_dimensions = handle.level_dimensions
        self.vendor = str(properties.get(openslide.PROPERTY_NAME_VENDOR, "unknown"))
        self.is_virtual = str(properties.get("tiff.ImageDescription", "")).startswith(VIRTUAL_PREFIX)
        self.bounds_l0 = _bounds(properties, self.dimensions_l0)
        self._file_mpp = _file_mpp(properties)
        self._objective = str(properties.get(openslide.PROPERTY_NAME_OBJECTIVE_POWER, ""))
        if min(self.dimensions_l0) < 1:
            raise SlideError(path, "holds no pixels", expected="a whole-slide image", remedy="export the slide again")

    @property
    def mpp(self) -> Mpp:
        """Pixel size of level 0 in µm: the stated one if one was given, else the file's."""
        if self._stated_mpp is not None:
            return self._stated_mpp
        if self._file_mpp is None:
            hint = f" (scanned at {self._objective}x)" if self._objective else ""
            raise MissingMpp(
                self.path,
                f"does not say its pixel size{hint}",
                expected="micrometres per pixel, 0.1 to 5",
                remedy="state the scanner's pixel size (mpp)",
            )
        mpp_x, mpp_y = self._file_mpp
        if max(mpp_x, mpp_y) > _MAX_ANISOTROPY * min(mpp_x, mpp_y):
            raise MissingMpp(
                self.path,
                f"states pixels that are not square ({mpp_x:g} x {mpp_y:g} µm)",
                expected="square pixels",
                remedy="state the scanner's pixel size (mpp)",
            )
        return check_mpp(self.path, math.sqrt(mpp_x * mpp_y), stated_by="the file states")

    @property
    def overruled_mpp(self) -> Mpp | None:
        """Plausible pixel size in the file that a stated one replaces and that differs by more than 5 %, else None."""
        low, high = PLAUSIBLE_MPP
        if self._stated_mpp is None or self._file_mpp is None or not low <= self._file_mpp[0] <= high:
            return None
        ratio = self._stated_mpp / self._file_mpp[0]
        return self._file_mpp[0] if max(ratio, 1 / ratio) > _MAX_ANISOTROPY else None

    def read_region(self, location_l0: tuple[int, int], level: int, size: tuple[int, int]) -> Rgb:
        """Pixels of one level, shape (size[1], size[0], 3), white where nothing was scanned; see `SlideReader`."""
        if size[0] < 1 or size[1] < 1 or not 0 <= level < len(self.level_dimensions):
            raise ValueError(f"no region of size {size} on level {level}")
        with self._lock:
            handle = self._handle
        if handle is not None:
            try:
                return _rgb(handle, location_l0, level, size)
            except openslide.OpenSlideError as error:
                _log.debug("read failed, repeating on a fresh handle: %s", error)
        return self._reread(handle, location_l0, level, size)

    def _reread(
        self, dead: openslide.OpenSlide | None, location_l0: tuple[int, int], level: int, size: tuple[int, int]
    ) -> Rgb:
        # The shared handle may have died from another thread's bad tile; on a private one the verdict is ours.
        # A dead handle is dropped, not closed: other threads may still be inside a call on it.
        with self._lock:
            if self._handle is dead:
                self._handle = None
        fresh = _open_handle(self._entry)
        try:
            pixels = _rgb(fresh, location_l0, level, size)
        except openslide.OpenSlideError as error:
            x, y = location_l0
            raise SlideError(
                self.path,
                f"the area at x {x}, y {y} (level {level}) cannot be read ({error})",
                remedy="the file is damaged there; copy or export it again",
            ) from error
        with self._lock:
            if self._handle is None:
                self._handle = fresh
        return pixels

    def close(self) -> None:
        """Release the file; a later read opens it again."""
        with self._lock:
            self._handle = None

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "mpp": self._stated_mpp}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"], mpp=state["mpp"])  # type: ignore[misc]


def open_slide(path: Path, *, mpp: Mpp | None = None) -> OpenSlideReader:
    """Open a slide file or a folder with one DICOM series.

    Parameters
    ----------
    path : slide in any format that OpenSlide reads
    mpp : pixel size of level 0 in µm as stated by the user; needed where the file states none, and
        preferred where it does

    Raises
    ------
    SlideError : not a readable slide; the message says what it is instead
    MissingMpp : the given ``mpp`` is not plausible. A file without one opens, and its ``mpp`` raises when used
    """
    return OpenSlideReader(Path(path), mpp=mpp)


def _open_handle(path: Path) -> openslide.OpenSlide:
    try:
        return openslide.OpenSlide(path)
    except (openslide.OpenSlideError, OSError) as error:
        raise explain_unopenable(path, str(error)) from error


def _rgb(handle: openslide.OpenSlide, location_l0: tuple[int, int], level: int, size: tuple[int, int]) -> Rgb:
    rgba = np.asarray(handle.read_region(location_l0, level, size))
    alpha = rgba[..., 3]
    if alpha.min() == 255:
        return np.ascontiguousarray(rgba[..., :3])
    weight = alpha[..., None].astype(np.uint16)
    blended = (rgba[..., :3] * weight + 255 * (255 - weight) + 127) // 255
    return np.asarray(blended, np.uint8)


def _bounds(properties: Any, dimensions: tuple[int, int]) -> tuple[int, int, int, int]:
    names = ("x", "y", "width", "height")
    try:
        x, y, width, height = (int(properties[f"openslide.bounds-{n}"]) for n in names)
    except (KeyError, ValueError):
        return 0, 0, *dimensions
    x, y = max(0, x), max(0, y)
    width, height = min(width, dimensions[0] - x), min(height, dimensions[1] - y)
    return (x, y, width, height) if width > 0 and height > 0 else (0, 0, *dimensions)


def _file_mpp(properties: Any) -> tuple[float, float] | None:
    try:
        x = float(properties[openslide.PROPERTY_NAME_MPP_X])
        y = float(properties.get(openslide.PROPERTY_NAME_MPP_Y, x))
    except (KeyError, ValueError):
        return None
    return (x, y) if x > 0 and y > 0 else None
