"""Whether tissue is out of focus."""

import cv2
import numpy as np

from icicore.types import F32, Rgb

FINE_LIMIT, FINEST_LIMIT = 0.30, 0.32
"""Limits of the two ratios of `is_blurred`. On 250 real tissue tiles at 0.5 µm/px the sharp ones have at least
0.42 in both, the same blurred with a sigma of 2 px (1 µm) at most 0.34 and 0.28."""
FOCUS_MPP, FOCUS_PX = 0.5, 256
"""Scale that the limits hold for, µm/px, and side of what is judged."""
FOCUS_WINDOWS = 48
"""Tiles or windows of a slide whose focus is judged."""
_NOISE = 1.0


def is_blurred(tile: Rgb) -> bool:
    """Whether a tissue tile, about 0.5 µm/px, is out of focus.

    Judged by how much finer detail there is beside coarser detail: energies of neighbouring octaves, divided (below
    1 px by 1-2 px, and 1-2 px by 2-4 px). Ratios do not depend on how strongly or densely the tissue is stained, so
    pale necrosis in focus is sharp.
    """
    grey = cv2.cvtColor(tile, cv2.COLOR_RGB2GRAY).astype(np.float32)
    one, two = (cv2.GaussianBlur(grey, (0, 0), sigma) for sigma in (1, 2))
    finest, fine = _energy(grey - one), _energy(one - two)
    if finest >= FINEST_LIMIT * (fine + _NOISE):
        return False  # nearly all tiles, which spares them the widest blur
    return fine < FINE_LIMIT * (_energy(two - cv2.GaussianBlur(grey, (0, 0), 4)) + _NOISE)


def _energy(octave: F32) -> float:
    return float(np.mean(octave**2))
