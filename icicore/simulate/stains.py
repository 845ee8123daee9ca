"""Staining laboratories: absorption vectors and strengths per site, with drift from slide to slide.

Light follows Beer-Lambert: ``RGB = white * exp(-(h H + e E + b B + p P))`` with haematoxylin, eosin, blood and
pigment. The eosin and haematoxylin directions scatter around those of Ruifrok and Johnston, Anal Quant Cytol
Histol 23:291 (2001).
"""

from dataclasses import dataclass

import cv2
import numpy as np

from icicore.simulate.spec import N_SITES, SlideSpec
from icicore.types import F32, Rgb

_BLOOD = (0.10, 0.82, 0.62)
_PIGMENT = (0.42, 0.68, 0.90)
# per site: H direction, E direction, H strength, E strength, white point, sharpening of the scanner
_SITES: tuple[tuple[tuple[float, ...], tuple[float, ...], float, float, tuple[float, ...], float], ...] = (
    ((0.60, 0.72, 0.40), (0.22, 0.89, 0.40), 0.98, 0.92, (245, 244, 246), 0.1),
    ((0.61, 0.73, 0.34), (0.18, 0.94, 0.30), 0.86, 0.86, (250, 249, 250), 0.0),
    ((0.62, 0.69, 0.42), (0.12, 0.84, 0.52), 1.14, 1.05, (241, 241, 240), 0.22),
    ((0.55, 0.76, 0.38), (0.26, 0.91, 0.32), 1.02, 0.82, (247, 244, 246), 0.15),
    ((0.67, 0.67, 0.35), (0.13, 0.90, 0.42), 0.92, 1.08, (239, 240, 242), 0.25),
    ((0.59, 0.71, 0.44), (0.21, 0.86, 0.46), 0.82, 0.74, (249, 247, 243), 0.0),
)


@dataclass(frozen=True)
class Stain:
    """Absorption of the four channels, shape (4, 3) as H, E, blood, pigment by R, G, B; white point and sharpening."""

    matrix: tuple[tuple[float, ...], ...]
    white: tuple[float, ...]
    sharpen: float

    def to_rgb(self, density: F32, ink: F32 | None = None) -> Rgb:
        """Turn densities (height, width, 4) and extra ink absorption (height, width, 3) into pixels."""
        absorbed = np.asarray(
            cv2.transform(density, np.array(self.matrix, dtype=np.float32).T.copy()), dtype=np.float32
        )
        if ink is not None:
            absorbed += ink
        light = cv2.exp(-absorbed)
        light *= np.array(self.white, dtype=np.float32)
        return np.asarray(light, dtype=np.float32).clip(0, 255).astype(np.uint8)


def _unit(vector: tuple[float, ...], rng: np.random.Generator, spread: float) -> F32:
    noisy = np.clip(np.array(vector) + rng.normal(0, spread, 3), 0.02, None)
    return np.asarray(noisy / np.linalg.norm(noisy), dtype=np.float32)


def slide_stain(spec: SlideSpec) -> Stain:
    """Return the stain of one slide: its site's habit plus a small drift of the day."""
    rng = spec.rng("stain")
    h, e, h_gain, e_gain, white, sharpen = _SITES[spec.site % N_SITES]
    rows = (
        _unit(h, rng, 0.012) * h_gain * rng.normal(1, 0.05),
        _unit(e, rng, 0.012) * e_gain * rng.normal(1, 0.06),
        np.array(_BLOOD) * rng.normal(1, 0.05),
        np.array(_PIGMENT),
    )
    drift = np.clip(np.array(white) + rng.normal(0, 1.0, 3), 232, 253)
    return Stain(tuple(tuple(float(v) for v in row) for row in rows), tuple(float(v) for v in drift), sharpen)
