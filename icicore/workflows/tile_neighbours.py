"""Tiles that look like one tile to the encoder, by cosine of the embeddings.

In the slides of the case, and among the reference tiles of the bundle where it has some.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from icicore.embeddings.bag import Bag
from icicore.errors import BundleError, InputError
from icicore.models.tile_classes import TILE_CLASSES, load_tile_head
from icicore.slides.stain import StainFit
from icicore.types import F16, F32
from icicore.workflows.cases import CaseResult
from icicore.workflows.cohort_neighbours import CohortLikeness, cohort_likeness
from icicore.workflows.services import Services

BAG_FILE = "bag.json"
"""In the folder of a slide: which bag of embeddings its result was made from."""
MOST_SCANNED = 400
"""Bags looked through for the slide of an older result, which does not name its bag."""


@dataclass(frozen=True)
class Neighbour:
    """A tile that looks alike: its slide (first 16 digits), its number in the bag, and the cosine, -1 to 1."""

    slide: str
    index: int
    cosine: float


@dataclass(frozen=True)
class Likeness:
    """What a tile looks like.

    Attributes
    ----------
    tiles : most alike first, over all slides of the case; the tile itself and its eight neighbours are left out
    n : how many tiles were compared
    classes : name of a tissue class and its probability by the head, largest first; empty without a head
    stain : how the slide's colours were normalised
    bag : key of the bag, which the address of the normalised tile holds
    cohort : the most alike of the bundle's reference tiles; None where it has none, or
        why they cannot be used
    """

    tiles: tuple[Neighbour, ...]
    n: int
    classes: tuple[tuple[str, float], ...]
    stain: StainFit
    bag: str
    cohort: CohortLikeness | str | None = None


def likeness(
    services: Services,
    result: CaseResult,
    slide: str,
    tile: int,
    *,
    most: int = 6,
    sites: tuple[str, ...] | None = None,
) -> Likeness:
    """Tiles of the case, and of the bundle's training patients, that are most like one tile.

    Parameters
    ----------
    most : tiles of each kind
    sites : training patients of these sites only; None for all

    Raises
    ------
    InputError
        The embeddings are no longer there, or hold no such tile.
    """
    bags = {s: find_bag(services, result, s) for s in (str(x["digest"])[:16] for x in result.slides)}
    own = bags.get(slide[:16])
    if own is None or not 0 <= tile < len(own):
        raise InputError(
            "embeddings", "of this slide are not kept any more", remedy="score the case again to compare tiles"
        )
    query = _unit(own.embeddings[tile : tile + 1])[0]
    found: list[Neighbour] = []
    n = 0
    for name, bag in bags.items():
        if bag is None or bag.encoder_id != own.encoder_id:
            continue
        cosine = _unit(bag.embeddings) @ query
        if name == slide[:16]:
            near = np.abs(bag.index - own.index[tile]).max(axis=1) <= 1
            cosine[near] = -np.inf  # what touches the tile is alike because it is the same place
        n += int(np.isfinite(cosine).sum())
        best = np.argsort(-cosine, kind="stable")[:most]
        found += [Neighbour(name, int(i), float(cosine[i])) for i in best if np.isfinite(cosine[i])]
    found.sort(key=lambda x: (-x.cosine, x.slide, x.index))
    cohort: CohortLikeness | str | None
    try:
        cohort = cohort_likeness(services, result, own.embeddings[tile], own.encoder_id, sites=sites, most=most)
    except BundleError as error:
        cohort = str(error)
    return Likeness(tuple(found[:most]), n, _classes(own, tile), own.stain, own.spec_key, cohort)


def _unit(embeddings: F16) -> F32:
    """Rows of length 1, float32; a row of zeros stays."""
    rows = embeddings.astype(np.float32)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6), np.float32)


def _classes(bag: Bag, tile: int) -> tuple[tuple[str, float], ...]:
    head = load_tile_head(bag.encoder_id)
    if head is None:
        return ()
    shares = head(bag.embeddings[tile : tile + 1]).probability[0]
    order = np.argsort(-shares, kind="stable")
    return tuple((TILE_CLASSES[i], float(shares[i])) for i in order)


def stain_of(services: Services, slide: str, bag: str) -> StainFit | None:
    """How the colours of a slide were normalised in the bag with this key; None when it is not that slide's bag."""
    path = _place(services.settings.embeddings_dir, bag)
    found = _loaded(path, path.stat().st_mtime_ns) if path.is_file() else None
    return found.stain if found is not None and found.slide_digest.startswith(slide) else None


def find_bag(services: Services, result: CaseResult, slide: str) -> Bag | None:
    """The bag that a result was made from; None when it is not kept any more."""
    folder = services.settings.embeddings_dir
    path = _place(folder, _key(result, slide) or "none")
    if not path.is_file():
        path = _scanned(folder, slide) or path
    return _loaded(path, path.stat().st_mtime_ns) if path.is_file() else None


def _place(folder: Path, key: str) -> Path:
    """Where the embedding cache keeps a bag; said again here, because the cache itself loads torch."""
    return folder / key[:2] / key / "bag.safetensors"


def _key(result: CaseResult, slide: str) -> str | None:
    path = result.folder / "slides" / slide / BAG_FILE
    return str(json.loads(path.read_text(encoding="utf-8"))["spec_key"]) if path.is_file() else None


@lru_cache(maxsize=256)
def _scanned(folder: Path, slide: str) -> Path | None:
    bags = sorted(folder.glob("*/*/bag.safetensors"), key=lambda p: -p.stat().st_mtime_ns)
    for path in bags[:MOST_SCANNED]:
        try:
            with safe_open(path, framework="np") as file:
                if f'"slide_digest": "{slide}' in (file.metadata() or {}).get("icicore.bag", ""):
                    return path
        except (OSError, SafetensorError):
            continue
    return None


@lru_cache(maxsize=8)
def _loaded(path: Path, modified_ns: int) -> Bag | None:
    try:
        return Bag.load(path)
    except InputError:
        return None
