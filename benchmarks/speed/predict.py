"""A case from its files to its probability, as a user waits for it: the first time, and again from the cache.

    PYTHONPATH=benchmarks python -m speed.predict CASE [--bundle NAME] [--rounds 1]

``CASE`` is a case folder (``icicore demo`` makes some). Every run is a process of its own, start and imports included;
the first of a round finds an empty home. ``cpu_s / cores`` is what the clock shows where nothing else runs and the work
divides well; ``start_cpu_s`` is what a process spends before it reads anything.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from safetensors import safe_open

from speed.measure import machine, show
from speed.memory import TreeWatch

ROOT = Path(__file__).resolve().parents[2]
WANTED_S = {"first": 20.0, "again": 2.0}
START = "import icicore.workflows.predictions, icicore.embeddings.embed, icicore.models.bundle, torch"


def timed(command: list[str], home: Path) -> dict[str, float]:
    """Seconds on the clock and of CPU, and peak memory, of a command and all that it starts."""
    environment = {**os.environ, "ICICORE_HOME": str(home), "PYTHONPATH": str(ROOT)}
    start, before = time.perf_counter(), os.times()
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    watch = TreeWatch(process.pid)
    said = process.communicate()[1]
    peak, after = watch.finish(), os.times()
    if process.returncode:
        raise SystemExit(said.decode().strip().splitlines()[-1])
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {"wall_s": round(time.perf_counter() - start, 2), "cpu_s": round(cpu, 2), "peak_mb": round(peak)}


def tiles_in(home: Path) -> int:
    """Tiles of all bags in a home."""
    total = 0
    for path in home.rglob("bag.safetensors"):
        with safe_open(path, framework="np") as bag:
            total += bag.get_slice("embeddings").get_shape()[0]
    return total


def round_of(case: Path, options: list[str]) -> dict[str, object]:
    """One first prediction and one from the cache; they must agree to the last digit."""
    with tempfile.TemporaryDirectory() as folder:
        home, outs = Path(folder) / "home", [Path(folder) / f"{k}.json" for k in range(2)]
        command = [sys.executable, "-m", "icicore.cli", "predict", str(case), *options, "--json"]
        first, again = (timed([*command, str(out)], home) for out in outs)
        found = [json.loads(out.read_text())["probability"] for out in outs]
        if found[0] != found[1]:
            raise SystemExit(f"the cache gives another probability: {found}")
        return {"tiles": tiles_in(home), "first": first, "again": again}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", type=Path)
    parser.add_argument("--bundle")
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    options = ["--bundle", args.bundle] if args.bundle else []
    rounds = [round_of(args.case.resolve(), options) for _ in range(args.rounds)]
    least = min(rounds, key=lambda found: found["first"]["cpu_s"])
    with tempfile.TemporaryDirectory() as folder:
        start = timed([sys.executable, "-c", START], Path(folder))["cpu_s"]
    cores = os.cpu_count() or 1
    for name in WANTED_S:
        least[name]["cpu_s_per_core"] = round(least[name]["cpu_s"] / cores, 2)
    show({"machine": machine(), "predict": least, "start_cpu_s": start, "wanted_s": WANTED_S})


if __name__ == "__main__":
    main()
