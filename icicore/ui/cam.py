"""Grad-CAM of one tile as a transparent picture that the browser lays over the tile."""

import base64
import io

import numpy as np
from PIL import Image

from icicore.types import F32, Rgb

_STOPS = ("#000004", "#1b0c41", "#4a0c6b", "#781c6d", "#a52c60", "#cf4446", "#ed6925", "#fb9b06", "#f7d13d", "#fcffa4")
"""Stops of the inferno colour map: perceptually even, dark to bright, safe for colour-blind readers."""
CSS_RAMP = f"linear-gradient(90deg,{','.join(_STOPS)})"


def colour(values: F32) -> Rgb:
    """Colour values from 0 to 1 (clipped) with inferno; shape (...,) to (..., 3)."""
    stops = np.array([[int(s[i : i + 2], 16) for i in (1, 3, 5)] for s in _STOPS], dtype=np.float32)
    at = np.clip(values, 0, 1) * (len(stops) - 1)
    below = np.minimum(at.astype(int), len(stops) - 2)
    share = (at - below)[..., None]
    rgb: Rgb = np.rint(stops[below] * (1 - share) + stops[below + 1] * share).astype(np.uint8)
    return rgb


def overlay(block: F32, top: float, *, px: int = 256, opacity: float = 0.62) -> Rgb:
    """Upsample the cells of a tile and colour them.

    The model has one value per cell; between cell centres the picture is interpolated (bicubic), and its opacity
    follows the value, so that tissue the model ignored stays visible.

    Parameters
    ----------
    block : (cells, cells) not negative; NaN counts as 0
    top : value shown in the brightest colour

    Returns
    -------
    uint8 (px, px, 4) RGBA
    """
    share = np.nan_to_num(block, nan=0.0) / top if top > 0 else np.zeros_like(block)
    image = Image.fromarray(share.astype(np.float32))
    smooth = np.clip(np.asarray(image.resize((px, px), Image.Resampling.BICUBIC)), 0, 1)
    alpha = np.rint(255 * opacity * np.sqrt(smooth)).astype(np.uint8)
    rgba: Rgb = np.dstack([colour(smooth), alpha])
    return rgba


def data_uri(rgba: Rgb) -> str:
    """Encode RGBA pixels as a PNG data address, so the picture needs no route of its own."""
    buffer = io.BytesIO()
    Image.fromarray(rgba, mode=None).save(buffer, format="PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
