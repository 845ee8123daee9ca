"""Independent pieces of work in one process per core."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

from icicore.types import Progress

Item = TypeVar("Item")


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
    context = multiprocessing.get_context("spawn")  # a forked child would inherit torch's threads in an undefined state
    with ProcessPoolExecutor(min(len(missing), os.cpu_count() or 1), mp_context=context) as pool:
        futures = [pool.submit(make, item) for item in missing]
        try:
            for future in as_completed(futures):
                future.result()
                done += 1
                progress(done, total, what)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
