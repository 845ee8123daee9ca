"""All tiles of one slide as embeddings, with where they lie and how they were made. One file, no pickle."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from icicore.embeddings.tensorfile import write_tensors
from icicore.errors import InputError
from icicore.fingerprint import atomic_path
from icicore.slides.quality import QualityReport
from icicore.slides.stain import StainFit
from icicore.types import F16, F64, I32, Json

SCHEMA = 1


@dataclass(frozen=True)
class BagGrid:
    """The tile grid as it was laid on the slide; see ``icicore.slides.tiling``.

    ``origin_l0`` (x, y) and ``tile_l0`` in level-0 px (fractional), ``mpp`` of the tiles, ``native_mpp`` of level 0.
    """

    origin_l0: tuple[float, float]
    tile_l0: float
    rows: int
    cols: int
    tile_px: int
    mpp: float
    native_mpp: float
    min_tissue: float
    upsampling: float


@dataclass(frozen=True, eq=False)
class Bag:
    """Embeddings of the readable tissue tiles of one slide.

    Attributes
    ----------
    embeddings : float16 (n, dim)
    coords_l0 : float64 (n, 2), top-left x, y
    index : int32 (n, 2), row and column in the grid; row-major order
    slide_digest : SHA-256 of the slide
    encoder_id : ``TileEncoder.identifier``; only bags of the same encoder go together
    spec_key : key of every setting that made this bag
    """

    embeddings: F16
    coords_l0: F64
    index: I32
    slide_digest: str
    grid: BagGrid
    encoder_id: str
    stain: StainFit
    quality: QualityReport
    spec_key: str

    def __len__(self) -> int:
        return len(self.embeddings)

    def save(self, path: Path) -> None:
        """Write atomically as safetensors, with everything else as JSON in its metadata."""
        note: Json = {
            "schema": SCHEMA,
            "slide_digest": self.slide_digest,
            "encoder_id": self.encoder_id,
            "spec_key": self.spec_key,
            "grid": dataclasses.asdict(self.grid),
            "stain": self.stain.to_json(),
            "quality": self.quality.to_json(),
        }
        arrays = {"embeddings": self.embeddings, "coords_l0": self.coords_l0, "index": self.index}
        content = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
        with atomic_path(path) as temporary:
            write_tensors(temporary, content, {"icicore.bag": json.dumps(note, sort_keys=True)})

    @classmethod
    def load(cls, path: Path) -> "Bag":
        """Read a bag.

        Raises
        ------
        InputError : the file is damaged, of another kind, or of a later version.
        """
        try:
            with safe_open(path, framework="np") as file:
                note = json.loads((file.metadata() or {})["icicore.bag"])
                embeddings, coords_l0, index = (file.get_tensor(k) for k in ("embeddings", "coords_l0", "index"))
            if note["schema"] != SCHEMA:
                raise ValueError(f"schema {note['schema']}")
            grid = BagGrid(**{**note["grid"], "origin_l0": tuple(note["grid"]["origin_l0"])})
            stain, quality = StainFit.from_json(note["stain"]), QualityReport.from_json(note["quality"])
        except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
            raise InputError(
                path, f"is not a readable bag ({error})", expected=f"schema {SCHEMA}", remedy="embed the slide again"
            ) from error
        names = {k: str(note[k]) for k in ("slide_digest", "encoder_id", "spec_key")}
        return cls(embeddings, coords_l0, index, grid=grid, stain=stain, quality=quality, **names)


def join_embeddings(bags: Sequence[Bag]) -> F16:
    """Embeddings of all slides of a case as one bag, float16 (sum of n, dim), in the order given.

    Raises
    ------
    InputError : the bags come from different encoders.
    """
    kinds = sorted({bag.encoder_id for bag in bags})
    if len(kinds) != 1:
        raise InputError(
            "bags", f"come from {len(kinds)} encoders ({', '.join(kinds)})", expected="exactly one encoder per case"
        )
    return np.concatenate([bag.embeddings for bag in bags])


def split_tiles(values: np.ndarray[Any, Any], bags: Sequence[Bag]) -> list[np.ndarray[Any, Any]]:
    """Undo `join_embeddings` for any per-tile values, (sum of n, ...) -> one array per bag."""
    if len(values) != sum(map(len, bags)):
        raise ValueError(f"{len(values)} values for {sum(map(len, bags))} tiles")
    return np.split(values, np.cumsum([len(bag) for bag in bags])[:-1])
