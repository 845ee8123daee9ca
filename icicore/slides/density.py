"""Optical density: absorption of light, which adds up over stains (Beer-Lambert)."""

from collections.abc import Iterator
from typing import Any, TypeVar

import cv2
import numpy as np

from icicore.types import F32, Rgb

_Pixels = TypeVar("_Pixels", bound="np.ndarray[Any, Any]")
_WHITE_SAMPLE = 100_000
_STRIP = 256


def white_point(image: Rgb) -> F32:
    """Colour of the empty glass, shape (3,): the common bright colour, or near-white when there is none."""
    pixels = image.reshape(-1, 3)
    pixels = pixels[:: max(1, len(pixels) // _WHITE_SAMPLE)]
    bright = pixels[range_over_channels(pixels)[0] >= 200]
    if len(bright) < max(50, 0.005 * len(pixels)):
        return np.full(3, 245.0, np.float32)
    return np.asarray(np.maximum(np.percentile(bright, 90, axis=0), 220.0), np.float32)


def optical_density(image: Rgb, white: F32) -> F32:
    """Natural-log optical density per channel, same shape as ``image``; 0 on glass."""
    table = _table(white).reshape(1, 256, 3)
    return np.asarray(cv2.LUT(image.reshape(-1, 1, 3), table).reshape(image.shape), np.float32)


def density_planes(image: Rgb, white: F32) -> Iterator[F32]:
    """As `optical_density`, red, green and blue one after the other, each (height, width)."""
    table = _table(white)
    return (np.asarray(cv2.LUT(cv2.extractChannel(image, c), table[:, c]), np.float32) for c in range(3))


def _table(white: F32) -> F32:
    """Density of each value of each channel, (256, 3)."""
    table = np.log((white[None, :] + 1) / (np.arange(256, dtype=np.float32)[:, None] + 1))
    return np.asarray(np.maximum(table, 0), np.float32)


def range_over_channels(pixels: _Pixels) -> tuple[_Pixels, _Pixels]:
    """(smallest, largest) value of each pixel (..., 3) -> (...); channel by channel, as the last axis is slow."""
    red, green, blue = (pixels[..., i] for i in range(3))
    return np.minimum(np.minimum(red, green), blue), np.maximum(np.maximum(red, green), blue)


def strips(height: int) -> Iterator[slice]:
    """Rows of an image, some at a time: densities of a whole slide's overview would take a third of a gigabyte."""
    return (slice(top, min(height, top + _STRIP)) for top in range(0, height, _STRIP))
