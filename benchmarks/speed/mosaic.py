"""A slide to measure on, made in seconds: painted tissue at 0.25 µm/px, JPEG tiles, three levels."""

import sys
from pathlib import Path

import numpy as np
import tifffile

from icicore.embeddings.calibration import calibration_tiles


def write_mosaic(path: Path, *, tiles_across: int = 16, mpp: float = 0.25, quality: int = 85) -> Path:
    """Write a square slide of ``tiles_across`` painted squares of 256 px; the same arguments give the same pixels."""
    rng, painted = np.random.default_rng(0), calibration_tiles()
    rows = [np.concatenate(list(painted[rng.integers(0, len(painted), tiles_across)]), 1) for _ in range(tiles_across)]
    image = np.concatenate(rows)
    options = {"tile": (256, 256), "photometric": "rgb", "compression": "jpeg", "metadata": None}
    options |= {"compressionargs": {"level": quality}, "resolutionunit": "CENTIMETER"}
    with tifffile.TiffWriter(path) as tiff:
        for number, factor in enumerate((1, 4, 16)):
            level = image[::factor, ::factor] if factor > 1 else image
            extra = {"subfiletype": 1} if number else {"description": "painted mosaic"}
            tiff.write(level, resolution=(1e4 / mpp / factor, 1e4 / mpp / factor), **options, **extra)
    return path


if __name__ == "__main__":
    write_mosaic(Path(sys.argv[1]))
