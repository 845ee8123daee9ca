"""Which patients of a study may test a bundle."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from icicore.errors import StudyError
from icicore.fingerprint import fingerprint
from icicore.models.spec import BundleSpec
from icicore.training.dataset import StudyData
from icicore.training.pool import aligned_to
from icicore.training.splits import Split
from icicore.types import I32, Mask


@dataclass(frozen=True, eq=False)
class TestPatients:
    """Rows of a study that no bundle was trained, calibrated or chosen on.

    Attributes
    ----------
    rows : row indices of the study
    split : the bundles' common split of this study; None when the study is external to them
    shared_ids : patients of an external study whose identifier also occurs in a training cohort
    """

    __test__ = False  # not a test class, whatever its name says to pytest

    rows: I32
    split: Split | None
    shared_ids: int = 0


def find_test_patients(study: StudyData, specs: Sequence[BundleSpec]) -> TestPatients:
    """Patients that all bundles may be tested on.

    A bundle that was trained on this study is tested on its own held-out patients; for any other bundle all patients
    of the study are new. With bundles of both kinds, the patients common to all remain.

    Raises
    ------
    StudyError
        no patient, or one class only, is left
    """
    allowed = np.ones(len(study), np.bool_)
    splits, shared = [], 0
    for spec in specs:
        parts = {part: _listed(study, spec, part) for part in ("train", "val", "test")}
        seen = parts["train"] | parts["val"]
        if is_own_study(study, spec):
            allowed &= parts["test"]
            splits.append(Split(*(np.flatnonzero(parts[p]).astype(np.int32) for p in ("train", "val", "test"))))
        else:
            shared = max(shared, int((seen | parts["test"]).sum()))
    rows = np.flatnonzero(allowed).astype(np.int32)
    labels = study.responder[rows]
    if not len(rows) or labels.all() or not labels.any():
        raise StudyError(
            study.name,
            f"{len(rows)} test patients with {int(labels.sum())} responders are left for these bundles",
            expected="held-out patients of both classes",
            remedy="use bundles of one training run, or an external study",
        )
    whole = splits and len(splits) == len(specs) and all(_equal(splits[0], s) for s in splits)
    return TestPatients(rows, splits[0] if whole else None, shared)


def is_own_study(study: StudyData, spec: BundleSpec) -> bool:
    """Whether the bundle was trained on this study: the same data, or the same name or all identifiers found again.

    A study that was trained on with others is recognised by its name. Identifiers alone are weak evidence (many cohorts
    have a ``Pt1``), so some shared ones do not make it the same.
    """
    cohort = spec.cohort
    if "salt" not in cohort:
        return False
    if cohort["salt"] == fingerprint(study.digest(), "case hashes")[:16]:
        return True
    found = sum(int(_listed(study, spec, part).sum()) for part in ("train", "val", "test"))
    total = sum(len(hashes) for hashes in cohort["case_hashes"].values())
    named = study.name in (cohort.get("study"), *cohort.get("studies", ()))
    return found > 0 and (named or found == total)


def on_scale_of(spec: BundleSpec, study: StudyData) -> StudyData:
    """The study on the gene scale of a bundle.

    One that the bundle was not trained on comes from other laboratories and is aligned; so is a part of a pool, as it
    was for training.
    """
    as_trained = is_own_study(study, spec) and bool(study.pooled) == bool(spec.cohort.get("studies"))
    return study if as_trained else aligned_to(study, spec.token_scaler)


def _listed(study: StudyData, spec: BundleSpec, part: str) -> Mask:
    if "salt" not in spec.cohort:
        return np.zeros(len(study), np.bool_)
    hashes = set(spec.cohort["case_hashes"].get(part, ()))
    return np.array([fingerprint(spec.cohort["salt"], p)[:16] in hashes for p in study.patients], np.bool_)


def _equal(a: Split, b: Split) -> bool:
    return all(np.array_equal(getattr(a, p), getattr(b, p)) for p in ("train", "val", "test"))
