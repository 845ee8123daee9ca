"""Noise and interpolation that all of the rendering is made of; every function is pure and cheap."""

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from icicore.types import F32, F64, Mask


def f32(value: npt.ArrayLike) -> F32:
    """Return ``value`` as a float32 array, without a copy where it is one."""
    return np.asarray(value, dtype=np.float32)


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> F32:
    """Return Gaussian-filtered white noise of unit variance, shape (height, width), ``sigma`` in grid cells.

    Wide filters are computed on a coarser grid, so the cost hardly depends on ``sigma``.
    """
    step = max(1.0, sigma / 3)
    pad = 4
    low = (int(np.ceil(shape[0] / step)) + 2 * pad, int(np.ceil(shape[1] / step)) + 2 * pad)
    field = f32(cv2.GaussianBlur(rng.standard_normal(low, dtype=np.float32), (0, 0), max(sigma / step, 0.3)))
    field = field / max(float(field.std()), 1e-6)
    size = (max(shape[1], round((low[1] - 2 * pad) * step)), max(shape[0], round((low[0] - 2 * pad) * step)))
    out = cv2.resize(field[pad:-pad, pad:-pad], size, interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(out[: shape[0], : shape[1]], dtype=np.float32)


def wrapped_noise(rng: np.random.Generator, size: int, sigma: float) -> F32:
    """Return noise of unit variance that repeats without a seam, shape (size, size)."""
    field = rng.standard_normal((size, size), dtype=np.float32)
    border = min(size, int(4 * sigma) + 2)
    padded = np.pad(field, border, mode="wrap")
    out = cv2.GaussianBlur(padded, (0, 0), sigma)[border:-border, border:-border] if sigma > 0 else field
    return np.ascontiguousarray((out - out.mean()) / out.std(), dtype=np.float32)


def smoothstep(low: float, high: float, value: F32) -> F32:
    """Return 0 below ``low``, 1 above ``high`` and a smooth ramp between."""
    t = f32(value) * np.float32(1 / (high - low))
    t -= np.float32(low / (high - low))
    np.clip(t, 0, 1, out=t)
    ramp = t * np.float32(-2)
    ramp += np.float32(3)
    t *= t
    t *= ramp
    return t


def signed_distance(mask: Mask, cell_um: float) -> F32:
    """Return the distance to the border of ``mask`` in um, positive inside, smoothed below one cell."""
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    distance = (inside - outside) * np.float32(cell_um)
    return f32(cv2.GaussianBlur(distance, (0, 0), 1.2))


def sample(field: F32, x_um: F64, y_um: F64, cell_um: float) -> F32:
    """Interpolate a coarse field at points in um; cell (0, 0) is centred at half a cell."""
    where = np.stack([y_um / cell_um - 0.5, x_um / cell_um - 0.5])
    return f32(ndimage.map_coordinates(field, where, order=1, mode="nearest"))


def top_fraction(score: F32, within: Mask, fraction: float) -> Mask:
    """Return the cells of ``within`` with the highest score, such that they make up ``fraction`` of it."""
    if fraction <= 0 or not within.any():
        return np.zeros_like(within)
    limit = np.quantile(score[within], 1 - min(fraction, 1.0))
    return np.asarray(within & (score >= limit))
