"""A worker with quick kinds of its own: ``python -m tests.jobs.fake_worker`` and, for long ones, with arguments.

A job that has come to its end appends its id to a file, so a test sees what ran how often. With ``ICICORE_TEST_DIE``
the process is killed once, between the end of a job and its row: ``outcome`` after the outcome is kept.
"""

import os
import signal
import sys
import time
from pathlib import Path

from icicore.fingerprint import atomic_path
from icicore.jobs import child, handlers, outcome, runner, serve
from icicore.jobs.worker import worker_lock
from icicore.settings import read_settings

LONG = "train"


def _fake(services, job, progress):
    for step in range(int(job.parameters.get("steps", 5))):
        progress(step, 5, "working")
        time.sleep(0.02)
    return {"ran": job.job_id}


def _long(services, job, progress):
    """Counts to ``steps`` from the step that its file holds: a checkpoint."""
    what = job.parameters.get("what")
    checkpoint = services.settings.home / f"{job.job_id}.step"
    first = int(checkpoint.read_text()) if checkpoint.exists() else 0
    _note(services, "from", f"{job.job_id} {first}")
    for step in range(first, int(job.parameters.get("steps", 5))):
        with atomic_path(checkpoint) as part:  # killed while it writes, the former step stays
            part.write_text(str(step))
        progress(step, 5, "counting")  # only then: what the row says is kept
        if what == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
        time.sleep(float(job.parameters.get("pause", 0.02)))
    return {"ran": job.job_id}


def _count_and_die(home, job, result):
    """Keep the outcome as the runner does; the effect of a run is counted here, where it becomes final."""
    outcome.keep_outcome(home, job, result)
    with (home / "done.txt").open("a") as file:
        file.write(f"{job.job_id}\n")
    died = home / "died"
    if os.environ.get("ICICORE_TEST_DIE") == "outcome" and not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def _note(services, what, line):
    with (Path(services.settings.home) / f"{what}.txt").open("a") as file:
        file.write(f"{line}\n")


def main() -> int:
    runner.keep_outcome = _count_and_die
    child.step_back = lambda niceness: None  # beside other work on this machine a test would wait for ever
    if len(sys.argv) > 1:
        return child.main(sys.argv[1:], {LONG: _long})
    handlers._HANDLERS["fake"] = _fake
    serve.warm_up = lambda: None
    settings = read_settings()
    with worker_lock(settings.home) as mine:
        if mine:
            serve.serve(settings, command=[sys.executable, "-m", "tests.jobs.fake_worker"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
