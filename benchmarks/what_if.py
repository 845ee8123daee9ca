"""What one hypothetical score costs: NumPy in the front end against torch in a process that holds the model.

``python benchmarks/what_if.py [--bundle FOLDER]`` scores a random case of the bundle's size again and again, with one
thread each, and times what the front end would pay once: loading the NumPy weights, importing torch and the bundle.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from icicore.models.light import LightEnsemble, LightInputs
from icicore.settings import PROJECT
from icicore.workflows.services import bundle_ref

REPEATS = 200
COLD = """
import time
from pathlib import Path

def peak():  # not ru_maxrss, which begins with the peak of whoever started this process
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

start, before = time.perf_counter(), peak()
from icicore.models.bundle import load_bundle
load_bundle(Path({folder!r}))
print(time.perf_counter() - start, (peak() - before) / 1024)
"""


def times(call: Callable[[], object]) -> tuple[float, float]:
    """Median and 95th percentile in ms."""
    call()
    found = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        call()
        found.append(1000 * (time.perf_counter() - start))
    return statistics.median(found), float(np.percentile(found, 95))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=None)
    asked = parser.parse_args().bundle
    ref = bundle_ref(asked.parent, asked.name) if asked else bundle_ref(PROJECT / "checkpoints")
    start = time.perf_counter()
    light = LightEnsemble.load(ref.folder, ref.spec)
    loading = 1000 * (time.perf_counter() - start)
    rng, model, members = np.random.default_rng(0), ref.spec["model"], int(ref.spec["members"])
    tokens = sum(model["gene_kinds"])
    inputs = LightInputs(
        slide=rng.normal(size=(members, model["histology_dim"])).astype(np.float32),
        gene_values=rng.normal(size=tokens).astype(np.float32),
        gene_measured=np.ones(tokens, np.bool_),
        clinical_values=rng.normal(size=4).astype(np.float32),
        clinical_measured=np.ones(4, np.bool_),
    )
    numpy_ms = times(lambda: light.score(inputs))
    cold = subprocess.run(
        [sys.executable, "-c", COLD.format(folder=str(ref.folder))], capture_output=True, text=True, check=True
    )
    seconds, megabytes = map(float, cold.stdout.split())
    torch_ms = _torch(ref.folder, inputs)
    print(f"bundle {ref.name}, {members} members, {tokens} gene tokens")
    print(f"NumPy: p50 {numpy_ms[0]:.1f} ms, p95 {numpy_ms[1]:.1f} ms; weights read once in {loading:.0f} ms")
    print(f"torch: p50 {torch_ms[0]:.1f} ms, p95 {torch_ms[1]:.1f} ms, without the way to another process")
    print(f"torch and bundle from cold: {seconds:.1f} s, {megabytes:.0f} MiB")


def _torch(folder: Path, inputs: LightInputs) -> tuple[float, float]:
    import torch

    from icicore.models.bundle import load_bundle
    from icicore.models.inputs import CaseInputs

    torch.set_num_threads(1)
    bundle = load_bundle(folder)
    case = CaseInputs(
        "case",
        torch.randn(1, bundle.spec.model.tile_dim),  # one tile: the least that the slide encoder can be given
        torch.from_numpy(inputs.gene_values),
        torch.from_numpy(inputs.gene_measured),
        torch.from_numpy(inputs.clinical_values),
        torch.from_numpy(inputs.clinical_measured),
    )
    return times(lambda: bundle.score(case))


if __name__ == "__main__":
    main()
