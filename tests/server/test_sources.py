"""The pool of open slides: bounded, shared, and nothing is closed while somebody reads."""

import threading
import time
from pathlib import Path

import pytest

from icicore.server.nodelay import enable_tcp_nodelay
from icicore.server.sources import SourcePool


class Recorder:
    opened: list[str]
    closed: list[str]

    def __init__(self):
        self.opened, self.closed = [], []

    def open(self, path: Path, mpp: float | None):
        self.opened.append(path.name)
        time.sleep(0.02)
        owner = self

        class Source:
            name = path.name

            def close(self):
                owner.closed.append(self.name)

        return Source()


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def pool(recorder):
    return SourcePool(lambda slide: (Path(slide), None) if slide != "unknown" else None, recorder.open, limit=2)


def use(pool, slide):
    with pool.use(slide) as source:
        return source.name


def test_the_least_recently_used_is_closed(pool, recorder):
    for slide in ("a", "b", "a", "c"):
        assert use(pool, slide) == slide
    assert (recorder.opened, recorder.closed) == (["a", "b", "c"], ["b"])


def test_a_slide_in_use_is_closed_by_its_last_reader(pool, recorder):
    with pool.use("a"):
        for slide in ("b", "c", "d"):
            use(pool, slide)
        assert "a" not in recorder.closed
    assert "a" in recorder.closed


def test_threads_share_one_handle(pool, recorder):
    threads = [threading.Thread(target=use, args=(pool, "a")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorder.opened == ["a"]


def test_unknown_slides_do_not_stay(pool):
    with pytest.raises(KeyError), pool.use("unknown"):
        pass
    with pytest.raises(KeyError), pool.use("unknown"):
        pass


def test_listening_sockets_send_at_once():
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert enable_tcp_nodelay() >= 1
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
