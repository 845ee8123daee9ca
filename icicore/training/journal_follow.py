"""A journal that grows, read on from where the last look ended: a live view looks every second or two for hours."""

import os
import threading
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from icicore.training.journal import RunLog, entries_of, note


@dataclass
class Follower:
    """What is known of one journal; ``look`` may be called from several threads."""

    path: Path
    _log: RunLog = field(default_factory=RunLog)
    _offset: int = 0
    _file: tuple[int, int] = (0, 0)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self) -> RunLog:
        """The journal as it is now; a copy, which nobody changes afterwards."""
        with self._lock:
            self._read_on()
            return _copy(self._log)

    def _read_on(self) -> None:
        try:
            with self.path.open("rb") as stream:
                found = os.fstat(stream.fileno())
                if (found.st_dev, found.st_ino) != self._file or found.st_size < self._offset:
                    self._log, self._offset, self._file = RunLog(), 0, (found.st_dev, found.st_ino)
                stream.seek(self._offset)
                added = stream.read()
        except OSError:
            self._log, self._offset, self._file = RunLog(), 0, (0, 0)
            return
        whole = added.rfind(b"\n") + 1  # the last line may still be on its way
        self._offset += whole
        for entry in entries_of(added[:whole].decode("utf-8", errors="replace").splitlines()):
            note(self._log, entry)


@lru_cache(maxsize=16)
def follower(path: Path) -> Follower:
    """The one follower of a journal in this process."""
    return Follower(path)


def _copy(log: RunLog) -> RunLog:
    members = {
        name: replace(m, auc=dict(m.auc), loss=dict(m.loss), train_loss=dict(m.train_loss), rate=dict(m.rate))
        for name, m in log.members.items()
    }
    seconds = {kind: list(values) for kind, values in log.epoch_seconds.items()}
    return replace(log, members=members, epoch_seconds=seconds, notes=list(log.notes))
