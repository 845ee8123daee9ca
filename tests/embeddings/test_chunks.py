import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from icicore.embeddings.chunks import ChunkStore, file_lock, run_chunks
from icicore.errors import InputError
from icicore.types import no_progress

WORKER = textwrap.dedent(
    """
    import os, sys, time
    from pathlib import Path
    import numpy as np
    from icicore.embeddings.chunks import ChunkStore, run_chunks
    from icicore.types import no_progress

    folder, seconds = Path(sys.argv[1]), float(sys.argv[2])

    def compute(chunk):
        with (folder / "log.txt").open("a") as log:
            log.write(f"{os.getpid()} {chunk}\\n")
        time.sleep(seconds)
        return {"x": np.full(3, chunk, np.float32)}

    print("ready", flush=True)
    sys.stdin.readline()
    run_chunks(ChunkStore(folder / "parts"), compute, n_chunks=12, workers=2, finished=lambda: False,
               progress=no_progress, what="test")
    """
)


def start(folder: Path, seconds: float) -> subprocess.Popen:
    command = [sys.executable, "-c", WORKER, str(folder), str(seconds)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def release(*workers: subprocess.Popen) -> None:
    for worker in workers:
        worker.stdout.readline()
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()


def log_of(folder: Path) -> list[tuple[str, int]]:
    path = folder / "log.txt"
    lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return [(pid, int(chunk)) for pid, chunk in lines]


def finish(folder: Path) -> ChunkStore:
    store = ChunkStore(folder / "parts")
    arguments = {"n_chunks": 12, "workers": 2, "finished": lambda: False, "progress": no_progress, "what": "test"}

    def compute(chunk):
        with (folder / "log.txt").open("a") as log:
            log.write(f"main {chunk}\n")
        return {"x": np.full(3, chunk, np.float32)}

    run_chunks(store, compute, **arguments)
    return store


def test_two_processes_share_the_chunks(tmp_path):
    with start(tmp_path, 0.05) as a, start(tmp_path, 0.05) as b:
        release(a, b)
        assert a.wait(60) == 0 and b.wait(60) == 0
    log = log_of(tmp_path)
    assert sorted(chunk for _, chunk in log) == list(range(12)), "every chunk exactly once"
    assert len({pid for pid, _ in log}) == 2
    store = ChunkStore(tmp_path / "parts")
    assert all(store.load(i)["x"][0] == i for i in range(12))


def test_after_kill_9_only_the_rest_is_computed(tmp_path):
    with start(tmp_path, 0.15) as worker:
        release(worker)
        deadline = time.monotonic() + 30
        while len(log_of(tmp_path)) < 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        worker.send_signal(signal.SIGKILL)
        worker.wait(30)
    store = ChunkStore(tmp_path / "parts")
    kept = [i for i in range(12) if store.load(i) is not None]
    assert 0 < len(kept) < 12
    missing = next(i for i in range(12) if i not in kept)
    stale = store.folder / f".{store.path(missing).name}.abc123.safetensors"
    stale.write_bytes(b"half")
    finish(tmp_path)
    again = [chunk for who, chunk in log_of(tmp_path) if who == "main"]
    assert sorted(again) == [i for i in range(12) if i not in kept]
    assert all(store.load(i)["x"][0] == i for i in range(12))
    assert not list(store.folder.glob(".*")), "what the killed writer left is gone"


def test_a_damaged_chunk_is_absent(tmp_path):
    store = finish(tmp_path)
    store.path(3).write_bytes(store.path(3).read_bytes()[:20])
    assert store.load(3) is None and not store.path(3).exists()
    finish(tmp_path)
    assert store.load(3)["x"][0] == 3


def test_an_error_in_a_chunk_stops_the_work_and_keeps_the_rest(tmp_path, two_threads):
    def compute(chunk):
        if chunk == 5:
            raise ValueError("broken")
        return {"x": np.zeros(1)}

    store = ChunkStore(tmp_path)
    arguments = {"workers": 1, "finished": lambda: False, "progress": no_progress, "what": "test"}
    with pytest.raises(ValueError, match="broken"):
        run_chunks(store, compute, n_chunks=12, **arguments)
    assert [i for i in range(12) if store.path(i).exists()] == [0, 1, 2, 3, 4]
    assert torch.get_num_threads() == two_threads


def test_progress_never_goes_back(tmp_path):
    seen = []
    run_chunks(
        ChunkStore(tmp_path),
        lambda chunk: {"x": np.zeros(1)},
        n_chunks=7,
        workers=2,
        finished=lambda: False,
        progress=lambda done, total, what: seen.append(done),
        what="test",
    )
    assert seen == sorted(seen) and seen[0] == 0 and seen[-1] == 7


def test_a_lock_has_one_holder(tmp_path):
    with file_lock(tmp_path / "a.lock", block=False) as first, file_lock(tmp_path / "a.lock", block=False) as second:
        assert first and not second
    with file_lock(tmp_path / "a.lock", block=False) as again:
        assert again


def test_an_unwritable_place_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"), file_lock(tmp_path / "file" / "x.lock", block=False):
        pass
