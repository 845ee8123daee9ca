"""A small head on tile embeddings: what a tile shows, how many lymphocytes, and how much of it is tumour.

It looks at one tile at a time and knows nothing of response; the shipped weights were fitted on virtual tiles alone.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from icicore.errors import BundleError
from icicore.fingerprint import write_bytes, write_json
from icicore.types import F32, Json

TILE_CLASSES = ("lymphocytes", "tumour", "stroma", "necrosis", "fat", "background", "artefact")
"""Order of the classes; bleeding counts as necrosis, because neither is tumour, stroma or readable tissue."""
MOST_LYMPHOCYTES = 20_000.0
"""Cells per mm2 beyond which no tissue goes; predictions are cut there."""
TILE_UM = 128.0
"""Side of the tiles that a head reads: 256 px at 0.5 um/px."""
TABLES = Path(__file__).parent / "tables"

SPOILED = ("necrosis", "artefact")
"""Classes that say nothing about living tissue."""

_SCHEMA = 1
_WEIGHTS = ("mean", "scale", "hidden.weight", "hidden.bias", "out.weight", "out.bias")
FAR = 6.0
"""Standardised embeddings are cut here, so that one strange channel of a foreign slide cannot decide alone."""

_ROWS = 4096
"""Tiles per step: a slide of 50,000 tiles would else need a gigabyte."""

_Ids: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TilePredictions:
    """What the head says of n tiles.

    Attributes
    ----------
    probability : (n, 7) over ``TILE_CLASSES``, rows sum to 1
    lymphocytes_per_mm2 : (n,) expected lymphocytes per mm2 of tissue
    tumour_share : (n,) tumour / (tumour + stroma) by area within the tile
    """

    probability: F32
    lymphocytes_per_mm2: F32
    tumour_share: F32

    @property
    def tile_class(self) -> _Ids:
        """Most probable class of each tile, index into ``TILE_CLASSES``."""
        return np.asarray(self.probability.argmax(axis=1), np.int64)

    @property
    def log_density(self) -> F32:
        """Natural logarithm of lymphocytes per mm2, at least 0."""
        return np.asarray(np.log(np.maximum(self.lymphocytes_per_mm2, 1.0)), np.float32)


def fits_scale(tile_px: int, mpp: float) -> bool:
    """Whether tiles of so many px at so many um/px are of the size that a head reads."""
    return abs(tile_px * mpp - TILE_UM) <= 0.01 * TILE_UM


def readable_share(tile_class: _Ids) -> float:
    """Share of tiles (n,), indices into ``TILE_CLASSES``, that are neither necrosis nor artefact; 1 without tiles."""
    spoiled = np.isin(tile_class, [TILE_CLASSES.index(name) for name in SPOILED])
    return float(1 - spoiled.mean()) if len(spoiled) else 1.0


@dataclass(frozen=True, eq=False)
class TileClassHead:
    """Standardise, one hidden layer with ReLU, and nine outputs: class logits, log density, logit of tumour share.

    Attributes
    ----------
    encoder_id : ``TileEncoder.identifier`` of the embeddings that it reads
    weights : the six arrays named in the file
    card : how it was fitted and how well it did, as in the JSON beside the weights
    """

    encoder_id: str
    weights: dict[str, F32]
    card: Json

    def __call__(self, embeddings: npt.NDArray[np.floating[Any]]) -> TilePredictions:
        """Predict for embeddings (n, dim), any float type.

        Raises
        ------
        BundleError : the embeddings have another width.
        """
        w = self.weights
        if embeddings.ndim != 2 or embeddings.shape[1] != len(w["mean"]):
            raise BundleError(
                "tile-class head",
                f"got embeddings of shape {tuple(embeddings.shape)}",
                expected=f"(n, {len(w['mean'])}), of the encoder {self.encoder_id}",
            )
        parts = [self._outputs(embeddings[i : i + _ROWS]) for i in range(0, len(embeddings), _ROWS)]
        n = len(TILE_CLASSES)
        out = np.concatenate(parts) if parts else np.zeros((0, n + 2), np.float32)
        logits = np.exp(out[:, :n] - out[:, :n].max(axis=1, keepdims=True, initial=-np.inf))
        return TilePredictions(
            probability=np.asarray(logits / logits.sum(axis=1, keepdims=True), np.float32),
            lymphocytes_per_mm2=np.exp(np.clip(out[:, n], 0.0, np.log(MOST_LYMPHOCYTES))).astype(np.float32),
            tumour_share=np.asarray(1 / (1 + np.exp(-np.clip(out[:, n + 1], -30, 30))), np.float32),
        )

    def _outputs(self, embeddings: npt.NDArray[np.floating[Any]]) -> F32:
        """Raw outputs (n, 9)."""
        w = self.weights
        hidden = np.maximum(self.before_hidden(embeddings), 0)
        return np.asarray(hidden @ w["out.weight"].T + w["out.bias"], np.float32)

    def before_hidden(self, embeddings: npt.NDArray[np.floating[Any]]) -> F32:
        """Values (n, k) of the hidden units before their ReLU."""
        w = self.weights
        x = np.clip((embeddings.astype(np.float32) - w["mean"]) / w["scale"], -FAR, FAR)
        return np.asarray(x @ w["hidden.weight"].T + w["hidden.bias"], np.float32)

    def save(self, folder: Path) -> Path:
        """Write ``tile_classes_<backbone>.safetensors`` and the JSON beside it; returns the path of the weights."""
        path = _place(folder, self.encoder_id)
        content = save_tensors({name: np.ascontiguousarray(self.weights[name], np.float32) for name in _WEIGHTS})
        note: Json = {
            "schema": _SCHEMA,
            "encoder_id": self.encoder_id,
            "classes": list(TILE_CLASSES),
            "weights_sha256": hashlib.sha256(content).hexdigest(),
            "card": self.card,
        }
        write_bytes(path, content)
        write_json(path.with_suffix(".json"), note)
        return path

    @classmethod
    def load(cls, path: Path, *, encoder_id: str) -> "TileClassHead":
        """Read a head for one encoder.

        Raises
        ------
        BundleError : damaged, of another version, or fitted on embeddings of another encoder.
        """
        try:
            note = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            content = path.read_bytes()
            weights = load_tensors(content)
            if note["schema"] != _SCHEMA or tuple(note["classes"]) != TILE_CLASSES or set(weights) != set(_WEIGHTS):
                raise ValueError("written by another version")
            if hashlib.sha256(content).hexdigest() != note["weights_sha256"]:
                raise ValueError("its weights are not those that its JSON names")
            fitted_on, card = str(note["encoder_id"]), note["card"]
        except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
            raise BundleError(
                path, f"is no readable tile-class head ({error})", remedy="run benchmarks/tile_classes.py --write"
            ) from error
        if fitted_on != encoder_id:
            raise BundleError(
                path,
                f"reads embeddings of {fitted_on}",
                expected=f"a head for {encoder_id}",
                remedy="fit one with benchmarks/tile_classes.py --backbone NAME --write",
            )
        return cls(fitted_on, weights, card)


def load_tile_head(encoder_id: str, *, folder: Path = TABLES) -> TileClassHead | None:
    """Return the head shipped for an encoder, None when there is none for exactly these weights.

    Raises
    ------
    BundleError : there is one and it cannot be read.
    """
    path = _place(folder, encoder_id)
    if not path.exists() or _encoder_of(path) != encoder_id:
        return None
    return TileClassHead.load(path, encoder_id=encoder_id)


def _place(folder: Path, encoder_id: str) -> Path:
    backbone = "".join(c if c.isalnum() else "_" for c in encoder_id.partition("@")[0])
    return folder / f"tile_classes_{backbone}.safetensors"


def _encoder_of(path: Path) -> str | None:
    """Encoder that the JSON names; a JSON that cannot be read is left for `TileClassHead.load` to complain about."""
    try:
        return str(json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["encoder_id"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BundleError(
            path.with_suffix(".json"), f"cannot be read ({error})", remedy="install the program again"
        ) from error
