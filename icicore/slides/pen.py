"""Marker pen and ink, told from H&E by which light they absorb.

In H&E the optical density of blue is 0.5 to 0.75 of that of green, and that of red 0.2 to 0.9 of it, whatever the
mixture of the two stains. Green and blue marker absorb red light most, red marker lets red pass and takes blue
and green alike, black takes all three alike. The limits were set on real tissue and pen images.
"""

import cv2
import numpy as np

from icicore.slides.density import optical_density, range_over_channels, strips, white_point
from icicore.types import F32, Mask, Rgb

PEN_COLOURS = ("green", "blue", "red", "black")
MIN_STROKE_UM2 = 1_500.0
"""Smaller spots are single cells, pigment or dust."""
_SMOOTHING_UM = 8.0
_EDGE_UM = 16.0
"""Strokes fade out: this much around them is pen as well."""


def find_pen(image: Rgb, um_per_px: float, white: F32 | None = None) -> Mask:
    """Pixels covered by green, blue, red or black marker, shape (height, width).

    Parameters
    ----------
    image : overview of a slide, or a tile
    um_per_px : its scale
    white : colour of the glass, shape (3,); by default measured on ``image``
    """
    return np.asarray(pen_colours(image, um_per_px, white).any(axis=0))


def pen_colours(image: Rgb, um_per_px: float, white: F32 | None = None) -> Mask:
    """As `find_pen`, one mask per colour, shape (4, height, width), in the order of `PEN_COLOURS`."""
    white = white_point(image) if white is None else white
    # At cell scale, haematoxylin and red cells vary more in colour than at the scale of a stroke.
    sigma = _SMOOTHING_UM / um_per_px / 2
    smooth = cv2.GaussianBlur(image, (0, 0), sigma) if sigma >= 0.4 else image
    found = np.empty((len(PEN_COLOURS), *image.shape[:2]), bool)
    for rows in strips(len(image)):
        found[:, rows] = _by_density(optical_density(np.asarray(smooth[rows], np.uint8), white))
    return np.stack([_strokes(mask, um_per_px) for mask in found])


def _by_density(density: F32) -> tuple[Mask, Mask, Mask, Mask]:
    """Green, blue, red, black, each (height, width), by the density of each pixel alone."""
    red, green, blue = (density[..., i] for i in range(3))
    weakest, strongest = range_over_channels(density)
    some = strongest > 0.25
    is_green = some & (red > 1.05 * green) & (blue > 0.8 * green)
    # Over tissue the colours of pen and stain add up; such places are darker than either.
    over_tissue = (red > 1.05 * green) & (strongest > 1.3)
    is_blue = some & ((red > 1.2 * green) | over_tissue) & (blue <= 0.8 * green)
    is_red = (green > 0.45) & (red < 0.32 * green) & (blue > 0.75 * green)
    is_red |= (green > 1.1) & (red < 0.15 * green) & (blue > 0.70 * green)
    grey = (strongest > 0.3) & (strongest - weakest < 0.35 * strongest) & (blue > 0.8 * green) & (red > 0.62 * green)
    is_black = (grey | (weakest > 1.2)) & ~is_green
    return is_green, is_blue, is_red, is_black


def _strokes(mask: Mask, um_per_px: float) -> Mask:
    """Parts of a useful size, with their faded edges."""
    if not mask.any():
        return mask
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= max(4.0, MIN_STROKE_UM2 / um_per_px**2)
    large[0] = False
    kept = large[labels].astype(np.uint8)
    radius = max(1, round(_EDGE_UM / um_per_px))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.dilate(kept, kernel), bool)
