"""Tissue folds: narrow strips where the section lies double, so that its density doubles."""

import cv2
import numpy as np

from icicore.slides.density import optical_density, white_point
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
    density = np.asarray(
        cv2.GaussianBlur(optical_density(image, white_point(image)), (0, 0), 8 / um_per_px), np.float32
    )
    around = _mean_around(density, tissue, _SURROUND_UM / um_per_px)
    strength, strength_around = density.mean(axis=2), around.mean(axis=2)
    hue_shift = np.abs(_red_to_green(density) - _red_to_green(around))
    dense = tissue & (strength > _RATIO * strength_around) & (strength > _MIN_DENSITY) & (hue_shift < _MAX_HUE_SHIFT)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    dense = cv2.morphologyEx(dense.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(dense, connectivity=8)
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


def _mean_around(density: F32, tissue: Mask, sigma: float) -> F32:
    """Mean density of the tissue nearby, shape (height, width, 3); glass does not count."""
    # The mean is smooth: an eighth of the resolution is enough for it, and many times cheaper.
    height, width = tissue.shape
    small = (max(1, width // 8), max(1, height // 8))
    weighted = np.dstack([density * tissue[..., None], tissue.astype(np.float32)])
    coarse = cv2.GaussianBlur(cv2.resize(weighted, small, interpolation=cv2.INTER_AREA), (0, 0), max(0.5, sigma / 8))
    mean = coarse[..., :3] / np.maximum(coarse[..., 3:], 1e-3)
    return np.asarray(cv2.resize(mean, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _red_to_green(density: F32) -> F32:
    return np.asarray(density[..., 0] / np.maximum(density[..., 1], 1e-3), np.float32)
