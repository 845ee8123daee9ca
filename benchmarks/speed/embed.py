"""A slide to embeddings, beside LazySlide: CPU-milliseconds per tile from opening the slide to the last embedding.

    PYTHONPATH=benchmarks python -m speed.embed --slide SLIDE --weights FOLDER \\
        [--lazyslide PYTHON] [--rounds 2] [--precisions fp32 bf16 int8]

``--lazyslide`` is the interpreter of an environment that holds it, for example made by
``uv venv DIR && uv pip install -p DIR/bin/python lazyslide openslide-bin``. All take the same ResNet-50 weights and
tiles of 256 px at 0.5 µm/px; which tiles hold tissue is each tool's own decision, so the cost per tile is what is
compared. Every round runs each participant once, in a process of its own. Loading the network, and quantising it, is
not counted.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from speed.measure import child, machine, show

HERE = Path(__file__).parent
CPU, WALL, PEAK = "cpu_ms_per_tile", "wall_s", "peak_mb"


def participants(args: argparse.Namespace) -> dict[str, list[str]]:
    """Name to command; each prints one JSON object."""
    common = [str(args.slide), str(args.weights)]
    own = {f"own_{p}": [sys.executable, str(HERE / "embed_own.py"), *common, p] for p in args.precisions}
    peers = {}
    if args.lazyslide:
        script = [args.lazyslide, str(HERE / "embed_lazyslide.py"), *common]
        peers = {"lazyslide": [*script, "default"], "lazyslide_bf16": [*script, "bf16"]}
    return peers | own


def best(runs: list[dict[str, float]]) -> dict[str, object]:
    """The round that cost least; the reason where all failed."""
    done = [run for run in runs if "tiles" in run]
    if not done:
        return {"failed": runs[0].get("why", "no result")}
    least = min(done, key=lambda run: run["cpu_s"] / run["tiles"])
    per_tile = 1000 * least["cpu_s"] / least["tiles"]
    return {"tiles": least["tiles"], CPU: round(per_tile, 1), WALL: least["wall_s"], PEAK: least["peak_mb"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slide", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="folder with the weights of ResNet-50")
    parser.add_argument("--lazyslide", default="")
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    runs: dict[str, list[dict[str, float]]] = {}
    loads = [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory() as home:
        for _ in range(args.rounds):
            for name, command in participants(args).items():
                runs.setdefault(name, []).append(child(command, SPEED_ENGINES=home, HF_HUB_OFFLINE="1"))
            loads.append(os.getloadavg()[0])
    rows = {name: best(found) for name, found in runs.items()}
    reference = rows.get("lazyslide", {}).get(CPU)
    for row in rows.values():
        if reference and CPU in row:
            row["times_less_than_lazyslide"] = round(float(reference) / float(row[CPU]), 2)
    show({"machine": machine() | {"load": [round(v, 1) for v in loads]}, "embed": rows})


if __name__ == "__main__":
    main()
