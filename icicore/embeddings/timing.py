"""Where the time of embedding a slide goes, and what bounds it: decoding tiles or the network."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

READ, NETWORK, WAIT = "read", "network", "wait"
DECODE_BOUND, NETWORK_BOUND = "decode", "network"


@dataclass(frozen=True)
class Breakdown:
    """Seconds of work on one slide.

    Attributes
    ----------
    tiles : number of tiles encoded
    wall_s : on the clock
    workers : threads that read, and without an accelerator also encode
    read_s, network_s : added up over the workers: reading with stain and sprites; the network
    wait_s : added up over the workers: waiting for an accelerator that others use
    accelerated : whether the network has a processor of its own
    """

    tiles: int
    wall_s: float
    workers: int
    read_s: float
    network_s: float
    wait_s: float
    accelerated: bool

    @property
    def bound_by(self) -> str:
        """``decode`` or ``network``, whichever kept its processors busy for the larger share of the time."""
        network = self.network_s / (1 if self.accelerated else self.workers)
        return DECODE_BOUND if self.read_s / self.workers >= network else NETWORK_BOUND

    def __str__(self) -> str:
        per = 1000 / max(1, self.tiles)
        waiting = f", waiting {self.wait_s * per:.1f} ms" if self.accelerated else ""
        return (
            f"{self.tiles} tiles in {self.wall_s:.1f} s on {self.workers} workers: per tile reading "
            f"{self.read_s * per:.1f} ms, network {self.network_s * per:.1f} ms{waiting}; bounded by {self.bound_by}"
        )


class Timing:
    """Adds up what workers spent; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock, self._seconds, self._tiles = threading.Lock(), {READ: 0.0, NETWORK: 0.0, WAIT: 0.0}, 0
        self._begun = time.perf_counter()

    @contextmanager
    def spent(self, step: str) -> Iterator[None]:
        """Add the time inside the block to a step."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.add(step, time.perf_counter() - start)

    def add(self, step: str, seconds: float) -> None:
        """Add seconds to a step."""
        with self._lock:
            self._seconds[step] += seconds

    def count(self, tiles: int) -> None:
        """Add tiles that were encoded."""
        with self._lock:
            self._tiles += tiles

    def breakdown(self, *, workers: int, accelerated: bool) -> Breakdown:
        """What was spent since the start."""
        wall = time.perf_counter() - self._begun
        with self._lock:
            read, network, wait = (self._seconds[step] for step in (READ, NETWORK, WAIT))
            return Breakdown(self._tiles, wall, workers, read, network, wait, accelerated)
