"""Tissue folds: narrow strips where the section lies double, so that its density doubles."""

import cv2
import numpy as np

from icicore.slides.density import density_planes, white_point
from icicore.types import F32, Mask, Rgb

_SURROUND_UM = 200.0
_RATIO = 1.4
_MIN_DENSITY = 0.25
_MAX_HUE_SHIFT = 0.12
_MIN_LENGTH_UM = 300.0
_MAX_WIDTH_UM = 260.0
_MIN_ASPECT = 2.5
_MAX_BREADTH = 2.0


def find_folds(image: Rgb, tissue: Mask, um_per_px: float) -> Mask:
    """Folds on an overview, shape (height, width).

    A fold is at least 1.4 times as dense as the tissue within 200 µm, longer than 300 µm, narrower than 260 µm,
    at least 2.5 times as long as wide, at most slightly bent, and has the colour of the tissue around it. Dense
    areas of other shape or hue, such as epidermis, are tissue in their own right.
    """
    found = np.zeros(tissue.shape, np.uint8)
    if not tissue.any():
        return found.astype(bool)
    planes = [_blurred(plane, 8 / um_per_px) for plane in density_planes(image, white_point(image))]
    coarse = _mean_around(planes, tissue, _SURROUND_UM / um_per_px)
    strength, hue = _strength_and_hue(*planes)
    del planes
    size = (tissue.shape[1], tissue.shape[0])
    strength_around, hue_around = _strength_and_hue(*(_resized(plane, size, cv2.INTER_LINEAR) for plane in coarse))
    hue_shift = np.abs(np.subtract(hue, hue_around, out=hue), out=hue)
    dense = tissue & (strength > _RATIO * strength_around) & (strength > _MIN_DENSITY) & (hue_shift < _MAX_HUE_SHIFT)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    opened = cv2.morphologyEx(dense.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    for label in range(1, count):
        if stats[label, cv2.CC_STAT_AREA] * um_per_px**2 >= _MIN_LENGTH_UM * um_per_px:
            part = labels == label
            if _is_strip(part, um_per_px):
                found |= part.astype(np.uint8)
    return found.astype(bool)


def _is_strip(part: Mask, um_per_px: float) -> bool:
    points = np.argwhere(part)[:, ::-1].astype(np.float32)
    _, size, _ = cv2.minAreaRect(points)
    length, breadth = (max(size) + 1) * um_per_px, (min(size) + 1) * um_per_px
    width = len(points) * um_per_px**2 / length
    straight = breadth <= _MAX_BREADTH * width
    return straight and length >= _MIN_LENGTH_UM and width <= _MAX_WIDTH_UM and length >= _MIN_ASPECT * width


def _mean_around(planes: list[F32], tissue: Mask, sigma: float) -> list[F32]:
    """Mean density of the tissue nearby, red, green and blue, at an eighth of the resolution; glass does not count."""
    # The mean is smooth, so that is enough for it, and many times cheaper.
    small = (max(1, tissue.shape[1] // 8), max(1, tissue.shape[0] // 8))

    def mean(plane: F32) -> F32:
        return _blurred(_resized(plane, small, cv2.INTER_AREA), max(0.5, sigma / 8))

    weight = tissue.astype(np.float32)
    share = np.maximum(mean(weight), 1e-3)
    return [np.asarray(mean(plane * weight) / share, np.float32) for plane in planes]


def _strength_and_hue(red: F32, green: F32, blue: F32) -> tuple[F32, F32]:
    """Mean density, and red to green; works in place, as the overview of a large slide has 25 million pixels."""
    strength = np.asarray((red + green + blue) / 3, np.float32)
    red /= np.maximum(green, 1e-3, out=green)
    return strength, red


def _blurred(plane: F32, sigma: float) -> F32:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32)


def _resized(plane: F32, size: tuple[int, int], how: int) -> F32:
    return np.asarray(cv2.resize(plane, size, interpolation=how), np.float32)
