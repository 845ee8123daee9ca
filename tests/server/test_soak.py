"""Fifty clients for a minute: no error, and the server's memory stays where it is."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def tiles(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from speed import tiles

    return tiles


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_memory_is_flat_under_fifty_clients(tiles, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{BENCHMARKS}:{BENCHMARKS.parent}")
    slide = tiles.write_mosaic(tmp_path / "mosaic.tif", tiles_across=32)
    # In a thread of its own: a browser test before this one leaves an event loop in this one.
    with tiles.server(slide) as (port, pid), ThreadPoolExecutor(1) as pool:
        found = pool.submit(tiles.soak, port, pid, slide, seconds=60, warm_up=20).result()
    assert found["errors"] == 0 and found["tiles_per_s"] > 50
    before, after = found["memory_mb"]
    assert after < before * 1.05 + 10, found
