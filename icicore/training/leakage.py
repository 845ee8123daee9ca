"""Whether something of a test patient can reach training: by patient, by slide, by content.

A split by row is not enough: one patient may be listed under two spellings, two patients may name one slide file, and
a bag or an expression profile may have been copied. Each of these lets a model recognise what it is tested on, and
each is an error of the study even where both rows fall into the same part, so each is refused.
"""

import hashlib
from collections.abc import Hashable, Sequence

import numpy as np

from icicore.errors import StudyError
from icicore.fingerprint import fingerprint
from icicore.training.dataset import StudyData
from icicore.training.splits import Split, check_classes, split_patients
from icicore.types import Json

_PROFILE_GENES = 100
"""Two patients may share a few equal values; from so many measured genes on, equal profiles are one sample."""
PARTS = ("train", "val", "test")


def checked_split(study: StudyData, seed: int) -> Split:
    """Split 70:10:20 by a recipe's seed; refuse a study that is too small for it or of which something could leak."""
    split = split_patients(study.patients, study.strata, rng=np.random.default_rng([seed, 1]))
    check_classes(split, study.responder, study.name)
    check_leakage(study, split)
    return split


def check_leakage(study: StudyData, split: Split) -> None:
    """Refuse a study of which one patient could be in two parts.

    Raises
    ------
    StudyError
        one line that names the two patients and, where that is it, the slide
    """
    _refuse(study, [[p] for p in map(_spelling, study.patients)], "are one patient", "differ in case or blanks only")
    _refuse(study, study.slide_digests, "share a slide", "the same file, SHA-256 {}")
    _refuse(study, _bag_contents(study), "have the same tiles", "equal embeddings, SHA-256 {}")
    _refuse(study, _profiles(study), "have the same expression profile", "equal in all measured genes, SHA-256 {}")
    parts = [{_spelling(study.patients[i]) for i in getattr(split, part)} for part in PARTS]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        if both := sorted(parts[first] & parts[second]):
            problem = f"patient {both[0]} is in the {PARTS[first]} and the {PARTS[second]} part"
            raise StudyError(study.name, problem, expected="each in one part", remedy="list each patient once")


def part_of(cohort: Json, patients: Sequence[str]) -> list[str | None]:
    """Part that each patient was in when a bundle was trained; None for strangers.

    Parameters
    ----------
    cohort : ``BundleSpec.cohort``, which holds salted hashes and no identifiers
    """
    places = {digest: part for part, digests in cohort["case_hashes"].items() for digest in digests}
    return [places.get(case_hash(cohort["salt"], patient)) for patient in patients]


def check_successor(cohort: Json, study: StudyData, split: Split) -> None:
    """Refuse to train on patients that an earlier bundle is tested on: the two could not be compared any more.

    Raises
    ------
    StudyError
        one line that names the first such patient
    """
    for part in ("train", "val"):
        rows = getattr(split, part)
        before = part_of(cohort, [study.patients[i] for i in rows])
        tested = [study.patients[i] for i, old in zip(rows, before, strict=True) if old == "test"]
        if tested:
            raise StudyError(
                study.name,
                f"{len(tested)} patients of the {part} part, {tested[0]} first, are test patients of the bundle before",
                expected="test patients that no model was trained on",
                remedy="keep the split of that bundle",
            )


def case_hash(salt: str, patient: str) -> str:
    """What a bundle stores instead of a patient's identifier."""
    return fingerprint(salt, patient)[:16]


def _refuse(study: StudyData, marks: Sequence[Sequence[Hashable]], what: str, how: str) -> None:
    """Raise when two patients carry the same mark."""
    owner: dict[Hashable, str] = {}
    pairs: dict[tuple[str, str], Hashable] = {}
    for patient, own in zip(study.patients, marks, strict=bool(marks)):
        for mark in own:
            if owner.setdefault(mark, patient) != patient:
                pairs.setdefault((owner[mark], patient), mark)
    if not pairs:
        return
    (first, second), mark = next(iter(pairs.items()))
    others = f", and {len(pairs) - 1} more such pairs" if len(pairs) > 1 else ""
    raise StudyError(
        study.name,
        f"patients {first} and {second} {what} ({how.format(str(mark)[:12])}){others}",
        expected="nothing of one patient under two names",
        remedy="correct the study, or leave one of them out",
    )


def _spelling(patient: str) -> str:
    return "".join(patient.split()).casefold()


def _bag_contents(study: StudyData) -> list[list[str]]:
    """Digest of all tiles of each patient that has some."""
    bags = np.split(study.tiles, study.offsets[1:-1])
    return [[hashlib.sha256(np.ascontiguousarray(bag).data).hexdigest()] if len(bag) else [] for bag in bags]


def _profiles(study: StudyData) -> list[list[str]]:
    """Digest of each patient's expression, where enough genes were measured."""
    expression = np.array([kind == "expression" for kind in study.token_kinds], np.bool_)
    values, measured = study.gene_values[:, expression], study.gene_measured[:, expression]
    return [
        [hashlib.sha256(own[known].tobytes() + known.tobytes()).hexdigest()] if known.sum() >= _PROFILE_GENES else []
        for own, known in zip(values, measured, strict=True)
    ]
