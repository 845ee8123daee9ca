"""Bags of the patients of a study: read, or embedded by the caller, and joined into one matrix."""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from icicore.embeddings.bag import Bag
from icicore.errors import StudyError
from icicore.training.study_tables import guarded, read_table
from icicore.training.tile_file import IN_MEMORY_BYTES, TileFile
from icicore.types import F16, I32, Progress

SLIDES = "slides.tsv"

EmbedSlide: TypeAlias = Callable[[Path], Bag]
"""Turns a slide file into its bag; the caller knows backbone and cache."""
Offsets: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True, eq=False)
class StudyTiles:
    """Tiles of all patients of a study.

    Attributes
    ----------
    tiles : float16 (n, dim), patient after patient; a mapped file where there are many
    index : int32 (n, 2), row and column in the grid of its slide
    offsets : int64 (patients + 1,), where the tiles of each patient begin
    first : one bag, for how all were made; None where no patient has one
    digests : of the slides of each patient
    """

    tiles: F16
    index: I32
    offsets: Offsets
    first: Bag | None
    digests: tuple[tuple[str, ...], ...]


def read_tiles(
    folder: Path,
    patients: Sequence[str],
    embed: EmbedSlide | None,
    progress: Progress,
    *,
    limit_bytes: int = IN_MEMORY_BYTES,
) -> StudyTiles:
    """Read the bags of these patients, in their order and for each in that of ``slides.tsv``, one at a time.

    Raises
    ------
    StudyError : a bag is missing, a slide is not embedded, or the bags come from several encoders
    InputError : a bag is damaged, or the disk is full
    """
    place = {patient: number for number, patient in enumerate(patients)}
    listed = _listed(folder, place)
    rows = sorted(listed, key=lambda row: place[row[0]])
    counts, kinds = np.zeros(len(patients), np.int64), set[str]()
    digests: list[list[str]] = [[] for _ in patients]
    index: list[I32] = []
    first: Bag | None = None
    with TileFile(limit_bytes) as file:
        for done, (patient, name) in enumerate(rows):
            progress(done, len(rows), "reading slides")
            bag = _bag(guarded(folder, name), embed)
            kinds.add(bag.encoder_id)
            if len(kinds) > 1:
                raise _several(folder, kinds)
            file.append(bag.embeddings)
            index.append(bag.index.astype(np.int32, copy=False))
            digests[place[patient]].append(bag.slide_digest)
            counts[place[patient]] += len(bag)
            if (patient, name) == listed[0]:
                first = bag
        tiles = file.matrix()
    joined_index = np.concatenate(index) if index else np.zeros((0, 2), np.int32)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return StudyTiles(tiles, joined_index, offsets, first, tuple(tuple(own) for own in digests))


def no_tiles(patients: Sequence[str]) -> StudyTiles:
    """What a study without slides has of them."""
    empty = np.zeros((0, 0), np.float16), np.zeros((0, 2), np.int32), np.zeros(len(patients) + 1, np.int64)
    return StudyTiles(*empty, first=None, digests=((),) * len(patients))


def _listed(folder: Path, patients: Container[str]) -> list[tuple[str, str]]:
    """Patient and file of each slide that is listed once or more."""
    if not (folder / SLIDES).is_file():
        return []
    table = read_table(guarded(folder, SLIDES), ("patient", "path")).drop_duplicates(["patient", "path"])
    pairs = zip(table["patient"], table["path"], strict=True)
    return [(str(patient), str(name)) for patient, name in pairs if patient in patients]


def _several(folder: Path, kinds: Iterable[str]) -> StudyError:
    names = ", ".join(sorted(kinds))
    return StudyError(
        folder / SLIDES, f"bags of {len(set(kinds))} encoders: {names}", expected="one", remedy="embed anew"
    )


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
