"""Open slides, kept within bounds and shared by the server's threads."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeAlias

from icicore.slides.deepzoom import DeepZoomSource
from icicore.slides.reader import open_slide
from icicore.slides.tile_cache import TileCache
from icicore.types import Rgb

FindSlide: TypeAlias = Callable[[str], tuple[Path, float | None] | None]
"""Slide id (16 hexadecimal digits) to path and stated mpp; None when the slide is not known."""


class TileSource(Protocol):
    """What the routes need of a deep-zoom slide; level numbers as in OpenSeadragon. Thread-safe."""

    @property
    def width(self) -> int:
        """Width of the scanned area, level-0 px."""

    @property
    def height(self) -> int:
        """Height of the scanned area, level-0 px."""

    @property
    def origin_l0(self) -> tuple[int, int]:
        """Top left corner of the scanned area on the slide."""

    @property
    def tile_size(self) -> int:
        """Side of a tile, px."""

    @property
    def min_level(self) -> int:
        """Coarsest level served."""

    @property
    def max_level(self) -> int:
        """Full resolution."""

    def tile(self, level: int, col: int, row: int) -> bytes:
        """JPEG of one tile; raises ValueError when out of range."""

    def ready_tile(self, level: int, col: int, row: int) -> bytes | None:
        """JPEG of a tile that needs no decoding; None for others, also where there is no such tile."""

    def region(self, x_l0: float, y_l0: float, size_l0: float, size_px: int) -> Rgb:
        """Square cut of the slide, shape (size_px, size_px, 3)."""

    def close(self) -> None:
        """Release the file."""


OpenSource: TypeAlias = Callable[[Path, float | None], TileSource]


class _Entry:
    def __init__(self) -> None:
        self.opening = threading.Lock()
        self.source: TileSource | None = None
        self.users = 0
        self.evicted = False


class SourcePool:
    """At most ``limit`` open slides, least recently used first out; a slide in use is closed by its last user."""

    def __init__(self, find: FindSlide, open_source: OpenSource, *, limit: int = 8) -> None:
        self._find, self._open_source, self._limit = find, open_source, limit
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    @contextmanager
    def use(self, slide: str) -> Iterator[TileSource]:
        """Hold a slide open; raises KeyError when it is not known, SlideError or OSError when it cannot be opened."""
        entry = self._enter(slide)
        try:
            yield self._opened(entry, slide)
        finally:
            self._leave(entry)

    def opened(self, slide: str) -> TileSource | None:
        """The source of a slide that is open now, without waiting; it stays usable for reading stored tiles."""
        with self._lock:
            entry = self._entries.get(slide)
            if entry is None:
                return None
            self._entries.move_to_end(slide)
            return entry.source

    def _enter(self, slide: str) -> _Entry:
        with self._lock:
            entry = self._entries.setdefault(slide, _Entry())
            self._entries.move_to_end(slide)
            entry.users += 1
            while len(self._entries) > self._limit:
                _, old = self._entries.popitem(last=False)
                old.evicted = True
                if old.users == 0 and old.source is not None:
                    old.source.close()
            return entry

    def _opened(self, entry: _Entry, slide: str) -> TileSource:
        with entry.opening:  # one thread opens, the others wait for the same slide only
            if entry.source is None:
                found = self._find(slide)
                if found is None:
                    raise KeyError(slide)
                entry.source = self._open_source(*found)
            return entry.source

    def _leave(self, entry: _Entry) -> None:
        with self._lock:
            entry.users -= 1
            if entry.evicted and entry.users == 0 and entry.source is not None:
                entry.source.close()


class _SlideSource(DeepZoomSource):
    def close(self) -> None:
        self.forget()
        self.reader.close()


_encoded = TileCache()
"""One limit for the tiles of all slides of this process."""


def open_deepzoom(path: Path, mpp: float | None) -> TileSource:
    """Open a slide file for display."""
    return _SlideSource(open_slide(path, mpp=mpp), cache=_encoded)
