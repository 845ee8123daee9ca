"""Units and array aliases shared by all layers (no torch here).

Suffixes name the frame of a coordinate: ``_l0`` is level-0 pixels of the whole slide file (the frame of
everything stored), ``_level`` pixels of one pyramid level, ``_tile`` pixels inside a tile.
Points are (x, y), sizes are (width, height), arrays are (height, width[, 3]), colours are RGB uint8.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Mpp: TypeAlias = float
"""Micrometres per pixel."""
Json: TypeAlias = dict[str, Any]
"""A JSON object."""

Rgb: TypeAlias = npt.NDArray[np.uint8]
"""RGB image, shape (height, width, 3)."""
RgbTiles: TypeAlias = npt.NDArray[np.uint8]
"""RGB tiles, shape (n, tile_px, tile_px, 3)."""
Mask: TypeAlias = npt.NDArray[np.bool_]
"""Boolean image, shape (height, width), or boolean vector."""
F32: TypeAlias = npt.NDArray[np.float32]
F64: TypeAlias = npt.NDArray[np.float64]
F16: TypeAlias = npt.NDArray[np.float16]
I32: TypeAlias = npt.NDArray[np.int32]
I8: TypeAlias = npt.NDArray[np.int8]

Progress: TypeAlias = Callable[[int, int, str], None]
"""Called as ``progress(done, total, what)``. May raise ``Cancelled`` to stop the work at a safe point."""


def no_progress(done: int, total: int, what: str) -> None:
    """Ignore progress; the default of every long-running function."""
