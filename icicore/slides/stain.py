"""Stain normalisation: Macenko, fitted once per slide and folded to one 3x3 matrix on optical density.

Macenko et al., "A method for normalizing histology slides for quantitative analysis", ISBI 2009.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from icicore.native import one_blas_thread
from icicore.slides.base import SlideReader
from icicore.slides.sampling import sample_windows
from icicore.slides.tissue import TissueMask
from icicore.types import F64, Json, Rgb, RgbTiles

LIGHT = 240.0
"""Intensity of unabsorbed light, as in the published method."""
REFERENCE_STAINS = ((0.5807549, 0.71681094, 0.38588316), (0.08314027, 0.90081588, 0.42616716))
"""Haematoxylin and eosin of the target: optical density of R, G, B per unit of stain, as measured on
TCGA-A2-A3XS-DX1 by Amgad et al., Bioinformatics 35:3461 (2019), and used as target in HistomicsTK."""
REFERENCE_MAXIMA = (1.9705, 1.0308)
"""99th percentile of both stains in the target, from M. Veta's published implementation of the method."""
REFERENCE: Json = {"stains": [list(s) for s in REFERENCE_STAINS], "maxima": list(REFERENCE_MAXIMA), "light": LIGHT}

_MIN_DENSITY = 0.15
_MIN_PIXELS = 1000
_TAILS = (1.0, 99.0)
_CHANNEL_WEIGHTS = np.array([1.0, 1.0, 0.4])
"""For finding the stain plane, blue counts less: it is what JPEG keeps worst, and grey pigment would else turn
the plane away from the difference between the two stains, which lies in red."""
_SEPARATION_DEG = (8.0, 70.0)
_GAIN = (0.4, 2.0)
"""Limits of the change in strength: a slide without one of the stains must not be blown up to noise."""
_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
_SAMPLE_UM = 1.0
_WINDOWS = 64
_WINDOW_PX = 96


@dataclass(frozen=True)
class StainFit:
    """How a slide's colours are mapped to the reference.

    Attributes
    ----------
    matrix : 3x3, row by row: OD_reference = matrix @ OD_slide, with OD over R, G, B
    method : "macenko", or "identity" when the colours are left as they are
    note : why not Macenko; empty otherwise
    """

    matrix: tuple[float, ...] = _IDENTITY
    method: str = "identity"
    note: str = ""

    def to_json(self) -> Json:
        """Plain values."""
        return {"matrix": list(self.matrix), "method": self.method, "note": self.note}

    @classmethod
    def from_json(cls, content: Json) -> "StainFit":
        """Inverse of `to_json`."""
        return cls(tuple(float(v) for v in content["matrix"]), str(content["method"]), str(content["note"]))


def fit_stain(pixels: Rgb) -> StainFit:
    """Fit the two stains of a slide.

    Parameters
    ----------
    pixels : RGB of tissue, shape (n, 3), uint8

    Returns
    -------
    The identity, with the reason in ``note``, when the pixels do not show two stains. Deterministic.
    """
    table = np.maximum(0.0, -np.log((np.arange(256, dtype=np.float64) + 1) / (LIGHT + 1)))
    values = cv2.LUT(pixels.reshape(-1, 1, 3), table) if pixels.size else np.zeros(0)
    density = np.asarray(values, np.float64).reshape(-1, 3)
    red, green, blue = density.T
    density = np.compress((red + green + blue) / 3 > _MIN_DENSITY, density, axis=0)
    if len(density) < _MIN_PIXELS:
        return StainFit(note=f"too few stained pixels ({len(density)}) to measure the stains")
    stains = _stain_vectors(density)
    if isinstance(stains, str):
        return StainFit(note=stains)
    inverse = np.linalg.pinv(stains)
    maxima = np.percentile(density @ inverse.T, _TAILS[1], axis=0)
    if not np.all(np.isfinite(maxima)) or maxima.min() < 0.05:
        return StainFit(note="one of the two stains is hardly present")
    gain = np.diag(np.clip(np.asarray(REFERENCE_MAXIMA) / maxima, *_GAIN))
    matrix = np.asarray(REFERENCE_STAINS).T @ gain @ inverse
    return StainFit(tuple(float(v) for v in matrix.ravel()), "macenko")


def _stain_vectors(density: F64) -> F64 | str:
    """Unit vectors of haematoxylin and eosin as columns, shape (3, 2), or why there are none."""
    weighted = density * _CHANNEL_WEIGHTS
    values, vectors = np.linalg.eigh(np.cov(weighted.T))
    if not np.all(np.isfinite(values)) or values[1] < 1e-4:
        return "the colours vary along one direction only"
    plane = vectors[:, [2, 1]]
    plane = plane * np.where(plane.sum(axis=0) < 0, -1.0, 1.0)
    projected = weighted @ plane
    angles = np.percentile(np.arctan2(projected[:, 1], projected[:, 0]), _TAILS)
    ends = (plane @ np.array([np.cos(angles), np.sin(angles)])) / _CHANNEL_WEIGHTS[:, None]
    ends = ends / np.linalg.norm(ends, axis=0)
    low, high = _SEPARATION_DEG
    apart = math.degrees(math.acos(float(np.clip(ends[:, 0] @ ends[:, 1], -1, 1))))
    if not low <= apart <= high:
        return f"the two stains found are {apart:.0f} degrees apart, expected {low:.0f} to {high:.0f}"
    if ends.min() < -0.1:
        return "the stains found do not absorb light as dyes do"
    # Haematoxylin absorbs more red light than eosin does.
    return np.asarray(ends if ends[0, 0] > ends[0, 1] else ends[:, ::-1])


def normalise(tiles: RgbTiles, fit: StainFit) -> RgbTiles:
    """Map tiles, shape (n, height, width, 3) or (height, width, 3), to the reference colours; a new array."""
    if fit.method == "identity" or not tiles.size:
        return tiles.copy()
    # Glass brighter than LIGHT counts as LIGHT: it comes out in the same neutral colour for all slides.
    table = np.minimum(0, np.log((np.arange(256, dtype=np.float32) + 1) / np.float32(LIGHT + 1)))
    matrix = np.asarray(fit.matrix, np.float32).reshape(3, 3)
    # The last column adds the logarithm of the light, so that the exponential gives intensities at once.
    affine = np.hstack([matrix, np.full((3, 1), math.log(LIGHT + 1), np.float32)])
    result = np.empty(tiles.shape, np.uint8)
    flat, out = tiles.reshape(-1, *tiles.shape[-3:]), result.reshape(-1, *tiles.shape[-3:])
    for source, target in zip(flat, out, strict=True):
        mapped = cv2.exp(cv2.transform(cv2.LUT(source, table), affine))
        np.clip(mapped, 1, 256, out=mapped)
        cv2.convertScaleAbs(mapped, dst=target, beta=-1)  # to the nearest whole number
    return result


def fit_slide_stain(reader: SlideReader, tissue: TissueMask) -> StainFit:
    """Fit a slide's stains on evenly spaced samples of its tissue, read at about 1 µm/px. Deterministic."""
    windows = sample_windows(reader, tissue, count=_WINDOWS, side_px=_WINDOW_PX, um_per_px=_SAMPLE_UM)
    if not len(windows):
        return StainFit(note="no tissue to measure the stains on")
    with one_blas_thread():
        return fit_stain(windows.reshape(-1, 3))
