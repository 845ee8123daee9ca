"""Ten thousand bags are trained from disk in the memory that a thousand take."""

import json
import subprocess
import sys

import pytest

RUN = """
import json, sys, threading, time
from pathlib import Path
import numpy as np
from icicore.models.zoo import build
from icicore.training import selection
from icicore.training.config import TrainConfig
from icicore.training.dataset import ScaledStudy, Scalers, StudyData
from icicore.training.fit import fit_member, model_config
from icicore.training.splits import Split
from icicore.training.study_slides import read_tiles
from tests.factories import make_bag

folder, n, n_tiles, dim = Path(sys.argv[1]), int(sys.argv[2]), 64, 256
selection.IN_MEMORY_BYTES = 2**24

def anonymous():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))

most, done = [0], threading.Event()

def watch():
    while not done.wait(0.02):
        most[0] = max(most[0], anonymous())

rng = np.random.default_rng(0)
names = [f"P{i:05d}" for i in range(n)]
bag = make_bag(rng, rng.normal(size=(n_tiles, dim)))
bag.save(folder / "0.safetensors")
for k in range(1, 20):
    make_bag(rng, rng.normal(size=(n_tiles, dim))).save(folder / f"{k}.safetensors")
lines = ["patient\\tpath", *(f"{p}\\t{i % 20}.safetensors" for i, p in enumerate(names))]
(folder / "slides.tsv").write_text("\\n".join(lines) + "\\n")
before = anonymous()
threading.Thread(target=watch, daemon=True).start()
found = read_tiles(folder, names, None, lambda *_: None, limit_bytes=2**24)
assert isinstance(found.tiles, np.memmap) and found.tiles.nbytes == n * n_tiles * dim * 2
study = StudyData(
    name="many", virtual=True, patients=tuple(names), tumour_types=("nsclc",) * n, sites=("",) * n,
    responder=rng.random(n) < 0.4, tiles=found.tiles, tile_index=found.index, offsets=found.offsets,
    gene_values=np.zeros((n, 2), np.float32), gene_measured=np.zeros((n, 2), bool), clinical=(None,) * n,
    panel="test/1", tokens=("A", "B"), token_kinds=("mutation", "expression"), token_pathways=(("x",), ("x",)),
)
rows = np.arange(n, dtype=np.int32)
scaled = ScaledStudy(study, Scalers.fit(study, rows))
config = TrainConfig(model="image", epochs=1, members=1, batch_size=64, tiles_per_bag=16, device="cpu")
cut = n * 3 // 4
split = Split(train=rows[:cut], val=rows[cut:], test=rows[:0])
member = fit_member(scaled, split, config, model=model_config(scaled, config, "image"), index=0)
done.set()
print(json.dumps({"grown": most[0] - before, "bags": found.tiles.nbytes, "loss": member.loss}))
"""


def trained(folder, n: int) -> dict[str, float]:
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUN, str(folder), str(n)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_ten_thousand_bags_take_hardly_more_memory_than_a_thousand(tmp_path):
    few, many = trained(tmp_path / "few", 1_000), trained(tmp_path / "many", 10_000)
    assert many["bags"] == 10 * few["bags"] > 300e6
    assert many["grown"] - few["grown"] < 0.2 * many["bags"], (few, many)
