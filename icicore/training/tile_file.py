"""Tile embeddings of many bags as one matrix: in memory where they fit easily, else in a file that is mapped.

The file has no name, so it is gone with the process. Pages that were read stay only as long as nothing else needs the
memory: training on ten thousand bags takes no more of it than training on a hundred.
"""

import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from icicore.embeddings.chunks import storage_errors
from icicore.types import F16

IN_MEMORY_BYTES = 2**30


class TileFile:
    """Collects rows of one width, float16; ``matrix`` gives them back in the order they came in.

    Parameters
    ----------
    limit_bytes : what is held in memory; beyond it rows go to a file
    """

    def __init__(self, limit_bytes: int = IN_MEMORY_BYTES) -> None:
        self._limit, self._held, self._dim, self._rows = limit_bytes, list[F16](), 0, 0
        self._file: IO[bytes] | None = None

    def __enter__(self) -> "TileFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()  # a mapping of it lives on

    def append(self, rows: F16) -> None:
        """Add the rows (n, dim) of a bag.

        Raises
        ------
        InputError : the disk is full
        ValueError : another width than before
        """
        self._dim = self._dim or rows.shape[1]
        if rows.shape[1] != self._dim:
            raise ValueError(f"embeddings of {rows.shape[1]} numbers after some of {self._dim}")
        self._rows += len(rows)
        if self._file is None:
            self._held.append(rows)
            if sum(part.nbytes for part in self._held) > self._limit:
                self._to_disk()
        else:
            self._write(rows)

    def matrix(self) -> F16:
        """All rows (n, dim), float16; a mapped file where there are many."""
        if self._file is None:
            return np.concatenate(self._held) if self._held else np.zeros((0, 0), np.float16)
        with storage_errors(scratch_folder()):
            self._file.flush()
        # Copy-on-write only because torch asks for arrays that can be written; nobody writes.
        return np.memmap(self._file, np.float16, "c", shape=(self._rows, self._dim))

    def _to_disk(self) -> None:
        with storage_errors(scratch_folder()):
            self._file = tempfile.TemporaryFile(dir=scratch_folder())  # noqa: SIM115 - closed on exit
        while self._held:
            self._write(self._held.pop(0))

    def _write(self, rows: F16) -> None:
        assert self._file is not None  # noqa: S101 - set before
        with storage_errors(scratch_folder()):
            self._file.write(np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data)


def joined(parts: Sequence[F16] | Iterable[F16], limit_bytes: int = IN_MEMORY_BYTES) -> F16:
    """Rows of all parts one after the other, float16 (n, dim); see `TileFile`."""
    with TileFile(limit_bytes) as file:
        for part in parts:
            file.append(part)
        return file.matrix()


def scratch_folder() -> Path:
    """Where large temporary files go: ``TMPDIR``, else ``/var/tmp``, which unlike ``/tmp`` is never in memory."""
    if chosen := os.environ.get("TMPDIR"):
        return Path(chosen)
    usual = Path("/var/tmp")  # noqa: S108 - the file is created without a name
    return usual if usual.is_dir() and os.access(usual, os.W_OK) else Path(tempfile.gettempdir())
