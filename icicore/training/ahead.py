"""Batches made while the GPU works on the one before: one thread, in the same order, from the same random draws."""

import queue
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_DEPTH = 2
_END = object()


def ahead(batches: Iterable[Any], *, on_gpu: bool) -> Iterable[Any]:
    """The batches as they are for a CPU, whose cores have no time to spare; else made ahead in pinned memory."""
    return Ahead(batches, pin=_pinned) if on_gpu else batches


def _pinned(item: Any) -> Any:
    if isinstance(item, tuple):
        return tuple(_pinned(part) for part in item)
    for name in ("pinned", "pin_memory"):
        if hasattr(item, name):
            return getattr(item, name)()
    return item


@dataclass(frozen=True)
class Ahead(Generic[T]):
    """Iterates over ``batches``, at most two of which wait; an epoch ends before the next one is begun.

    An error of the thread is raised where its batch would have come. Who stops early lets the thread stop too.
    """

    batches: Iterable[T]
    pin: Any = lambda item: item
    depth: int = _DEPTH

    def __len__(self) -> int:
        return len(self.batches)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[T]:
        waiting: queue.Queue[Any] = queue.Queue(self.depth)
        stop = threading.Event()

        def put(item: Any) -> bool:
            while not stop.is_set():
                try:
                    waiting.put(item, timeout=0.1)
                except queue.Full:
                    continue
                return True
            return False

        def work() -> None:
            try:
                for batch in self.batches:
                    if not put((self.pin(batch), None)):
                        return
                put((_END, None))
            except BaseException as error:  # noqa: BLE001 - raised again by who waits for the batch
                put((_END, error))

        thread = threading.Thread(target=work, daemon=True, name="batches")
        thread.start()
        try:
            while True:
                item, error = waiting.get()
                if error is not None:
                    raise error
                if item is _END:
                    return
                yield item
        finally:
            stop.set()
            thread.join()
