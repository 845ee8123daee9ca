"""Explanation grids as the browser gets them, kept in memory: changing a layer must not read and hash a file anew."""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BUDGET_BYTES = 32 * 2**20


def content_digest(content: bytes) -> str:
    """First 16 hexadecimal digits of the SHA-256."""
    return hashlib.sha256(content).hexdigest()[:16]


@dataclass(frozen=True)
class Grid:
    """A layer: little-endian float32, row by row, with its digest."""

    content: bytes
    rows: int
    cols: int
    digest: str


class GridCache:
    """Grids by file and its state, the least recently used dropped first; safe to use from several threads."""

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        self._budget, self._used, self._lock = budget_bytes, 0, threading.Lock()
        self._grids: OrderedDict[tuple[Path, int, int, int], Grid] = OrderedDict()

    def find(self, path: Path) -> Grid:
        """Grid of a file as it is now; raises OSError when it is gone, ValueError or EOFError when it is damaged."""
        state = path.stat()
        key = (path, state.st_ino, state.st_mtime_ns, state.st_size)  # files are replaced, never written into
        with self._lock:
            if key in self._grids:
                self._grids.move_to_end(key)
                return self._grids[key]
        grid = _read(path)
        with self._lock:
            if key not in self._grids:
                self._grids[key] = grid
                self._used += len(grid.content)
            while self._used > self._budget and self._grids:
                _, dropped = self._grids.popitem(last=False)
                self._used -= len(dropped.content)
        return grid


def _read(path: Path) -> Grid:
    values = np.load(path, allow_pickle=False)
    content = np.ascontiguousarray(values, dtype="<f4").tobytes()
    return Grid(content, int(values.shape[0]), int(values.shape[-1]), content_digest(content))
