"""Long jobs: each in a process of its own, one at a time per device.

The rows are the queue: the supervisor of a worker looks which of them wait, so nothing is lost that a queue could
lose. A process that dies takes nothing along; its job waits again, or fails with the reason after three tries.
"""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from icicore.jobs.heartbeat import BEAT_SECONDS
from icicore.jobs.kinds import LONG, lane_of
from icicore.jobs.outcome import kept_outcome
from icicore.settings import PROJECT
from icicore.store.jobs import CANCELLED, SUCCEEDED, JobRow
from icicore.workflows.job_files import log_path
from icicore.workflows.services import Services

log = logging.getLogger(__name__)
COMMAND = (sys.executable, "-m", "icicore.jobs.child")
POLL_SECONDS = 0.5
GRACE_SECONDS = 3.5
"""From the request to stop until the process is killed; all its writes are atomic, so that loses nothing."""


@dataclass
class Child:
    """A long job under way."""

    job_id: str
    process: "subprocess.Popen[bytes]"
    asked: float | None = field(default=None)
    beaten: float = field(default_factory=time.monotonic)

    def ask_to_stop(self) -> None:
        """Ask once, then insist."""
        now = time.monotonic()
        if self.asked is None:
            self.asked = now
            _signal_group(self.process, signal.SIGTERM)
        elif now - self.asked > GRACE_SECONDS:
            _signal_group(self.process, signal.SIGKILL)


class Supervisor:
    """Starts, watches and stops the processes of long jobs; ``runner`` is the worker's name in their rows."""

    def __init__(self, services: Services, runner: str, *, command: Sequence[str] = COMMAND) -> None:
        self._services, self._runner, self._command = services, runner, tuple(command)
        self._children: dict[str, Child] = {}

    def watch(self, stop: threading.Event) -> None:
        """Look after the long jobs until told to stop."""
        while not stop.wait(POLL_SECONDS):
            try:
                self.look()
            except Exception:
                log.exception("the long jobs could not be looked after; the next look follows")

    def look(self) -> None:
        """Close what ended, stop what was cancelled, start what waits for a free device."""
        for lane, child in list(self._children.items()):
            if child.process.poll() is not None:
                del self._children[lane]
                self._ended(child)
            elif child.asked is not None or self._cancelled(child.job_id):
                child.ask_to_stop()
            elif time.monotonic() - child.beaten > BEAT_SECONDS:
                # On a busy machine a process that gives way to all others may take longer to load than a job may be
                # silent. It lives, so its job does.
                child.beaten = time.monotonic()
                self._services.jobs.beat(child.job_id, self._runner)
        for job in self._services.jobs.waiting(LONG):
            if lane_of(job) not in self._children:
                self._start(job)

    def close(self) -> None:
        """End all processes at an orderly stop; their jobs wait for the next worker."""
        for child in self._children.values():
            child.ask_to_stop()
        end = time.monotonic() + GRACE_SECONDS
        for child in self._children.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.1, end - time.monotonic()))
            if child.process.poll() is None:
                _signal_group(child.process, signal.SIGKILL)
                child.process.wait()
            self._services.jobs.release(child.job_id, self._runner)
        self._children.clear()

    def _cancelled(self, job_id: str) -> bool:
        job = self._services.jobs.get(job_id)
        return job is None or job.cancel or job.runner != self._runner

    def _start(self, job: JobRow) -> None:
        if not self._services.jobs.start(job.job_id, self._runner):
            return
        path = log_path(self._services.settings.home, job.job_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        log.info("job %s (%s) starts on %s", job.job_id, job.kind, lane_of(job))
        with path.open("ab") as output:
            process = subprocess.Popen(
                [*self._command, job.job_id, self._runner],
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # its own helpers end with it, and it has a weight of its own
                env=self._environment(),
            )
        self._children[lane_of(job)] = Child(job.job_id, process)

    def _environment(self) -> dict[str, str]:
        settings = self._services.settings
        # Numbers of GPUs mean the same here and in the list of devices, which the driver orders by bus.
        return {
            **os.environ,
            "ICICORE_HOME": str(settings.home),
            "ICICORE_ROOTS": os.pathsep.join(map(str, settings.roots)),
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
            "PYTHONUNBUFFERED": "1",
        }

    def _ended(self, child: Child) -> None:
        """Close the row of a process that ended without doing so."""
        jobs, code = self._services.jobs, child.process.returncode
        log.info("job %s ended (%d)", child.job_id, code)
        job = jobs.get(child.job_id)
        if job is None or not job.active or job.runner != self._runner:
            return
        found = kept_outcome(self._services.settings.home, job)
        if found is not None:
            jobs.finish(child.job_id, SUCCEEDED, result=found["result"], runner=self._runner)
        elif job.cancel:
            jobs.finish(child.job_id, CANCELLED, runner=self._runner)
        else:
            jobs.give_up_or_retry(child.job_id, self._runner, reason_of(code))


def reason_of(code: int) -> str:
    """Why a process ended, in words."""
    if code == -signal.SIGKILL:
        return "its process was killed, most likely because the machine's memory ran out"
    if code < 0:
        return f"its process was ended by {signal.Signals(-code).name}; see its log"
    return f"its process ended with code {code}; see its log"


def _signal_group(process: "subprocess.Popen[bytes]", number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
