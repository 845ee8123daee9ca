"""Simulate, train, evaluate, and write docs/results.md with its figures, from a seed. One command:

    make results [SEED=2026] [COHORTS=FOLDER] [TILES=FOLDER]
    make results-quick

COHORTS is a folder of cBioPortal studies, TILES one of real tiles as <class>/<slide>_<x>_<y>.png. What is there already
is not made again. The quick form makes everything small in a temporary folder and checks that the document is whole.
"""

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from tile_classes import tile_files

from results.chain import run
from results.document import faults, write_document
from results.plan import Plan, quick

PROJECT = Path(__file__).resolve().parents[2]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m results", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--patients", type=int, default=Plan.patients, help="of every virtual study")
    parser.add_argument("--cohorts", type=Path, help="folder of cBioPortal studies of real patients")
    parser.add_argument("--tiles", type=Path, help="folder of real tiles")
    parser.add_argument("--out", type=Path, default=PROJECT / "build" / "results", help="studies, bundles and reports")
    parser.add_argument("--docs", type=Path, default=PROJECT / "docs", help="where the document is written")
    parser.add_argument("--quick", action="store_true", help="a small chain in a temporary folder")
    parser.add_argument("--lanes", type=int, choices=(1, 2), default=2, help="stages that run side by side")
    parser.add_argument("--trust", action="store_true", help="keep finished stages although the source has changed")
    return parser.parse_args()


def command(asked: argparse.Namespace) -> str:
    """The command as a reader would give it; folders of data are named, not spelt out."""
    words = ["make", "results-quick" if asked.quick else "results", f"SEED={asked.seed}"]
    words += [f"{name.upper()}=FOLDER" for name in ("cohorts", "tiles") if getattr(asked, name) is not None]
    return " ".join(words)


def make(asked: argparse.Namespace, plan: Plan, out: Path, docs: Path) -> list[str]:
    """Run the chain and write the document; returns what is wrong with it."""
    started = time.perf_counter()
    found, stages = run(plan, out, trust=asked.trust, lanes=asked.lanes)
    document = write_document(docs, plan, found, stages, command(asked))
    print(f"{document.name} written after {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return faults(docs, found)


def main() -> None:
    asked = arguments()
    if asked.tiles is not None:
        tile_files(asked.tiles)  # at once, not after an hour
    torch.set_num_threads(1)
    if asked.quick:
        with tempfile.TemporaryDirectory(prefix="icicore-results-") as scratch:
            plan = replace(quick(asked.seed), cohorts=asked.cohorts, tiles=asked.tiles)
            wrong = make(asked, plan, Path(scratch), Path(scratch) / "docs")
    else:
        plan = Plan(patients=asked.patients, seed=asked.seed, cohorts=asked.cohorts, tiles=asked.tiles)
        wrong = make(asked, plan, asked.out, asked.docs)
    if wrong:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main()
