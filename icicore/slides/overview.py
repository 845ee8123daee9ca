"""A low-resolution image of the scanned area that survives damaged parts of the file."""

from dataclasses import dataclass

import cv2
import numpy as np

from icicore.errors import SlideError
from icicore.slides.base import SlideReader
from icicore.slides.geometry import finest_sufficient_level
from icicore.types import Mask, Rgb

OVERVIEW_UM = 8.0
"""Micrometres per overview pixel: one or two megapixels for a whole slide, fine enough for single glands."""
_BLOCK_PX = 512
_SMALLEST_PX = 16
_MAX_DAMAGE = 0.5
_FINER = (1, 4, 16)
_MAX_DETOUR_PX = 2048


@dataclass(frozen=True)
class Overview:
    """Low-resolution image of ``bounds_l0``.

    Attributes
    ----------
    image : shape (height, width, 3)
    readable : shape (height, width); False where the file is damaged and ``image`` is filled from around
    origin_l0 : level-0 position (x, y) of the image's corner
    scale_l0 : level-0 px per image pixel (fractional)
    """

    image: Rgb
    readable: Mask
    origin_l0: tuple[float, float]
    scale_l0: float


def read_overview(reader: SlideReader, um_per_px: float = OVERVIEW_UM) -> Overview:
    """Read the scanned area at ``um_per_px``, never finer than level 0.

    Raises
    ------
    MissingMpp : the pixel size is unknown
    SlideError : more than half of the area cannot be read
    """
    return read_scaled(reader, max(1.0, um_per_px / reader.mpp))


def read_scaled(reader: SlideReader, scale: float) -> Overview:
    """As `read_overview`, with ``scale`` in level-0 px per image pixel; needs no pixel size."""
    x, y, width, height = reader.bounds_l0
    size = (max(1, round(width / scale)), max(1, round(height / scale)))
    image = np.full((size[1], size[0], 3), 255, np.uint8)
    readable = np.ones(image.shape[:2], bool)
    errors: list[SlideError] = []
    for top in range(0, size[1], _BLOCK_PX):
        for left in range(0, size[0], _BLOCK_PX):
            block = (left, top, min(_BLOCK_PX, size[0] - left), min(_BLOCK_PX, size[1] - top))
            _read_block(reader, (float(x), float(y), scale), block, image, readable, errors)
    if errors and readable.mean() < 1 - _MAX_DAMAGE:
        raise errors[0]
    if errors:
        image = np.asarray(cv2.inpaint(image, (~readable).astype(np.uint8), 3, cv2.INPAINT_TELEA), np.uint8)
    return Overview(image, readable, (float(x), float(y)), scale)


def _read_block(
    reader: SlideReader,
    frame: tuple[float, float, float],
    block: tuple[int, int, int, int],
    image: Rgb,
    readable: Mask,
    errors: list[SlideError],
) -> None:
    """Fill one block of ``image``; where reading fails, halve it to save what can be saved."""
    (x, y, scale), (left, top, width, height) = frame, block
    window = slice(top, top + height), slice(left, left + width)
    location = (x + left * scale, y + top * scale)
    try:
        image[window] = _read_from_any_level(reader, location, scale, (width, height))
    except SlideError as error:
        errors.append(error)
        if max(width, height) <= _SMALLEST_PX:
            readable[window] = False
            return
        half_w, half_h = -(-width // 2), -(-height // 2)
        for sub_top, sub_h in ((top, half_h), (top + half_h, height - half_h)):
            for sub_left, sub_w in ((left, half_w), (left + half_w, width - half_w)):
                if sub_w > 0 and sub_h > 0:
                    _read_block(reader, frame, (sub_left, sub_top, sub_w, sub_h), image, readable, errors)


def _read_from_any_level(
    reader: SlideReader, location: tuple[float, float], scale: float, size_px: tuple[int, int]
) -> Rgb:
    """Read a block; where the low level is damaged, from a finer one. A copy cut short loses the low levels first."""
    tried: set[int] = set()
    error: SlideError | None = None
    size_l0 = (size_px[0] * scale, size_px[1] * scale)
    for finer in _FINER:
        level = finest_sufficient_level(reader.level_downsamples, scale / finer)
        if level in tried or (tried and max(size_px) * finer > _MAX_DETOUR_PX):
            continue
        tried.add(level)
        try:
            block = reader.read_area(location, size_l0, size_px=(size_px[0] * finer, size_px[1] * finer))
        except SlideError as caught:
            error = caught
            continue
        return np.asarray(cv2.resize(block, size_px, interpolation=cv2.INTER_AREA), np.uint8) if finer > 1 else block
    raise error or SlideError(reader.path, "cannot be read")
