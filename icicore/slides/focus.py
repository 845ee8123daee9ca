"""Whether tissue is out of focus."""

import cv2
import numpy as np

from icicore.types import Rgb

FINE_LIMIT, FINEST_LIMIT = 0.30, 0.32
"""Limits of the two ratios of `focus_ratios`. On 250 real tissue tiles at 0.5 µm/px the sharp ones have at least
0.42 in both, the same blurred with a sigma of 2 px (1 µm) at most 0.34 and 0.28."""
FOCUS_MPP, FOCUS_PX = 0.5, 256
"""Scale that the limits hold for, µm/px, and side of what is judged."""
FOCUS_WINDOWS = 48
"""Tiles or windows of a slide whose focus is judged."""
_NOISE = 1.0


def focus_ratios(tile: Rgb) -> tuple[float, float]:
    """How much finer detail there is beside coarser detail: energies of neighbouring octaves, divided.

    Ratios do not depend on how strongly or densely the tissue is stained, so pale necrosis in focus is sharp.

    Returns
    -------
    (1-2 px against 2-4 px, below 1 px against 1-2 px)
    """
    grey = cv2.cvtColor(tile, cv2.COLOR_RGB2GRAY).astype(np.float32)
    one, two, four = (cv2.GaussianBlur(grey, (0, 0), sigma) for sigma in (1, 2, 4))
    finest, fine, middle = (float(np.mean((a - b) ** 2)) for a, b in ((grey, one), (one, two), (two, four)))
    return fine / (middle + _NOISE), finest / (fine + _NOISE)


def is_blurred(tile: Rgb) -> bool:
    """Whether a tissue tile, about 0.5 µm/px, is out of focus."""
    fine, finest = focus_ratios(tile)
    return fine < FINE_LIMIT and finest < FINEST_LIMIT
