"""Independent pieces of work in one process per core."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

from icicore.types import Progress

Item = TypeVar("Item")
_WATCH_S = 1.0


def worker_pool(workers: int) -> ProcessPoolExecutor:
    """Fresh processes that end soon after this one, however it ends; after a ``kill -9`` nobody else stops them."""
    context = multiprocessing.get_context("spawn")  # a forked child would inherit torch's threads in an undefined state
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with, initargs=(os.getpid(),))


def _end_with(parent: int) -> None:
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    os._exit(1)  # a worker holds both ends of its queue, so it would wait for ever


def run_missing(
    make: Callable[[Item], None], missing: Sequence[Item], *, total: int, progress: Progress, what: str
) -> None:
    """Call ``make`` on every missing item, each in some worker process, and report progress out of ``total``.

    ``make`` must be importable and keep its result itself, so that an interrupted run continues. The first error, or
    what ``progress`` raises, cancels what has not begun.
    """
    done = total - len(missing)
    progress(done, total, what)
    if not missing:
        return
    with worker_pool(min(len(missing), os.cpu_count() or 1)) as pool:
        futures = [pool.submit(make, item) for item in missing]
        try:
            for future in as_completed(futures):
                future.result()
                done += 1
                progress(done, total, what)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
