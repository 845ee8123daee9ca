"""Long work in chunks that survives being killed and can be shared by several processes.

Every finished chunk is one file, written atomically. A chunk is claimed with an advisory lock that the kernel
releases when its owner dies, so a second process takes over what is missing and repeats nothing else. Each worker
runs single-threaded: which worker computes a chunk cannot change a bit of its result.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from icicore.errors import StorageError
from icicore.fingerprint import write_bytes
from icicore.native import tune_allocator
from icicore.types import Progress

Arrays: TypeAlias = Mapping[str, np.ndarray[Any, Any]]
Compute: TypeAlias = Callable[[int], Arrays]

POLL_SECONDS = 0.2
_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def storage_errors(folder: Path) -> Iterator[None]:
    """Turn a full or read-only disk into one line that a user can act on."""
    try:
        yield
    except (OSError, StorageError) as error:
        cause = error.__cause__ if isinstance(error, StorageError) else error
        number, said = (cause.errno, cause.strerror) if isinstance(cause, OSError) else (None, str(error))
        problem = "the disk is full" if number in _FULL else f"cannot be written ({said})"
        remedy = "make room" if number in _FULL else "check the folder's permissions"
        raise StorageError(
            str(folder), problem, remedy=f"{remedy} and run it again: finished parts are kept"
        ) from error


@contextlib.contextmanager
def file_lock(path: Path, *, block: bool) -> Iterator[bool]:
    """Hold an exclusive advisory lock; yields False when another process or thread holds it."""
    with storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("wb")
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if block else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


@dataclass(frozen=True)
class ChunkStore:
    """Finished chunks in one folder, ``chunk_00000.safetensors`` ..."""

    folder: Path

    def path(self, chunk: int) -> Path:
        """File of a chunk."""
        return self.folder / f"chunk_{chunk:05d}.safetensors"

    def load(self, chunk: int) -> Arrays | None:
        """Arrays of a finished chunk; None when it is absent. A damaged file is removed, and absent."""
        try:
            arrays: Arrays = load_tensors(self.path(chunk).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, ValueError):
            self.path(chunk).unlink(missing_ok=True)
            return None
        return arrays

    def save(self, chunk: int, arrays: Arrays) -> None:
        """Write a chunk atomically."""
        content = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
        with storage_errors(self.folder):
            write_bytes(self.path(chunk), save_tensors(content))

    def fill(self, chunk: int, compute: Compute, finished: Callable[[], bool]) -> bool:
        """Compute a chunk unless it is there; False when somebody else is computing it."""
        with file_lock(self.folder / "locks" / f"{chunk:05d}", block=False) as mine:
            if not mine:
                return False
            if not finished() and not self.path(chunk).exists():
                for stale in self.folder.glob(f".{self.path(chunk).name}.*"):  # its writer was killed
                    stale.unlink(missing_ok=True)
                self.save(chunk, compute(chunk))
        return True

    def clear(self) -> None:
        """Remove all chunks and locks."""
        shutil.rmtree(self.folder, ignore_errors=True)


def default_workers(device: str) -> int:
    """One worker per core on a CPU, at most 16 (each holds some 0.3 GB); at most 8 beside an accelerator."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return min(cores, 16 if torch.device(device).type == "cpu" else 8)


def batch_size(device: str) -> int:
    """Tiles encoded at once: as many as the caches of a core like, or as keep an accelerator busy."""
    return 8 if torch.device(device).type == "cpu" else 64


def run_chunks(
    store: ChunkStore,
    compute: Compute,
    *,
    n_chunks: int,
    workers: int,
    finished: Callable[[], bool],
    progress: Progress,
    what: str,
) -> None:
    """Make sure that all chunks exist, together with any other process that works in the same folder.

    ``finished`` tells that another process has completed and tidied up. ``progress`` is called in this thread
    and may raise to stop: chunks in work are dropped, finished ones stay.
    """
    tune_allocator()
    missing = [i for i in range(n_chunks) if not store.path(i).exists()]
    progress(n_chunks - len(missing), n_chunks, what)
    while missing and not finished():
        left = _one_round(store, compute, missing, workers, finished, lambda n: progress(n_chunks - n, n_chunks, what))
        if len(left) == len(missing):
            time.sleep(POLL_SECONDS)  # the rest is in other hands, or was abandoned a moment ago
            progress(n_chunks - len(left), n_chunks, what)
        missing = [i for i in left if not store.path(i).exists()]


def _one_round(
    store: ChunkStore,
    compute: Compute,
    missing: list[int],
    workers: int,
    finished: Callable[[], bool],
    report: Callable[[int], None],
) -> list[int]:
    """Try every missing chunk once; return those that others hold."""
    stop = threading.Event()
    threads_before = torch.get_num_threads()

    def work(chunk: int) -> bool:
        if stop.is_set():
            return True
        try:
            return store.fill(chunk, compute, finished)
        except BaseException:
            stop.set()  # at once, or a worker would begin another chunk
            raise

    pool = ThreadPoolExecutor(min(workers, len(missing)), initializer=torch.set_num_threads, initargs=(1,))
    done: dict[int, bool] = {}
    try:
        waiting: dict[Future[bool], int] = {pool.submit(work, chunk): chunk for chunk in missing}
        while waiting:
            ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in ready:
                done[waiting.pop(future)] = future.result()
            report(len(missing) - sum(done.values()))
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(threads_before)  # the last setting would hold for every thread started later
    return [chunk for chunk, mine in done.items() if not mine]
