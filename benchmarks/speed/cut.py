"""A piece of a scanned slide as a slide of its own, so that a measurement takes minutes.

    PYTHONPATH=benchmarks python -m speed.cut SLIDE OUT.svs [--side 5120] [--mpp MPP]

Takes the square with most tissue, JPEG tiles of 256 px as scanners store them. ``--mpp`` declares another pixel size
(0.25 makes a slide of 20x one of 40x: the cells are then too large, the work is the same).
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import tifffile

from icicore.slides.overview import read_overview
from icicore.slides.reader import open_slide
from icicore.slides.tissue import mask_overview


def cut(slide: Path, out: Path, *, side: int, mpp: float | None = None) -> None:
    """Write the square of ``side`` level-0 px that holds most tissue, with levels 1, 4 and 16."""
    with open_slide(slide) as reader:
        tissue = mask_overview(read_overview(reader), reader.mpp)
        mask = tissue.mask.astype(np.float32)
        scale = reader.dimensions_l0[0] / mask.shape[1]
        window = max(1, round(side / scale))
        density = cv2.boxFilter(mask, -1, (window, window), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
        inside = density[: max(1, mask.shape[0] - window), : max(1, mask.shape[1] - window)]
        row, col = np.unravel_index(int(inside.argmax()), inside.shape)
        image = reader.read_region((int(col * scale), int(row * scale)), 0, (side, side))
        mpp = mpp or reader.mpp
    # As an Aperio scanner writes it: not every tool finds the pixel size of a plain TIFF.
    about = f"Aperio Image Library v12\r\n{side}x{side} (256x256) JPEG/RGB Q=90|AppMag = {10 / mpp:g}|MPP = {mpp:.4f}"
    options = {"tile": (256, 256), "photometric": "rgb", "compression": "jpeg", "metadata": None}
    options |= {"compressionargs": {"level": 90}, "resolutionunit": "CENTIMETER"}
    with tifffile.TiffWriter(out) as tiff:
        for number, factor in enumerate((1, 4, 16)):
            level = image if factor == 1 else cv2.resize(image, (side // factor,) * 2, interpolation=cv2.INTER_AREA)
            extra = {"description": about, "software": False, "subfiletype": int(number > 0)}
            tiff.write(level, resolution=(1e4 / mpp / factor, 1e4 / mpp / factor), **options, **extra)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("slide", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--side", type=int, default=5120)
    parser.add_argument("--mpp", type=float)
    args = parser.parse_args()
    cut(args.slide, args.out, side=args.side, mpp=args.mpp)


if __name__ == "__main__":
    main()
