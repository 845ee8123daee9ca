"""Fail where this version lost more than a fifth of a stored advantage. Takes one or two minutes.

    PYTHONPATH=benchmarks python -m speed.check [--store]

Every number is a ratio of CPU times of two participants that took turns in this process on one thread, so it moves
little with the machine and with its other work. ``--store`` writes what is measured now to ``ratios.json``; a ratio of
precisions that the machine does not have is left out.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import torch

from icicore.native import tune_allocator
from speed.measure import machine, show
from speed.mosaic import write_mosaic
from speed.parts import encoding, reading
from speed.tiles import sources

STORED = Path(__file__).with_name("ratios.json")
LARGEST_LOSS = 0.20
CEILING = 50.0
"""Where the own part costs microseconds, a larger ratio says more about the clock than about the work."""


def measure(rounds: int) -> dict[str, float]:
    """Ratios, larger is better."""
    with tempfile.TemporaryDirectory() as folder:
        slide = write_mosaic(Path(folder) / "mosaic.tif")
        found = {"reading: own / OpenSlide": reading(slide, rounds=rounds)["ratio"]}
        for name, times in sources(slide, rounds=rounds).items():
            found[f"display tiles, {name} resolution: own / DeepZoomGenerator"] = times["ratio"]
    lite0 = encoding("efficientnet_lite0", rounds=rounds, weights=None)
    found |= {f"encoding in {k[:4]}: own / torch": v for k, v in lite0.items() if k.endswith("_ratio")}
    return {name: round(min(value, CEILING), 2) for name, value in found.items()}


def lost(stored: dict[str, float], found: dict[str, float]) -> list[str]:
    """One line for each ratio that fell by more than 20 %."""
    return [
        f"{name}: {found[name]:g} times, stored {value:g} times"
        for name, value in stored.items()
        if name in found and found[name] < value * (1 - LARGEST_LOSS)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    tune_allocator()
    torch.set_num_threads(1)
    found = measure(args.rounds)
    show({"machine": machine(), "ratios": found})
    if args.store:
        STORED.write_text(json.dumps({"ratios": found, "machine": machine()}, indent=1) + "\n")
        return
    lines = lost(json.loads(STORED.read_text())["ratios"], found)
    for line in lines:
        sys.stderr.write(f"slower than stored: {line}\n")
    raise SystemExit(bool(lines))


if __name__ == "__main__":
    main()
