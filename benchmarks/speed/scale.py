"""How cost grows: exponents in tiles (embedding, explanation, tile sheet) and in cases (listing, import).

    PYTHONPATH=benchmarks python -m speed.scale [--only embedding listing] [--rounds 3]

Each is measured at three sizes, four times apart, in CPU seconds on one thread; sizes take turns and the least of the
rounds counts. The exponent is the slope of log cost over log size by least squares: 1 is linear. What a process spends
once (imports, the first query) is spent before. Fails where an exponent is not within 1 ± 0.1.

*embedding* reads an endless painted slide with an encoder that costs nearly nothing, so that what is not the network
shows; it starts at some ten thousand tiles, below which the half second that a slide costs once would hide the rest.
*explanation* is attention, contributions and leave-one-tile-out of a case with the shipped bundle.
"""

import argparse
import contextlib
import functools
import gc
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from icicore.embeddings.cache import EmbeddingCache
from icicore.embeddings.calibration import calibration_tiles
from icicore.embeddings.embed import embed_slide
from icicore.embeddings.encoder import TileEncoder
from icicore.embeddings.sprites import write_sheets
from icicore.explain.leave_one_out import leave_one_out
from icicore.explain.tiles import explain_tiles
from icicore.models.bundle import ModelBundle, load_bundle
from icicore.models.inputs import CaseInputs
from icicore.native import tune_allocator
from icicore.slides.base import PyramidReader
from icicore.slides.tiling import TileGrid
from icicore.store.cases import CaseRow, CaseStore
from icicore.store.engine import Database
from speed.measure import machine, show

BUNDLE = Path(__file__).resolve().parents[2] / "checkpoints" / "demo-virtual-lite0"
WITHIN = 0.1
PX = 32


class Endless(PyramidReader):
    """A painted square repeated over ``side`` x ``side`` tiles of 32 px."""

    vendor, is_virtual, mpp, level_downsamples = "benchmark", True, 4.0, (1.0,)

    def __init__(self, side: int) -> None:
        self.path = Path("endless")
        self.dimensions_l0 = (side * PX, side * PX)
        self.level_dimensions, self.bounds_l0 = (self.dimensions_l0,), (0, 0, *self.dimensions_l0)
        self._painted = calibration_tiles()[0]

    def read_region(self, location_l0, level, size):
        rows = (np.arange(size[1]) + location_l0[1]) % len(self._painted)
        cols = (np.arange(size[0]) + location_l0[0]) % len(self._painted)
        return np.ascontiguousarray(self._painted[rows[:, None], cols[None, :]])


class _Mean(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x.mean((2, 3)).repeat(1, 427)[:, :1280]


def embedding(n: int) -> float:
    encoder = TileEncoder("mean", "m" * 64, 1280, _Mean().eval(), (0.0,) * 3, (1.0,) * 3, PX, spatial=False)
    reader, grid = Endless(round(n**0.5)), TileGrid(tile_px=PX, mpp=4.0, max_upsampling=2.0)
    with tempfile.TemporaryDirectory() as folder:
        cache = EmbeddingCache(Path(folder))
        return spent(lambda: embed_slide(reader, digest="d", grid=grid, encoder=encoder, cache=cache))


@functools.cache
def _bundle() -> ModelBundle:
    return load_bundle(BUNDLE)


def explanation(n: int) -> float:
    bundle = _bundle()
    values = np.random.default_rng(0).normal(size=(n, bundle.spec.model.tile_dim)).astype(np.float16)
    case = CaseInputs("case", tiles=torch.from_numpy(values))

    def explain() -> None:
        explain_tiles(bundle, case)
        leave_one_out(bundle, case)

    return spent(explain)


def tile_sheet(n: int) -> float:
    block = np.random.default_rng(0).integers(0, 255, (64, 64, 64, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        return spent(lambda: write_sheets(Path(folder), (block for _ in range(n // 64))))


def _rows(n: int) -> list[CaseRow]:
    known = {"state": "scored", "probability": 0.4, "interval95": (0.3, 0.5), "n_slides": 1}
    return [CaseRow(f"k{i:06d}", f"P-{i:06d}", "nsclc", f"/cases/{i}", **known) for i in range(n)]


@contextlib.contextmanager
def _store() -> Iterator[CaseStore]:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/cases.db", lock_dir=Path(folder))
        yield CaseStore(database)
        database.close()


def listing(n: int) -> float:
    """All cases read from the database."""
    with _store() as store:
        store.put_all(_rows(n))
        store.all()
        return spent(lambda: len(store.all()))


def importing(n: int) -> float:
    """Cases written in hundreds, as an import does."""
    rows = _rows(n)

    def put(store: CaseStore) -> None:
        for start in range(0, n, 100):
            store.put_all(rows[start : start + 100])

    with _store() as store:
        return spent(lambda: put(store))


WORK: Mapping[str, tuple[Callable[[int], float], tuple[int, int, int]]] = {
    "embedding": (embedding, (96**2, 192**2, 384**2)),
    "explanation": (explanation, (2_000, 8_000, 32_000)),
    "tile_sheet": (tile_sheet, (2_048, 8_192, 32_768)),
    "listing": (listing, (1_000, 4_000, 16_000)),
    "importing": (importing, (1_000, 4_000, 16_000)),
}


def spent(work: Callable[[], object]) -> float:
    """CPU seconds of some work.

    Python's collector looks at the objects of the work alone: those of torch, which a process that lists cases does
    not hold, would be gone through again and again, and most often at the middle size.
    """
    gc.collect()
    gc.freeze()
    start = time.process_time()
    work()
    return time.process_time() - start


def costs(work: Callable[[int], float], sizes: Sequence[int], rounds: int) -> dict[int, float]:
    """CPU seconds at each size, the least of the rounds, after one that is not counted."""
    work(sizes[0])
    found = [{n: work(n) for n in sizes} for _ in range(rounds)]
    return {n: min(one[n] for one in found) for n in sizes}


def exponent(cost: Mapping[int, float]) -> float:
    """Slope of log cost over log size."""
    return float(np.polyfit(np.log(list(cost)), np.log(list(cost.values())), 1)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(WORK), default=list(WORK))
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    tune_allocator()
    torch.set_num_threads(1)
    found = {}
    for name in args.only:
        cost = costs(*WORK[name], args.rounds)
        ms = {n: round(1000 * seconds / n, 4) for n, seconds in cost.items()}
        found[name] = {"cpu_ms_each": ms, "exponent": round(exponent(cost), 3)}
    show({"machine": machine(), "within": WITHIN, "scale": found})
    raise SystemExit(any(abs(row["exponent"] - 1) > WITHIN for row in found.values()))


if __name__ == "__main__":
    main()
