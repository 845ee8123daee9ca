"""Worker processes do not outlive the process that they work for."""

import os
import signal
import subprocess
import sys
import time

from icicore.workflows.pool import run_missing, worker_pool

_PARENT = """
import os
import time
from icicore.workflows.pool import worker_pool

def _number():
    time.sleep(0.5)
    return os.getpid()

if __name__ == "__main__":
    with worker_pool(2) as pool:
        print(*{pool.submit(_number).result() for _ in range(2)}, flush=True)
        time.sleep(600)
"""


def test_workers_end_when_their_parent_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        workers = [int(number) for number in parent.stdout.readline().split()]
        assert workers
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    for number in workers:
        assert _ends(number), f"worker {number} is still there"


def _ends(number: int, *, within_s: float = 120) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_workers_of_a_living_parent_go_on():
    with worker_pool(1) as pool:
        assert pool.submit(time.sleep, 2.5).result(timeout=300) is None


def test_missing_items_are_made_and_counted(tmp_path):
    seen = []
    folders = [tmp_path / name for name in ("a", "b")]
    run_missing(
        os.mkdir, folders, total=3, progress=lambda done, total, what: seen.append((done, total, what)), what="x"
    )
    assert all(folder.is_dir() for folder in folders)
    assert seen == [(1, 3, "x"), (2, 3, "x"), (3, 3, "x")]
