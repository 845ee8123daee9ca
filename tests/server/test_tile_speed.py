"""Tiles that the browser has are not sent again, tiles that it no longer wants are not decoded, none is made twice."""

import threading
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest

from icicore.server.slides import SlideRoutes
from icicore.server.sources import SourcePool, open_deepzoom
from icicore.slides.tile_cache import TileCache
from tests.server.conftest import signed


def test_a_tile_that_the_browser_has_is_not_sent_again(client, slide):
    address = f"/icicore/tiles/{slide}/11/0_0.jpg?t={signed(slide)}"
    first = client.get(address)
    tag = first.headers["etag"]
    assert first.content and tag.startswith('"') and not tag.startswith("W/"), "a strong validator"
    again = client.get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = client.get(f"/icicore/tiles/{slide}/11/1_0.jpg?t={signed(slide)}", headers={"If-None-Match": tag})
    assert other.status_code == 200 and other.headers["etag"] != tag
    unsigned = client.get(f"/icicore/tiles/{slide}/11/0_0.jpg", headers={"If-None-Match": tag})
    assert unsigned.status_code == 403, "a known tag opens nothing"


def test_a_request_that_was_given_up_is_not_decoded(scene, slide):
    pool = SourcePool(lambda _: (scene.slides[slide], None), open_deepzoom)
    routes = SlideRoutes(pool, "test secret")
    asked = []
    routes._decode = lambda *address: asked.append(address) or b"tile"

    class Gone:
        path_params = {"slide": slide, "level": 9, "col": 0, "row": 0}
        query_params = {"t": signed(slide)}
        headers: dict[str, str] = {}

        def __init__(self, left: bool) -> None:
            self.left = left

        async def is_disconnected(self) -> bool:
            return self.left

    # In a thread of its own: the browser tests leave a running event loop in this one.
    with ThreadPoolExecutor(1) as thread:
        answers = [thread.submit(anyio.run, routes.tile, Gone(left=left)).result() for left in (True, False)]
    assert answers[0].status_code == 499
    assert answers[1].body == b"tile" and len(asked) == 1


def test_one_decoding_serves_all_who_ask_at_once():
    cache, made, begun, go = TileCache(), [], threading.Event(), threading.Event()

    def make() -> bytes:
        made.append(1)
        begun.set()
        assert go.wait(60)
        return b"tile"

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(cache.get, "key", make) for _ in range(4)]
        assert begun.wait(60)
        go.set()
        assert [a.result(60) for a in asked] == [b"tile"] * 4
    assert made == [1] and cache.find("key") == b"tile"


def test_a_tile_that_failed_is_tried_again():
    cache = TileCache()

    def fail() -> bytes:
        raise ValueError("damaged")

    for _ in range(2):
        with pytest.raises(ValueError, match="damaged"):
            cache.get("key", fail)
    assert cache.get("key", lambda: b"good") == b"good"


def test_memory_for_tiles_is_bounded_and_given_back():
    cache = TileCache(100)
    for number in range(30):
        cache.get((number % 2, number), lambda: b"0123456789")
    assert cache.used_bytes == 100 and cache.find((1, 29)) and cache.find((0, 0)) is None
    cache.forget(1)
    assert cache.used_bytes == 50 and cache.find((1, 29)) is None and cache.find((0, 28))


def test_a_grid_is_read_once_and_again_when_it_changes(tmp_path, monkeypatch):
    import numpy as np

    from icicore.server import grids

    path, reads, real = tmp_path / "attention.f32.npy", [], np.load
    monkeypatch.setattr(grids.np, "load", lambda *a, **k: reads.append(1) or real(*a, **k))
    np.save(path, np.zeros((2, 3), np.float32))
    cache = grids.GridCache()
    first = cache.find(path)
    assert cache.find(path) is first and (first.rows, first.cols, len(reads)) == (2, 3, 1)
    path.unlink()
    np.save(path, np.ones((4, 3), np.float32))
    assert cache.find(path).rows == 4 and cache.find(path).digest != first.digest
    path.unlink()
    with pytest.raises(FileNotFoundError):
        cache.find(path)
