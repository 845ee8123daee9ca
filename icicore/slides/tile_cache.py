"""Encoded tiles in a bounded memory, shared by all open slides; a tile that several ask for is made once."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future

BUDGET_BYTES = 64 * 2**20


class TileCache:
    """Least recently used tiles go first; safe to use from several threads.

    Parameters
    ----------
    budget_bytes : limit of the memory for tiles; 0 keeps none
    """

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        self._budget, self._used = budget_bytes, 0
        self._lock = threading.Lock()
        self._tiles: OrderedDict[Hashable, bytes] = OrderedDict()
        self._making: dict[Hashable, Future[bytes]] = {}

    @property
    def used_bytes(self) -> int:
        """Size of all tiles held."""
        return self._used

    def find(self, key: Hashable) -> bytes | None:
        """Return a tile that is held."""
        with self._lock:
            if key in self._tiles:
                self._tiles.move_to_end(key)
            return self._tiles.get(key)

    def get(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """Return a tile, made by the first who asks; the others wait for it, and share its error."""
        with self._lock:
            if key in self._tiles:
                self._tiles.move_to_end(key)
                return self._tiles[key]
            making = self._making.get(key)
            mine = making is None
            if making is None:
                making = self._making[key] = Future()
        if not mine:
            return making.result()
        try:
            data = make()
        except BaseException as error:
            making.set_exception(error)
            with self._lock:
                self._making.pop(key, None)
            raise
        self._keep(key, data)
        making.set_result(data)
        return data

    def forget(self, owner: Hashable) -> None:
        """Drop all tiles whose key is a tuple that begins with ``owner``."""
        with self._lock:
            for key in [k for k in self._tiles if isinstance(k, tuple) and k[0] == owner]:
                self._used -= len(self._tiles.pop(key))

    def _keep(self, key: Hashable, data: bytes) -> None:
        with self._lock:
            self._making.pop(key, None)
            self._tiles[key] = data
            self._used += len(data)
            while self._used > self._budget and self._tiles:
                _, dropped = self._tiles.popitem(last=False)
                self._used -= len(dropped)
