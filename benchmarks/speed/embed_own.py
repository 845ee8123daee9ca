"""Participant of ``speed.embed``: this package. SLIDE WEIGHTS PRECISION."""

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from icicore.embeddings.backbones import load_backbone
from icicore.embeddings.cache import EmbeddingCache
from icicore.embeddings.embed import embed_slide
from icicore.slides.reader import open_slide
from icicore.slides.tiling import TileGrid

slide, weights, precision = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
engines = Path(os.environ["SPEED_ENGINES"]) if "SPEED_ENGINES" in os.environ else None
encoder = load_backbone("resnet50", weights_dir=weights, precision=precision, engines=engines)
encoder.prepare()
with tempfile.TemporaryDirectory() as folder:
    wall, cpu = time.perf_counter(), time.process_time()
    with open_slide(slide) as reader:
        bag = embed_slide(reader, digest="0" * 64, grid=TileGrid(), encoder=encoder, cache=EmbeddingCache(Path(folder)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
print(json.dumps({"tiles": len(bag), "cpu_s": cpu, "wall_s": round(wall, 1), "peak_mb": round(peak)}))
