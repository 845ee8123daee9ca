"""Memory does not grow with the slide: a hundred thousand tiles, with an encoder that costs nothing."""

import json
import subprocess
import sys

import numpy as np
import pytest
from safetensors import safe_open

from icicore.embeddings.tensorfile import write_tensors

RUN = """
import json, sys
from pathlib import Path
from icicore.native import tune_allocator
tune_allocator()  # as the worker does, first thing
import numpy as np, torch
from torch import nn
from icicore.embeddings.cache import EmbeddingCache
from icicore.embeddings.embed import embed_slide
from icicore.embeddings.encoder import TileEncoder
from icicore.slides.base import PyramidReader
from icicore.slides.tiling import TileGrid
from tests.make_slides import make_he_image

side, dim = int(sys.argv[1]), 2048
painted = make_he_image(np.random.default_rng(0), (256, 256))

class Endless(PyramidReader):
    path, vendor, is_virtual, mpp = Path("endless"), "test", False, 4.0
    level_downsamples, dimensions_l0 = (1.0,), (side * 32, side * 32)
    level_dimensions, bounds_l0 = (dimensions_l0,), (0, 0, *dimensions_l0)

    def read_region(self, location_l0, level, size):
        rows = (np.arange(size[1]) + location_l0[1]) % 256
        cols = (np.arange(size[0]) + location_l0[0]) % 256
        return np.ascontiguousarray(painted[rows[:, None], cols[None, :]])

class Mean(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x.mean((2, 3)).repeat(1, 700)[:, :dim]

encoder = TileEncoder("mean", "m" * 64, dim, Mean().eval(), (0.0,) * 3, (1.0,) * 3, 32, spatial=False)

def peak():  # not ru_maxrss: that of a process begins with the peak of whoever started it
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

encoder.encode(np.zeros((8, 32, 32, 3), np.uint8))
before = peak()
bag = embed_slide(Endless(), digest="d", grid=TileGrid(tile_px=32, mpp=4.0, max_upsampling=2.0), encoder=encoder,
                  cache=EmbeddingCache(Path(sys.argv[2])))
print(json.dumps({"tiles": len(bag), "grown": peak() - before, "bag": bag.embeddings.nbytes}))
"""


def grown(side: int, folder) -> dict[str, int]:
    command = [sys.executable, "-c", RUN, str(side), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_hundred_thousand_tiles_need_less_than_one_gibibyte(tmp_path):
    found = grown(320, tmp_path)
    assert found["tiles"] >= 100_000
    assert found["grown"] > found["bag"], "the embeddings themselves are held, so less was not measured"
    assert found["grown"] < 2**30, found


def test_arrays_are_written_as_the_library_reads_them(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "a": rng.normal(size=(5, 3)).astype(np.float16),
        "b": rng.normal(size=(7, 2)),
        "c": np.arange(6, dtype=np.int32).reshape(3, 2),
        "empty": np.zeros((0, 4), np.float16),
    }
    write_tensors(tmp_path / "x.safetensors", arrays, {"note": "ä {}"})
    with safe_open(tmp_path / "x.safetensors", framework="np") as file:
        assert file.metadata() == {"note": "ä {}"} and set(file.keys()) == set(arrays)
        for name, values in arrays.items():
            assert np.array_equal(file.get_tensor(name), values) and file.get_tensor(name).dtype == values.dtype
    with pytest.raises(ValueError, match="a: float16"):
        write_tensors(tmp_path / "y.safetensors", {"a": arrays["a"].T}, {})
