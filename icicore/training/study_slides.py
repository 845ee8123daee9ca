"""Bags of the patients of a study: read, or embedded by the caller, and joined into one matrix."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeAlias

import numpy as np

from icicore.embeddings.bag import Bag
from icicore.errors import StudyError
from icicore.training.study_tables import guarded, read_table
from icicore.types import F16, I32, Progress

SLIDES = "slides.tsv"

EmbedSlide: TypeAlias = Callable[[Path], Bag]
"""Turns a slide file into its bag; the caller knows backbone and cache."""
Offsets: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int64]]


def read_bags(
    folder: Path, patients: Sequence[str], embed: EmbedSlide | None, progress: Progress
) -> dict[str, list[Bag]]:
    """Bags by patient, in the order of ``slides.tsv``."""
    if not (folder / SLIDES).is_file():
        return {}
    table = read_table(guarded(folder, SLIDES), ("patient", "path"))
    wanted = table[table["patient"].isin(patients)].drop_duplicates(["patient", "path"])
    bags: dict[str, list[Bag]] = {}
    for done, (patient, name) in enumerate(zip(wanted["patient"], wanted["path"], strict=True)):
        progress(done, len(wanted), "reading slides")
        bags.setdefault(patient, []).append(_bag(guarded(folder, name), embed))
    kinds = sorted({bag.encoder_id for own in bags.values() for bag in own})
    if len(kinds) > 1:
        raise StudyError(
            folder / SLIDES, f"bags of {len(kinds)} encoders: {', '.join(kinds)}", expected="one", remedy="embed anew"
        )
    return bags


def join(bags: Sequence[Sequence[Bag]]) -> tuple[F16, I32, Offsets]:
    """Embeddings and grid indices of all bags one after the other, and where each patient's begin."""
    counts = [sum(len(bag) for bag in own) for own in bags]
    flat = [bag for own in bags for bag in own]
    tiles = np.concatenate([bag.embeddings for bag in flat]) if flat else np.zeros((0, 0), np.float16)
    index = np.concatenate([bag.index for bag in flat]) if flat else np.zeros((0, 2), np.int32)
    return tiles, index.astype(np.int32, copy=False), np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def grid_of(bag: Bag) -> dict[str, float]:
    """What a bundle keeps of the tile grid."""
    grid = asdict(bag.grid)
    return {name: grid[name] for name in ("tile_px", "mpp", "min_tissue")}


def _bag(path: Path, embed: EmbedSlide | None) -> Bag:
    if not path.exists():
        raise StudyError(path, "is listed in slides.tsv but missing", remedy="add it or remove the row")
    if path.suffix == ".safetensors":
        return Bag.load(path)
    if embed is None:
        raise StudyError(path, "is a slide that is not embedded", expected="a bag", remedy="embed it first")
    return embed(path)
