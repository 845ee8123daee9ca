"""Whether JPEG tiles may be decoded at half scale where a slide has twice the resolution: what it saves, what it moves.

    PYTHONPATH=benchmarks python -m speed.scaled_decode SLIDE [--backbone resnet50 --weights FOLDER] [--tiles 48]

libjpeg can leave out the finest coefficients of each block while it decodes, which costs less than decoding all and
averaging. The reference is full decoding and area averaging, in fp32. Compared are pixels (mean absolute difference,
levels of 255) and embeddings (cosine). Takes stored tiles of full resolution, four of which make one of half
resolution.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
import torch

from icicore.embeddings.backbones import load_backbone
from icicore.embeddings.embed import encode_in_batches
from icicore.native import tune_allocator
from icicore.slides.jpeg_tiff import JpegTiff
from icicore.slides.reader import open_slide
from speed.measure import machine, show, side_by_side

LEAST = {"mean": 0.997, "min": 0.99}
"""As any reduced path: closeness of embeddings to fp32."""


def stored_quads(slide: Path, n: int) -> list[list[bytes]]:
    """JPEGs of 2 x 2 stored tiles each, those with most detail."""
    with open_slide(slide) as reader:
        stored = JpegTiff.open(reader)
        if stored is None:
            raise SystemExit(f"{slide.name}: no stored JPEG tiles that can be read directly")
        cols, rows = stored.shape(0)
        quads = [
            [stored.tile(0, col + dx, row + dy) for dy in (0, 1) for dx in (0, 1)]
            for row in range(0, rows - 1, 2)
            for col in range(0, cols - 1, 2)
        ]
    whole = [quad for quad in quads if all(quad)]
    return sorted(whole, key=lambda quad: -sum(map(len, quad)))[:n]


def full(quad: list[bytes]) -> np.ndarray:
    """All pixels, then the mean of each 2 x 2."""
    parts = [simplejpeg.decode_jpeg(data, colorspace="RGB") for data in quad]
    image = np.vstack([np.hstack(parts[:2]), np.hstack(parts[2:])])
    return cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2), interpolation=cv2.INTER_AREA)


def half(quad: list[bytes]) -> np.ndarray:
    """Half as many coefficients in each direction."""
    height, width = (side // 2 for side in simplejpeg.decode_jpeg_header(quad[0])[:2])
    parts = [simplejpeg.decode_jpeg(data, colorspace="RGB", min_height=height, min_width=width) for data in quad]
    return np.vstack([np.hstack(parts[:2]), np.hstack(parts[2:])])


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of each row with its other."""
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("slide", type=Path)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--tiles", type=int, default=48)
    args = parser.parse_args()
    tune_allocator()
    torch.set_num_threads(1)
    quads = stored_quads(args.slide, args.tiles)
    reference, scaled = (np.stack([way(quad) for quad in quads]) for way in (full, half))
    encoder = load_backbone(args.backbone, weights_dir=args.weights)
    close = cosines(encode_in_batches(encoder, reference), encode_in_batches(encoder, scaled))
    cost = side_by_side(
        {name: lambda way=way: len([way(q) for q in quads]) for name, way in (("full", full), ("half", half))}, rounds=3
    )
    found = {
        "tiles": len(quads),
        "cpu_ms_per_tile": {name: round(value, 2) for name, value in cost.items()},
        "mean_difference_levels": round(float(np.abs(reference.astype(int) - scaled.astype(int)).mean()), 2),
        "cosine": {"mean": round(float(close.mean()), 4), "min": round(float(close.min()), 4)},
        "wanted": LEAST,
    }
    found["within"] = found["cosine"]["mean"] >= LEAST["mean"] and found["cosine"]["min"] >= LEAST["min"]
    show({"machine": machine(), args.backbone: found})


if __name__ == "__main__":
    main()
