"""Resampling a rectangle with fractional edges to whole pixels."""

from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from icicore.types import Rgb

if TYPE_CHECKING:
    from scipy import sparse


@lru_cache(maxsize=2048)  # tiles of a row, and of a column, begin at the same fraction of a pixel
def _overlaps(n_source: int, start: float, length: float, n_out: int) -> "sparse.csr_matrix":
    """Weights, shape (n_out, n_source), of the source pixels that each output pixel covers; rows sum to 1."""
    edges = start + np.arange(n_out + 1) * (length / n_out)
    first = np.clip(np.floor(edges[:-1] + 1e-9).astype(np.int64), 0, n_source - 1)
    taps = int(np.ceil(length / n_out)) + 1
    columns = first[:, None] + np.arange(taps)
    low, high = np.maximum(columns, edges[:-1, None]), np.minimum(columns + 1, edges[1:, None])
    weights = np.where(columns < n_source, np.maximum(high - low, 0.0), 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    rows = np.repeat(np.arange(n_out), taps)
    columns = np.minimum(columns, n_source - 1).ravel()
    from scipy import sparse  # slow to load, and a prediction from the cache reads no tile

    return sparse.csr_matrix((weights.ravel().astype(np.float32), (rows, columns)), shape=(n_out, n_source))


def _is_whole(*values: float) -> bool:
    return all(abs(v - round(v)) < 1e-6 for v in values)


def shrink_area(image: Rgb, offset: tuple[float, float], size: tuple[float, float], size_px: tuple[int, int]) -> Rgb:
    """Mean colour of the source area under every output pixel (exact also for fractional edges).

    Parameters
    ----------
    image : source, which contains the area
    offset, size : the area (x, y) and (width, height) in source pixels
    size_px : (width, height) of the result
    """
    (x, y), (width, height), (out_w, out_h) = offset, size, size_px
    if _is_whole(x, y, width, height):
        source = image[round(y) : round(y + height), round(x) : round(x + width)]
        if source.shape[:2] == (out_h, out_w):
            return np.ascontiguousarray(source)
        return np.asarray(cv2.resize(source, (out_w, out_h), interpolation=cv2.INTER_AREA), np.uint8)
    rows, columns = image.shape[:2]
    down = _overlaps(rows, y, height, out_h) @ image.reshape(rows, columns * 3).astype(np.float32)
    across = np.asarray(cv2.transpose(down.reshape(out_h, columns, 3))).reshape(columns, out_h * 3)
    result = (_overlaps(columns, x, width, out_w) @ across).reshape(out_w, out_h, 3)
    return np.asarray(cv2.transpose(np.rint(result).clip(0, 255).astype(np.uint8)), np.uint8)


def enlarge(image: Rgb, offset: tuple[float, float], size: tuple[float, float], size_px: tuple[int, int]) -> Rgb:
    """Cubic interpolation of an area, for slides that are coarser than asked; arguments as `shrink_area`."""
    scale_x, scale_y = size[0] / size_px[0], size[1] / size_px[1]
    # Pixel centres lie at half-integers; cv2 counts them from 0.
    shift_x, shift_y = offset[0] + 0.5 * scale_x - 0.5, offset[1] + 0.5 * scale_y - 0.5
    matrix = np.array([[scale_x, 0.0, shift_x], [0.0, scale_y, shift_y]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image, matrix, size_px, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)
