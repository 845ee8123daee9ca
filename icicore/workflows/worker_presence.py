"""Whether a worker serves this home, told without touching the lock that keeps it single."""

import os
from datetime import UTC, datetime
from pathlib import Path

from icicore.store.jobs import LOST_SECONDS
from icicore.workflows.services import Services

WORKER_LOCK = "worker.lock"
_LOCKS = Path("/proc/locks")


def worker_serves(home: Path) -> bool:
    """Whether a process holds the lock of this home's worker.

    The kernel's list is read, as trying the lock could turn away a worker that is just starting. Where there is no such
    list, the process whose number the file holds must be alive.
    """
    path = home / WORKER_LOCK
    try:
        found = path.stat()
        if _LOCKS.is_file():
            place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
            return any(line.split()[1] == "FLOCK" and place in line.split() for line in _locks())
        os.kill(int(path.read_text() or 0), 0)
    except (OSError, ValueError):
        return False
    return True


def _locks() -> list[str]:
    """Locks that are held; one that is waited for has an arrow in its second column."""
    return [line for line in _LOCKS.read_text().splitlines() if len(line.split()) > 5]


def nobody_works(services: Services) -> bool:
    """Whether jobs would wait for ever: no worker here, and none elsewhere that keeps a job alive.

    With a queue on another machine an idle worker there cannot be seen, so only a job that waits tells.
    """
    if worker_serves(services.settings.home):
        return False
    active = services.jobs.recent(active_only=True)
    now = datetime.now(UTC)
    beats = [job.heartbeat for job in active if job.state == "running" and job.heartbeat is not None]
    if any((now - beat).total_seconds() < LOST_SECONDS for beat in beats):
        return False
    if services.settings.queue_url.startswith("sqlite"):
        return True
    return any((now - job.created).total_seconds() > LOST_SECONDS for job in active)
