"""How the native libraries below Python use memory and cores."""

import contextlib
import ctypes
import functools
import platform
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_blas = threading.Lock()
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX, M_ARENA_MAX = -1, -2, -4, -8


def tune_allocator() -> bool:
    """Keep freed memory inside this process (glibc only); True when it was done.

    By default glibc maps and unmaps every activation of a network anew, and the page faults cost as much time
    as the arithmetic (measured: 34 against 23 ms of CPU time per tile). The price: memory once used stays with the
    process until it ends. Threads that allocated before keep heaps of their own, which still come and go: so it is
    called first thing in a process that will embed (measured on an 8-bit network: 250 page faults per tile where it
    was called late, none where it was called first). Calling it again changes nothing.
    """
    if not sys.platform.startswith("linux") or platform.libc_ver()[0] != "glibc":
        return False
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        settings = ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, 256 << 20), (M_ARENA_MAX, 1))
        return all(libc.mallopt(option, value) for option, value in settings)
    return False


def release_memory() -> None:
    """Give what was freed back to the system (glibc only), after work on much more memory than comes after it."""
    if sys.platform.startswith("linux") and platform.libc_ver()[0] == "glibc":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").malloc_trim(0)


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep NumPy's linear algebra to the calling thread inside the block.

    Its helpers wait for the next product by spinning, some 0.05 s each time, on cores that workers need: after one
    product of a few milliseconds that was 0.1 s of CPU time per slide. Blocks of several threads take turns.
    """
    with _blas, _linear_algebra().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _linear_algebra() -> "ThreadpoolController":
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
