"""Train, validation and test patients: grouped, stratified, fixed by a seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from icicore.errors import StudyError
from icicore.types import I32, Mask

FRACTIONS = (0.70, 0.10, 0.20)
"""Share of patients for training, validation and test."""


@dataclass(frozen=True, eq=False)
class Split:
    """Row indices, int32, of the three parts; disjoint, and no patient is in two of them."""

    train: I32
    val: I32
    test: I32


def split_patients(
    patients: Sequence[str],
    strata: Sequence[str],
    *,
    rng: np.random.Generator,
    fractions: tuple[float, float, float] = FRACTIONS,
) -> Split:
    """Split rows 70:10:20 so that every stratum is divided alike and rows of one patient stay together.

    Parameters
    ----------
    patients : patient of each row; all rows of a patient go to the same part
    strata : stratum of each row, e.g. tumour type and response; a patient counts by its first row
    """
    first: dict[str, str] = {}
    for patient, stratum in zip(patients, strata, strict=True):
        first.setdefault(patient, stratum)
    part_of: dict[str, int] = {}
    debt = np.zeros(3)  # what rounding has withheld from each part so far, so that the totals come out right
    for stratum in sorted(set(first.values())):
        members = np.array(sorted(p for p, s in first.items() if s == stratum))
        rng.shuffle(members)
        wanted = np.array(fractions) * len(members) + debt
        counts = _round_to(wanted, len(members))
        debt = wanted - counts
        for part, chunk in enumerate(np.split(members, np.cumsum(counts)[:-1])):
            part_of |= dict.fromkeys(chunk.tolist(), part)
    parts = np.array([part_of[p] for p in patients])
    return Split(*(np.flatnonzero(parts == k).astype(np.int32) for k in range(3)))


def stratified_folds(rows: I32, labels: Mask, k: int, *, rng: np.random.Generator) -> list[I32]:
    """Divide rows into ``k`` folds with responders spread evenly; every row is in exactly one.

    Raises
    ------
    StudyError
        there are more folds than patients of the rarer class
    """
    classes = [rng.permutation(rows[labels[rows]]), rng.permutation(rows[~labels[rows]])]
    fewest = min(map(len, classes))
    if fewest < k:
        raise StudyError(
            "folds",
            f"{k} folds, but the rarer class has {fewest} training patients",
            expected=f"at most {fewest}",
            remedy="use fewer folds",
        )
    dealt = np.concatenate(classes)  # dealt out one by one, so that fold sizes differ by at most one
    return [np.sort(dealt[fold::k]) for fold in range(k)]


def check_classes(split: Split, labels: Mask, source: str) -> None:
    """Refuse a split in which a part lacks one of the classes."""
    for name in ("train", "val", "test"):
        part = labels[getattr(split, name)]
        if part.all() or not part.any():
            raise StudyError(
                source,
                f"the {name} part has {int(part.sum())} responders of {len(part)} patients",
                expected="both classes in training, validation and test",
                remedy="use a study with more labelled patients",
            )


def _round_to(wanted: np.ndarray[tuple[int], np.dtype[np.float64]], total: int) -> I32:
    """Non-negative integers near ``wanted`` that sum to ``total`` (largest remainder)."""
    counts = np.maximum(np.floor(wanted), 0).astype(np.int32)
    while counts.sum() > total:
        counts[np.argmax(counts - wanted)] -= 1
    while counts.sum() < total:
        counts[np.argmax(wanted - counts)] += 1
    return counts
