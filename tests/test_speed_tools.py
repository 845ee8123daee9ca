"""The measurements themselves: memory of a tree of processes, exponents, ratios, load on a server."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
HOLD = "import time; held = bytearray(150_000_000); print('ready', flush=True); time.sleep(600)"
GRANDCHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLD!r}], check=False)"


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_memory_of_a_grandchild_counts_and_that_of_the_parent_does_not():
    from speed.memory import TreeWatch, descendants

    ballast = np.ones(60_000_000)  # 480 MB here: ru_maxrss of a child would begin with it
    process = subprocess.Popen([sys.executable, "-c", GRANDCHILD], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"ready\n"
        watch = TreeWatch(process.pid)
        below = descendants(process.pid)
        while watch.peak_mb == 0:
            assert process.poll() is None
        assert len(below) == 1
        assert 150 < watch.finish() < 150 + 200 and ballast.nbytes > 400e6
    finally:
        for pid in [*descendants(process.pid), process.pid]:
            subprocess.run(["kill", str(pid)], check=False)
        process.wait(60)
        process.stdout.close()


def test_a_participant_reports_its_own_peak():
    from speed.measure import child

    found = child([sys.executable, "-c", "import time; time.sleep(1.5); print('{\"tiles\": 3}')"])
    assert found["tiles"] == 3 and 1 < found["peak_mb"] < 100
    failed = child([sys.executable, "-c", "raise SystemExit('no slide')"])
    assert failed == {"failed": 1, "why": "no slide"}


@pytest.mark.parametrize(("power", "found"), [(1.0, 1.0), (2.0, 2.0)])
def test_the_exponent_is_the_slope(power, found):
    from speed.scale import exponent

    assert exponent({n: 3e-4 * n**power for n in (1000, 4000, 16000)}) == pytest.approx(found)


def test_costs_are_the_least_of_the_rounds():
    from speed.scale import costs

    given = iter([9.0, 1.0, 5.0, 2.0, 4.0])
    assert costs(lambda n: next(given), (10, 20), 2) == {10: 1.0, 20: 4.0}


def test_each_precision_is_held_against_its_peer():
    from speed.embed import best, ratios

    cost = {"lazyslide": 300, "tiatoolbox": 240, "lazyslide_bf16": 130, "own_fp32": 100, "own_bf16": 50}
    rows = {name: best([{"tiles": 10, "cpu_s": ms / 100, "wall_s": 1, "peak_mb": 9}]) for name, ms in cost.items()}
    found = ratios(rows | {"own_int8": {"failed": "not installed"}})
    assert found == {
        "own_fp32: best fp32 peer": 2.4,
        "own_bf16: LazySlide's default": 6.0,
        "own_bf16: best bf16 peer": 2.6,
    }
    assert best([{"failed": 1, "why": "no such slide"}]) == {"failed": "no such slide"}
    run = {"tiles": 10, "cpu_s": 1.0, "wall_s": 1, "peak_mb": 9, "engine_cpu_ms": 95.0}
    assert best([run])["share_of_engine"] == 0.95
