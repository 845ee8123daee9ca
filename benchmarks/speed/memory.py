"""Peak memory of a process and all that it starts, seen from outside.

``ru_maxrss`` will not do: on Linux a process that was started by a large one begins with the large one's peak. The
high-water mark of ``/proc/PID/status`` begins anew with every program.
"""

import os
import threading
from collections.abc import Iterable
from pathlib import Path

STEP_S = 0.25


def own_peak_mb() -> float:
    """High-water mark of this process, MB; nan where the system does not tell."""
    return _mark_mb(os.getpid()) or float("nan")


class TreeWatch:
    """Largest sum of the high-water marks of the processes alive at one moment, looked at four times a second.

    Pages that processes share count once for each, so of a tree it is an upper bound; of one process it is exact
    to what it took after the last look.
    """

    def __init__(self, pid: int) -> None:
        self.peak_mb, self._pid = 0.0, pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def finish(self) -> float:
        """Stop looking; the peak in MB."""
        self._stop.set()
        self._thread.join()
        return self.peak_mb

    def _look(self) -> None:
        while not self._stop.wait(STEP_S):
            self.peak_mb = max(self.peak_mb, sum(_mark_mb(pid) for pid in [self._pid, *descendants(self._pid)]))


def descendants(pid: int) -> list[int]:
    """Processes that a process started, and those that these started."""
    found: list[int] = []
    for child in _children(pid):
        found += [child, *descendants(child)]
    return found


def _children(pid: int) -> Iterable[int]:
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(word) for thread in threads for word in (thread / "children").read_text().split()]
    except OSError:
        return []


def _mark_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1e3 for line in lines if line.startswith("VmHWM")), 0.0)
