"""What the parts of embedding cost beside the plain way: reading beside OpenSlide, encoding beside torch as it is.

    PYTHONPATH=benchmarks python -m speed.parts [--slide SLIDE] [--backbone efficientnet_lite0]

In one process on one thread, taking turns, in CPU-milliseconds per tile.
"""

import argparse
import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import torch

from icicore.embeddings.backbones import load_backbone
from icicore.embeddings.calibration import calibration_tiles
from icicore.embeddings.encoder import TileEncoder
from icicore.embeddings.precision import obstacle
from icicore.native import tune_allocator
from icicore.slides.direct import fastest_reader
from icicore.slides.reader import open_slide
from speed.measure import machine, show, side_by_side
from speed.mosaic import write_mosaic

TILE_PX = 256


def reading(slide: Path, *, rounds: int, n_tiles: int = 128) -> dict[str, float]:
    """Tiles of 256 px at 0.5 µm/px from level 0; raises AssertionError where the pixels differ."""
    with open_slide(slide) as plain:
        fast = fastest_reader(plain)
        side = TILE_PX * 0.5 / plain.mpp
        across = int(plain.dimensions_l0[0] // side)
        down = int(plain.dimensions_l0[1] // side)
        first = max(0, (across * down - n_tiles) // 2)
        numbers = range(first, min(first + n_tiles, across * down))
        places = [((i % across) * side, (i // across) * side) for i in numbers]

        def read(reader):
            return [reader.read_area(place, (side, side), size_px=(TILE_PX, TILE_PX)) for place in places]

        assert all(np.array_equal(a, b) for a, b in zip(read(plain), read(fast), strict=True))
        work = {"openslide": lambda: len(read(plain)), "own": lambda: len(read(fast))}
        found = side_by_side(work, rounds=rounds)
    return {**found, "ratio": found["openslide"] / found["own"]}


def encoding(name: str, *, rounds: int, weights: Path | None) -> dict[str, float]:
    """A backbone as torch runs it (NCHW memory, batch norms folded) beside ours in each precision that runs here."""
    tiles = calibration_tiles()[::2]
    encoder = load_backbone(name, weights_dir=weights)
    plain = dataclasses.replace(encoder, module=encoder.module.to(memory_format=torch.contiguous_format))

    def as_it_is() -> int:
        with torch.inference_mode():
            for start in range(0, len(tiles), 8):
                x = plain.preprocess(tiles[start : start + 8]).contiguous()
                plain.pool(plain.module(x))
        return len(tiles)

    def ours(chosen: TileEncoder) -> int:
        for start in range(0, len(tiles), 8):
            chosen.encode(tiles[start : start + 8])
        return len(tiles)

    work = {"torch": as_it_is, "fp32": lambda: ours(encoder)}
    if not obstacle("bf16"):
        half = load_backbone(name, weights_dir=weights, precision="bf16")
        work["bf16"] = lambda: ours(half)
    for run in work.values():
        run()
    found = side_by_side(work, rounds=rounds)
    return found | {f"{kind}_ratio": found["torch"] / found[kind] for kind in work if kind != "torch"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slide", type=Path, help="default: a painted one")
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    tune_allocator()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        slide = args.slide or write_mosaic(Path(folder) / "mosaic.tif")
        show(
            {
                "machine": machine(),
                "reading_ms": reading(slide, rounds=args.rounds),
                "encoding_ms": encoding(args.backbone, rounds=args.rounds, weights=args.weights),
            }
        )


if __name__ == "__main__":
    main()
