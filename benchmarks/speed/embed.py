"""A slide to embeddings, beside LazySlide and TIAToolbox: CPU-ms per tile from opening the slide to the last embedding.

    PYTHONPATH=benchmarks python -m speed.embed --slide SLIDE --weights FOLDER \\
        [--lazyslide PYTHON] [--tiatoolbox PYTHON] [--rounds 2] [--precisions fp32 bf16 int8]

``--lazyslide`` and ``--tiatoolbox`` are the interpreters of environments that hold them, for example made by
``uv venv DIR && uv pip install -p DIR/bin/python lazyslide openslide-bin safetensors`` (and so with tiatoolbox). All
take the same ResNet-50 weights and tiles of 256 px at 0.5 µm/px; which tiles hold tissue is each tool's own decision,
so the cost per tile is what is compared. Every round runs each participant once, in a process of its own; peak memory
is that of the process and all that it starts, with its libraries. Loading the network, and quantising it, is not
counted. ``speed.cut`` cuts a slide to measure on from a large one.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from speed.measure import child, machine, show

HERE = Path(__file__).parent
CPU, WALL, PEAK, ENGINE = "cpu_ms_per_tile", "wall_s", "peak_mb", "engine_cpu_ms"
OWN = "own_"
PEERS_FP32, PEERS_BF16 = ("lazyslide", "tiatoolbox"), ("lazyslide_bf16",)
WANTED = {
    "own_fp32: best fp32 peer": 2.4,
    "own_bf16: LazySlide's default": 5.0,
    "own_bf16: best bf16 peer": 2.3,
    "own_int8: LazySlide's default": 9.0,
}
MOST_MB, LEAST_KEPT = 1600, 0.9


def participants(args: argparse.Namespace) -> dict[str, list[str]]:
    """Name to command; each prints one JSON object."""
    common = [str(args.slide), str(args.weights)]
    own = {f"{OWN}{p}": [sys.executable, str(HERE / "embed_own.py"), *common, p] for p in args.precisions}
    found: dict[str, list[str]] = {}
    if args.lazyslide:
        script = [args.lazyslide, str(HERE / "embed_lazyslide.py"), *common]
        found |= {"lazyslide_bf16": [*script, "bf16"], "lazyslide": [*script, "default"]}
    if args.tiatoolbox:
        found["tiatoolbox"] = [args.tiatoolbox, str(HERE / "embed_tiatoolbox.py"), *common, "default"]
    return own | found


def best(runs: list[dict[str, float]]) -> dict[str, object]:
    """The round that cost least; the reason where all failed."""
    done = [run for run in runs if "tiles" in run]
    if not done:
        return {"failed": runs[0].get("why", "no result")}
    least = min(done, key=lambda run: run["cpu_s"] / run["tiles"])
    per_tile = 1000 * least["cpu_s"] / least["tiles"]
    row = {"tiles": least["tiles"], CPU: round(per_tile, 1), WALL: least["wall_s"]}
    row[PEAK] = max(run["peak_mb"] for run in done)
    if engines := [run[ENGINE] for run in done if ENGINE in run]:
        row |= {ENGINE: min(engines), "share_of_engine": round(min(engines) / per_tile, 2)}
    return row


def ratios(rows: dict[str, dict[str, object]]) -> dict[str, float]:
    """How many times less each own precision costs than the peer it is held against."""

    def least(names: tuple[str, ...]) -> float | None:
        return min((float(rows[name][CPU]) for name in names if CPU in rows.get(name, {})), default=None)

    against = {
        "own_fp32: best fp32 peer": least(PEERS_FP32),
        "own_bf16: LazySlide's default": least(("lazyslide",)),
        "own_bf16: best bf16 peer": least(PEERS_BF16),
        "own_int8: LazySlide's default": least(("lazyslide",)),
    }
    own = {name: least((name.partition(":")[0],)) for name in against}
    return {name: round(peer / own[name], 2) for name, peer in against.items() if peer and own[name]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slide", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="folder with the weights of ResNet-50")
    parser.add_argument("--lazyslide", default="")
    parser.add_argument("--tiatoolbox", default="")
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    runs: dict[str, list[dict[str, float]]] = {}
    loads = [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory() as home:
        engines = {"SPEED_ENGINES": os.environ.get("SPEED_ENGINES", home), "HF_HUB_OFFLINE": "1"}
        for _ in range(args.rounds):
            for name, command in participants(args).items():
                runs.setdefault(name, []).append(child(command, **engines))
                sys.stderr.write(f"{name}: {json.dumps(runs[name][-1])}\n")
            loads.append(os.getloadavg()[0])
    rows = {name: best(found) for name, found in runs.items()}
    show(
        {
            "machine": machine() | {"load": [round(v, 1) for v in loads]},
            "embed": rows,
            "times_less": {name: {"found": value, "wanted": WANTED[name]} for name, value in ratios(rows).items()},
            "wanted": {PEAK: MOST_MB, "share_of_engine": LEAST_KEPT},
        }
    )


if __name__ == "__main__":
    main()
