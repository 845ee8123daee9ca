"""Which kind of stain a slide shows."""

import numpy as np

from icicore.slides.density import optical_density, range_over_channels, white_point
from icicore.types import Rgb

HE, IHC, FLUORESCENCE, UNKNOWN = "H&E", "IHC", "fluorescence", "unknown"

_DARK = 80.0
_MIN_STAINED = 200


def stain_kind(overview: Rgb, tissue_pixels: Rgb) -> str:
    """Name the stain.

    Parameters
    ----------
    overview : the whole slide at low resolution, shape (height, width, 3)
    tissue_pixels : RGB of tissue at about 2 µm/px, shape (n, 3); may be empty

    Notes
    -----
    Fluorescence is dark where there is nothing. Eosin absorbs green light, some blue and hardly any red; the brown
    of immunohistochemistry absorbs blue most. Brown alone does not make a slide IHC: melanoma has its own brown,
    but beside eosin, which IHC does not use.
    """
    if np.median(range_over_channels(overview)[1]) < _DARK:
        return FLUORESCENCE
    if len(tissue_pixels) < _MIN_STAINED:
        return UNKNOWN
    density = optical_density(tissue_pixels, white_point(overview))
    density = density[range_over_channels(density)[1] > 0.2]
    if len(density) < _MIN_STAINED:
        return UNKNOWN
    red, green, blue = density.T
    brown = (blue > 0.95 * green) & (red < 0.85 * green)
    eosin = (red < 0.72 * green) & (blue > 0.35 * green) & (blue < 0.85 * green)
    purple = ~eosin & (red < 1.0 * green) & (blue < 0.85 * green)
    blue_only = (red >= 0.9 * green) & (blue < 0.85 * green)
    others = np.maximum(1, (~brown).sum())
    eosin_share = eosin.sum() / others
    if eosin_share >= 0.15 and (eosin | purple).sum() / others >= 0.6:
        return HE
    if brown.mean() >= 0.03 or blue_only.mean() >= 0.5:
        return IHC
    return UNKNOWN
