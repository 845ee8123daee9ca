"""Reference tiles of a bundle: small pictures and embeddings of some tiles of its training patients. Needs no torch.

Two files beside the bundle, no part of its seal, so that they can be made later: ``tiles.safetensors`` holds what the
tiles are, ``tiles.json`` names the bundle they belong to and the SHA-256 of the other file. Nothing in them says which
patient a tile is from, or which tiles are from one patient.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from icicore.errors import BundleError
from icicore.fingerprint import write_bytes, write_json
from icicore.models.bundle_files import TILES, TILES_NOTE
from icicore.types import F16, I32, Json, Mask

SCHEMA = 1
UNKNOWN = ""
"""Name of a class or site that nobody knows."""
_JPEG = b"\xff\xd8\xff"


@dataclass(frozen=True, eq=False)
class TileLibrary:
    """Tiles (n) in random order.

    Attributes
    ----------
    embeddings : float16 (n, dim), by ``encoder_id``
    pictures : JPEG of each tile as scanned
    tile_class, site : int32 (n,), index into ``classes`` and ``sites``
    responder : bool (n,), whether the patient responded
    side_um : width of a tile in um
    patients : how many training patients the tiles are from
    """

    embeddings: F16
    pictures: tuple[bytes, ...]
    tile_class: I32
    site: I32
    responder: Mask
    classes: tuple[str, ...]
    sites: tuple[str, ...]
    encoder_id: str
    side_um: float
    patients: int

    def __len__(self) -> int:
        return len(self.pictures)

    def of_sites(self, sites: tuple[str, ...] | None) -> Mask:
        """Tiles (n,) of patients of these sites; all for None."""
        if sites is None:
            return np.ones(len(self), np.bool_)
        return np.isin(self.site, [i for i, name in enumerate(self.sites) if name in sites])


def write_tile_library(folder: Path, digest: str, library: TileLibrary) -> None:
    """Write the library of the bundle with this digest, the note last: without it the tensors count for nothing."""
    ends = np.cumsum([len(p) for p in library.pictures], dtype=np.int64)
    tensors = {
        "embeddings": library.embeddings,
        "jpeg": np.frombuffer(b"".join(library.pictures), np.uint8),
        "jpeg.end": ends,
        "class": library.tile_class.astype(np.int32),
        "site": library.site.astype(np.int32),
        "responder": library.responder.astype(np.uint8),
    }
    content = bytes(save_tensors({name: np.ascontiguousarray(value) for name, value in tensors.items()}))
    note: Json = {
        "schema": SCHEMA,
        "bundle": digest,
        "sha256": hashlib.sha256(content).hexdigest(),
        "encoder": library.encoder_id,
        "tiles": len(library),
        "patients": library.patients,
        "side_um": library.side_um,
        "classes": list(library.classes),
        "sites": list(library.sites),
    }
    (folder / TILES_NOTE).unlink(missing_ok=True)
    write_bytes(folder / TILES, content)
    write_json(folder / TILES_NOTE, note)


def read_tile_library(folder: Path, digest: str) -> TileLibrary | None:
    """The library of exactly this bundle; None where there is none.

    Raises
    ------
    BundleError
        the files are not those that belong together, or cannot be read
    """
    path = folder / TILES_NOTE
    if not path.is_file():
        return None
    return _read(folder, digest, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read(folder: Path, digest: str, modified_ns: int) -> TileLibrary | None:
    again = "run icicore bundle tiles again"
    try:
        note = json.loads((folder / TILES_NOTE).read_text(encoding="utf-8"))
        if note["bundle"] != digest:
            return None
        if note["schema"] > SCHEMA:
            raise BundleError(folder / TILES_NOTE, "is newer than this program", remedy="update icicore")
        content = (folder / TILES).read_bytes()
        if hashlib.sha256(content).hexdigest() != note["sha256"]:
            raise BundleError(folder / TILES, f"is not the file that {TILES_NOTE} describes", remedy=again)
        return _library(note, load_tensors(content))
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, IndexError) as error:
        raise BundleError(folder / TILES_NOTE, f"cannot be read ({error})", remedy=again) from error


def _library(note: Json, tensors: dict[str, npt.NDArray[np.generic]]) -> TileLibrary:
    ends = tensors["jpeg.end"].astype(np.int64)
    whole = tensors["jpeg"].tobytes()
    starts = np.concatenate([[0], ends[:-1]])
    pictures = tuple(whole[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True))
    names = {"class": [str(name) for name in note["classes"]], "site": [str(name) for name in note["sites"]]}
    for key, known in names.items():
        if tensors[key].shape != ends.shape or not np.isin(tensors[key], np.arange(len(known))).all():
            raise ValueError(f"a {key} without a name")
    if len(tensors["embeddings"]) != len(ends) or not all(p.startswith(_JPEG) for p in pictures):
        raise ValueError("a tile without a picture")
    return TileLibrary(
        embeddings=tensors["embeddings"].astype(np.float16),
        pictures=pictures,
        tile_class=tensors["class"].astype(np.int32),
        site=tensors["site"].astype(np.int32),
        responder=tensors["responder"].astype(np.bool_),
        classes=tuple(names["class"]),
        sites=tuple(names["site"]),
        encoder_id=str(note["encoder"]),
        side_um=float(note["side_um"]),
        patients=int(note["patients"]),
    )
