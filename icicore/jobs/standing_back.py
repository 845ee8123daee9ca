"""How much of the processor background work gets: the pages and tiles of the app come first."""

import contextlib
import os
import time
from pathlib import Path

WORKER, LONG_JOB = 5, 15
"""Niceness of the worker with its short jobs and of checks that somebody waits for, and of all other long jobs."""
_AUTOGROUP = Path("/proc/self/autogroup")
_TRIES, _PAUSE = 5, 0.15


def step_back(niceness: int) -> None:
    """Lower the weight of this process; one that is lower already stays so.

    Linux first shares the processor among sessions and heeds niceness only inside each of them. A worker is a session
    of its own, so its niceness alone would leave it half of a core that the app needs. The weight of a session is set
    by its leader only: a worker in somebody's terminal must not slow the terminal down.

    With ``ICICORE_STEP_BACK=0`` nothing steps back: beside other programs that are always busy a job would crawl.
    """
    if os.environ.get("ICICORE_STEP_BACK", "1") == "0":
        return
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, 0, max(niceness, os.getpriority(os.PRIO_PROCESS, 0)))
    if hasattr(os, "getsid") and os.getsid(0) == os.getpid():
        _step_back_as_session(niceness)


def _step_back_as_session(niceness: int) -> None:
    for _ in range(_TRIES):  # the kernel takes such a change ten times a second at most, from all processes together
        try:
            with _AUTOGROUP.open("r+") as autogroup:  # never makes a file
                autogroup.write(str(niceness))
        except BlockingIOError:
            time.sleep(_PAUSE)
        except OSError:  # no Linux, a kernel without sessions' weights, or a container that hides them
            return
        else:
            return
