"""A worker with quick kinds of its own: ``python -m tests.jobs.fake_worker`` and, for long ones, with arguments.

A run of ``fake`` appends its job id to a file when it ends, so a test sees what ran how often.
"""

import os
import signal
import sys
import time
from pathlib import Path

from icicore.jobs import child, handlers, serve
from icicore.jobs.worker import worker_lock
from icicore.settings import read_settings

LONG = "train"


def _fake(services, job, progress):
    for step in range(int(job.parameters.get("steps", 5))):
        progress(step, 5, "working")
        time.sleep(0.02)
    _note(services, "done", job.job_id)
    return {"ran": job.job_id}


def _long(services, job, progress):
    """Counts to ``steps`` from the step that its file holds: a checkpoint."""
    what = job.parameters.get("what")
    checkpoint = services.settings.home / f"{job.job_id}.step"
    first = int(checkpoint.read_text()) if checkpoint.exists() else 0
    _note(services, "from", f"{job.job_id} {first}")
    for step in range(first, int(job.parameters.get("steps", 5))):
        progress(step, 5, "counting")
        checkpoint.write_text(str(step))
        if what == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
        time.sleep(float(job.parameters.get("pause", 0.02)))
    _note(services, "done", job.job_id)
    return {"ran": job.job_id}


def _note(services, what, line):
    with (Path(services.settings.home) / f"{what}.txt").open("a") as file:
        file.write(f"{line}\n")


def main() -> int:
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
