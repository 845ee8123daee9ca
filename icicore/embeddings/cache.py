"""Finished bags on disk, found again under a key that covers everything that made them."""

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path

from icicore.embeddings.bag import Bag
from icicore.embeddings.chunks import ChunkStore
from icicore.errors import InputError
from icicore.fingerprint import fingerprint
from icicore.slides.direct import RESAMPLER
from icicore.slides.stain import REFERENCE
from icicore.slides.tiling import TileGrid
from icicore.types import Json

log = logging.getLogger(__name__)

CHUNK, BATCH = 64, 16
MAPS_BYTES = 256 * 2**20
"""Largest feature maps of a slide that are kept until Grad-CAM has used them: some 1,500 tiles."""
VERSION = 1
"""Raise this when reading, tissue finding, stain fitting or encoding changes an embedding."""


@dataclass(frozen=True)
class EmbeddingSpec:
    """Every setting that can change a bag; each field is part of the key.

    ``mpp`` is the slide's pixel size as used, because a user can correct it; ``encoder`` is
    ``TileEncoder.identity()``.
    """

    slide_digest: str
    mpp: float
    bounds_l0: tuple[int, int, int, int]
    grid: TileGrid
    encoder: Json
    stain: Json = field(default_factory=lambda: {"method": "macenko", **REFERENCE})
    resampler: str = RESAMPLER
    chunk: int = CHUNK
    batch: int = BATCH  # no longer what is encoded at once, which only rounds: kept for the keys of finished bags
    version: int = VERSION

    @property
    def key(self) -> str:
        """64 hex digits."""
        return fingerprint(self)


@dataclass(frozen=True)
class CacheEntry:
    """Files of one specification: ``bag.safetensors``, ``sheet.json``, ``sheet_000.jpg`` ..., and parts in work."""

    folder: Path

    @property
    def bag_path(self) -> Path:
        """The finished bag; written last, so its presence means that everything is there."""
        return self.folder / "bag.safetensors"

    @property
    def sheet_path(self) -> Path:
        """Description of the sprite sheets."""
        return self.folder / "sheet.json"

    @property
    def parts(self) -> ChunkStore:
        """Finished chunks of work under way."""
        return ChunkStore(self.folder / "parts")

    @property
    def maps(self) -> ChunkStore:
        """Feature maps of the finished bag, chunk by chunk, as long as Grad-CAM still needs them."""
        return ChunkStore(self.folder / "maps")

    def sheet_files(self) -> list[Path]:
        """``sheet.json`` and its pages, in order; empty while the bag is not finished."""
        if not self.bag_path.is_file() or not self.sheet_path.is_file():
            return []
        sheet = json.loads(self.sheet_path.read_text(encoding="utf-8"))
        return [self.sheet_path, *(self.folder / page for page in sheet["pages"])]

    def finished(self) -> bool:
        """Whether the bag is complete."""
        return self.bag_path.is_file()


@dataclass(frozen=True)
class EmbeddingCache:
    """A folder of finished bags, shared by any number of processes."""

    folder: Path

    def entry(self, key: str) -> CacheEntry:
        """Files of one specification, present or not."""
        return CacheEntry(self.folder / key[:2] / key)

    def load(self, spec: EmbeddingSpec) -> Bag | None:
        """Finished bag of exactly this specification; None when absent. A damaged one is removed, and absent."""
        entry = self.entry(spec.key)
        if not entry.finished():
            return None
        try:
            bag = Bag.load(entry.bag_path)
        except InputError as error:
            log.warning("cached bag removed: %s", error)
            entry.bag_path.unlink(missing_ok=True)
            return None
        if bag.spec_key != spec.key:
            log.warning("cached bag removed: it was made with other settings than its place says")
            entry.bag_path.unlink(missing_ok=True)
            return None
        return bag
