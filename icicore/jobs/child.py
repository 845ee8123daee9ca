"""The process of one long job: ``python -m icicore.jobs.child JOB RUNNER``, started by the supervisor of a worker.

It ends with its worker: a job whose worker died is taken up by the next one, and must not run twice meanwhile.
"""

import contextlib
import fcntl
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from icicore.errors import Cancelled
from icicore.jobs.heartbeat import BEAT_SECONDS
from icicore.jobs.kinds import CHECKS, lane_of
from icicore.jobs.long_handlers import LONG_HANDLERS
from icicore.jobs.runner import FORMAT, Handler, carry_out
from icicore.jobs.standing_back import LONG_JOB, WORKER, step_back
from icicore.settings import read_settings
from icicore.store.jobs import JobStore
from icicore.workflows.job_files import LOCK, job_folder
from icicore.workflows.services import build_services

log = logging.getLogger(__name__)
_ORPHAN = 75
_LOCK_SECONDS = 60.0


def main(arguments: list[str], handlers: Mapping[str, Handler] = LONG_HANDLERS) -> int:
    """Carry out the job that the supervisor has taken for us."""
    job_id, runner = arguments
    step_back(WORKER)
    logging.basicConfig(level=logging.INFO, format=FORMAT, stream=sys.stderr)
    # What a study left out is shown by the preflight, with names; a log tells nothing about patients.
    logging.getLogger("icicore.training.study").setLevel(logging.ERROR)
    services = build_services(read_settings())
    parent = os.getppid()
    _prefer_as_victim()
    with alone(job_folder(services.settings.home, job_id) / LOCK):
        job = services.jobs.get(job_id)
        if job is None or not services.jobs.beat(job_id, runner)[0]:
            return 0
        if lane_of(job) != CHECKS:
            step_back(LONG_JOB)
        signal.signal(signal.SIGTERM, _stop)
        threading.Thread(target=_stay_alive, args=(services.jobs, job_id, runner, parent), daemon=True).start()
        log.info("%s, try %d", job.kind, job.attempts)
        carry_out(services, job, handlers, runner=runner)
    return 0


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock of a job; waits for a predecessor that is about to end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        end = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    log.warning("another process still works on this job")
                    raise SystemExit(_ORPHAN) from None
                time.sleep(0.2)
        yield


def _stop(_number: int, _frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough; what follows is to end in peace
    raise Cancelled


def _stay_alive(jobs: JobStore, job_id: str, runner: str, parent: int) -> None:
    """Beat; end the process at once when the worker is gone or another one has the job."""
    last = time.monotonic()
    while True:
        time.sleep(0.5)
        if os.getppid() != parent:
            log.warning("the worker is gone; the next one continues this job")
            os._exit(_ORPHAN)
        if time.monotonic() - last < BEAT_SECONDS:
            continue
        last = time.monotonic()
        try:
            held, _ = jobs.beat(job_id, runner)
        except Exception:
            log.exception("the heartbeat could not be written; the next one follows")
            continue
        job = None if held else jobs.get(job_id)
        if job is not None and job.active:
            log.warning("another worker has taken this job")
            os._exit(_ORPHAN)


def _prefer_as_victim() -> None:
    """When memory runs out, Linux is to end this process rather than the app or the worker."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
