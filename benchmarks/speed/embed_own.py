"""Participant of ``speed.embed``: this package, and its engine alone. SLIDE WEIGHTS PRECISION [NAME]."""

import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from icicore.embeddings.backbones import load_backbone
from icicore.embeddings.cache import EmbeddingCache
from icicore.embeddings.chunks import batch_size, default_workers
from icicore.embeddings.embed import embed_slide, read_tiles
from icicore.slides.direct import fastest_reader
from icicore.slides.overview import read_overview
from icicore.slides.reader import open_slide
from icicore.slides.tiling import TileGrid
from icicore.slides.tissue import mask_overview
from speed.measure import peak_mb

ENGINE_TILES = 256


def timed(work) -> tuple[float, float]:
    """Seconds on the clock and of CPU, of this process and all that it started."""
    wall, cpu = time.perf_counter(), sum(os.times()[:4])
    work()
    return time.perf_counter() - wall, sum(os.times()[:4]) - cpu


slide, weights, precision = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
name = sys.argv[4] if len(sys.argv) > 4 else "resnet50"
engines = Path(os.environ["SPEED_ENGINES"]) if "SPEED_ENGINES" in os.environ else None
encoder = load_backbone(name, weights_dir=weights, precision=precision, engines=engines)
encoder.prepare()
bags = []


def end_to_end() -> None:
    """From opening the slide to the last embedding, with stain, quality and sprites."""
    with tempfile.TemporaryDirectory() as folder, open_slide(slide) as reader:
        cache = EmbeddingCache(Path(folder))
        bags.append(embed_slide(reader, digest="0" * 64, grid=TileGrid(), encoder=encoder, cache=cache))


wall, cpu = timed(end_to_end)
peak = peak_mb()  # before the network runs alone
with open_slide(slide) as reader:
    plan = TileGrid().plan(reader, mask_overview(read_overview(reader), reader.mpp))
    _, tiles = read_tiles(fastest_reader(reader), plan, range(min(ENGINE_TILES, len(plan))))
size = batch_size("cpu")
batches = [tiles[start : start + size] for start in range(0, len(tiles), size)]


def engine() -> None:
    """The network alone, on pixels that lie ready, by as many workers."""
    with ThreadPoolExecutor(default_workers("cpu"), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        list(pool.map(encoder.encode, batches))


alone = timed(engine)[1] / len(tiles)  # once, as the slide
n = len(bags[0])
found = {"tiles": n, "cpu_s": cpu, "wall_s": round(wall, 1), "peak_mb": round(peak)}
print(json.dumps(found | {"engine_cpu_ms": round(1000 * alone, 1)}))
