"""Optical density: absorption of light, which adds up over stains (Beer-Lambert)."""

import cv2
import numpy as np

from icicore.types import F32, Rgb

_WHITE_SAMPLE = 100_000


def white_point(image: Rgb) -> F32:
    """Colour of the empty glass, shape (3,): the common bright colour, or near-white when there is none."""
    pixels = image.reshape(-1, 3)
    pixels = pixels[:: max(1, len(pixels) // _WHITE_SAMPLE)]
    bright = pixels[pixels.min(axis=1) >= 200]
    if len(bright) < max(50, 0.005 * len(pixels)):
        return np.full(3, 245.0, np.float32)
    return np.asarray(np.maximum(np.percentile(bright, 90, axis=0), 220.0), np.float32)


def optical_density(image: Rgb, white: F32) -> F32:
    """Natural-log optical density per channel, same shape as ``image``; 0 on glass."""
    table = np.log((white[None, :] + 1) / (np.arange(256, dtype=np.float32)[:, None] + 1))
    table = np.maximum(table, 0).astype(np.float32).reshape(1, 256, 3)
    return np.asarray(cv2.LUT(image.reshape(-1, 1, 3), table).reshape(image.shape), np.float32)


def range_over_channels(density: F32) -> tuple[F32, F32]:
    """(smallest, largest) density of each pixel, shape (height, width); channel by channel, as axis=2 is slow."""
    red, green, blue = (density[..., i] for i in range(3))
    return np.minimum(np.minimum(red, green), blue), np.maximum(np.maximum(red, green), blue)
