"""On which patients a challenger and the champion may be compared, told by the salted hashes in their bundles."""

from dataclasses import dataclass

import numpy as np

from icicore.training.dataset import StudyData
from icicore.training.leakage import case_hash, part_of
from icicore.types import I32, Json

SEEN = ("train", "val")


@dataclass(frozen=True, eq=False)
class FairPatients:
    """Patients of the challenger's test part that neither bundle was trained or tuned on.

    Attributes
    ----------
    rows : int32, of the study
    tested : number of patients in the challenger's test part
    leaked : patients that the challenger was trained or tuned on and that the champion is tested on
    unknown : patients the challenger was trained or tuned on that this study does not hold
    """

    rows: I32
    tested: int
    leaked: tuple[str, ...]
    unknown: int


def fair_patients(study: StudyData, challenger: Json, champion: Json) -> FairPatients:
    """Find them.

    Parameters
    ----------
    challenger, champion : ``cohort`` of the two bundles
    """
    own, other = _parts(study, challenger), _parts(study, champion)
    tested = [i for i, parts in enumerate(own) if parts == {"test"}]
    rows = [i for i in tested if not other[i] & {*SEEN}]
    leaked = [study.patients[i] for i, parts in enumerate(own) if parts & {*SEEN} and "test" in other[i]]
    hashes = challenger.get("case_hashes") or {}
    known = sum(part in SEEN for part in part_of(challenger, study.patients)) if hashes else 0
    listed = sum(len(hashes.get(part, ())) for part in SEEN)
    return FairPatients(np.array(rows, np.int32), len(tested), tuple(leaked), listed - known)


def _parts(study: StudyData, cohort: Json) -> list[set[str]]:
    """Parts of a bundle's cohort in which each patient, or one of the patient's slides, is found."""
    if not cohort.get("case_hashes"):
        return [set() for _ in study.patients]
    salt, slides = cohort["salt"], cohort.get("slide_hashes") or {}
    place = {digest: part for part, digests in slides.items() for digest in digests}
    found = []
    for row, part in enumerate(part_of(cohort, study.patients)):
        own = study.slide_digests[row] if study.slide_digests else ()
        marks = {part, *(place.get(case_hash(salt, digest)) for digest in own)}
        found.append({mark for mark in marks if mark})
    return found
