"""The worker process: ``python -m icicore.jobs.worker``, one per home folder, started with the app.

A lock file keeps it single; a worker that outlives its app (after ``kill -9``) is found again and used on.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from icicore.jobs.standing_back import WORKER, step_back
from icicore.native import tune_allocator
from icicore.settings import PROJECT, Settings, read_settings
from icicore.workflows.worker_presence import WORKER_LOCK, worker_serves

log = logging.getLogger(__name__)
LOCK, LOG = WORKER_LOCK, "worker.log"
LOOK_SECONDS, AGAIN_SECONDS = 5.0, 30.0
"""How often the app looks after its worker, and how long it waits between two starts."""


@contextlib.contextmanager
def worker_lock(home: Path) -> Iterator[bool]:
    """Hold the worker's lock; yields False when another worker has it. The file tells the holder's pid."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / LOCK).open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        yield True


def main() -> int:
    """Requeue what a crash interrupted, then serve the queue until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = read_settings()
    with worker_lock(settings.home) as mine:
        if not mine:
            log.info("another worker serves this home")
            return 0
        tune_allocator()  # it embeds slides, and soon has threads
        from icicore.jobs.serve import serve

        step_back(WORKER)
        serve(settings)
    return 0


def spawn_worker(settings: Settings) -> "subprocess.Popen[bytes]":
    """Start a worker in a session of its own; it exits at once if one is running."""
    settings.home.mkdir(parents=True, exist_ok=True)
    roots = os.pathsep.join(map(str, settings.roots))  # the default depends on the current folder
    environment = {**os.environ, "ICICORE_HOME": str(settings.home), "ICICORE_ROOTS": roots}
    with (settings.home / LOG).open("ab") as log_file:
        return subprocess.Popen(
            [sys.executable, "-m", "icicore.jobs.worker"],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=log_file,
            start_new_session=True,
            env=environment,
        )


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[dict[str, object]]:
    """Run a worker for as long as the app runs; set ``ICICORE_WORKER=0`` to run it elsewhere."""
    if os.environ.get("ICICORE_WORKER", "1") == "0":
        yield {}
        return
    settings = read_settings()
    kept = [spawn_worker(settings)]
    keeper = asyncio.create_task(_keep(settings, kept))
    try:
        yield {}
    finally:
        keeper.cancel()
        _stop(kept[0])


async def _keep(settings: Settings, kept: "list[subprocess.Popen[bytes]]") -> None:
    """Start another worker where the present one died, not more often than twice a minute."""
    started = time.monotonic()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if kept[0].poll() is None or time.monotonic() - started < AGAIN_SECONDS or worker_serves(settings.home):
            continue
        log.warning("the worker ended (%s); another one starts", kept[0].returncode)
        started = time.monotonic()
        kept[0] = spawn_worker(settings)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    # SIGTERM stops at once; the interrupted job continues from its cache when a worker starts again.
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
