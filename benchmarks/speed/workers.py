"""Two workers as threads, as a fork and as a process of its own: what a tile costs, and that all give the same bits.

    PYTHONPATH=benchmarks python -m speed.workers --slide SLIDE [--backbone efficientnet_lite0] [--precision bf16]
        [--weights FOLDER] [--rounds 2]

One thread is the reference: where two threads cost more per tile, they hold each other back. Processes share a slide by
the locks of its chunks, as two commands on one home do. Every participant is a process of its own and takes turns with
the others; *start* is what the second worker costs before it reads its first tile.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from speed.measure import child, machine, show

KINDS = ("one_thread", "two_threads", "fork", "process")


def embedded(args: argparse.Namespace, folder: Path, workers: int) -> tuple[str, int, float]:
    """Embed the slide in this process; digest and size of the bag, and CPU seconds from opening to the end."""
    from icicore.embeddings import embed
    from icicore.embeddings.backbones import load_backbone
    from icicore.embeddings.cache import EmbeddingCache
    from icicore.slides.reader import open_slide
    from icicore.slides.tiling import TileGrid

    encoder = load_backbone(args.backbone, weights_dir=args.weights, precision=args.precision)
    encoder.prepare()
    embed.default_workers = lambda device: workers
    start = sum(os.times()[:4])
    forked = os.fork() if args.one == "fork" else None
    with open_slide(args.slide) as reader:
        cache = EmbeddingCache(folder)
        bag = embed.embed_slide(reader, digest="0" * 64, grid=TileGrid(), encoder=encoder, cache=cache)
    if forked == 0:
        os._exit(0)
    if forked:
        os.waitpid(forked, 0)
    return hashlib.sha256(bag.embeddings.tobytes()).hexdigest(), len(bag), sum(os.times()[:4]) - start


def participant(args: argparse.Namespace) -> None:
    """One way of working, timed from a loaded network on; a second process is timed with its loading."""
    if args.one == "helper":
        embedded(args, Path(args.folder), 1)
        return
    with tempfile.TemporaryDirectory() as folder:
        wall, helper, before = time.perf_counter(), None, os.times()
        if args.one == "process":
            command = [sys.executable, "-m", "speed.workers", *sys.argv[1:], "--one", "helper", "--folder", folder]
            helper = subprocess.Popen(command)
        digest, n, cpu = embedded(args, Path(folder), 2 if args.one == "two_threads" else 1)
        if helper is not None:
            helper.wait()
            after = os.times()
            cpu += after.children_user + after.children_system - before.children_user - before.children_system
        wall = time.perf_counter() - wall
    print(json.dumps({"tiles": n, "cpu_ms_per_tile": 1000 * cpu / n, "wall_s": wall, "digest": digest}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slide", type=Path, required=True)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        participant(args)
        return
    runs: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    for _ in range(args.rounds):
        for kind, found in runs.items():
            found.append(child([sys.executable, "-m", "speed.workers", *sys.argv[1:], "--one", kind]))
    digests = {run.get("digest") for found in runs.values() for run in found}
    rows = {}
    for kind, found in runs.items():
        done = [run for run in found if "tiles" in run]
        rows[kind] = {"failed": found[0].get("why")} if not done else {
            "tiles": done[0]["tiles"],
            "cpu_ms_per_tile": round(min(run["cpu_ms_per_tile"] for run in done), 2),
            "peak_mb": max(run["peak_mb"] for run in done),
        }  # fmt: skip
    show({"machine": machine(), "same_bits": len(digests) == 1, args.backbone + " " + args.precision: rows})
    raise SystemExit(len(digests) != 1)


if __name__ == "__main__":
    main()
