"""Heartbeats of the short jobs of this process, and the watch for jobs whose process fell silent."""

import hashlib
import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from icicore.store.jobs import JobStore

log = logging.getLogger(__name__)
BEAT_SECONDS = 5.0


def runner_prefix(home: Path) -> str:
    """What the runner names of all workers of a home on this machine begin with."""
    return f"{socket.gethostname()[:60]}:{hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:12]}:"


class Beats:
    """The short jobs that this process is running; ``runner`` is its name in their rows, empty outside a worker."""

    def __init__(self) -> None:
        self.runner = ""
        self._running: set[str] = set()
        self._lock = threading.Lock()

    def name_runner(self, home: Path) -> str:
        """Take a name that no other process has."""
        self.runner = f"{runner_prefix(home)}{os.getpid()}:{secrets.token_hex(4)}"
        return self.runner

    @contextmanager
    def of(self, job_id: str) -> Iterator[None]:
        """Keep a job alive inside the block."""
        with self._lock:
            self._running.add(job_id)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(job_id)

    @property
    def running(self) -> list[str]:
        """Jobs under way."""
        with self._lock:
            return sorted(self._running)


BEATS = Beats()
"""Of this process."""


def keep_beating(
    jobs: JobStore,
    retry: Callable[[str], object],
    stop: threading.Event,
    *,
    seconds: float = BEAT_SECONDS,
    settle: Callable[[], object] = lambda: None,
) -> None:
    """Until stopped: beat for the jobs of this process, and hand those that fell silent elsewhere to ``retry``.

    ``settle`` closes before that the rows of those that are finished.
    """
    while not stop.wait(seconds):
        try:
            for job_id in BEATS.running:
                jobs.beat(job_id, BEATS.runner)
            settle()
            for job_id in jobs.requeue_silent():
                log.warning("job %s lost its process and waits again", job_id)
                retry(job_id)
        except Exception:
            log.exception("the heartbeat could not be written; the next one follows")
