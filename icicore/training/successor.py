"""Train after a bundle: keep its test patients apart, and begin with its weights.

Both rest on the salted hashes that a bundle stores, which name nobody: only somebody who has the study can tell which
of its patients the bundle knew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np

from icicore.errors import StudyError
from icicore.fingerprint import fingerprint
from icicore.models.bundle import ModelBundle
from icicore.models.multimodal import ModelConfig, MultimodalModel
from icicore.training.config import TrainConfig
from icicore.training.dataset import Scalers, StudyData
from icicore.training.leakage import PARTS, case_hash, check_leakage, checked_split, part_of
from icicore.training.splits import Split, check_classes, split_patients
from icicore.types import I32, Json

_MOST_NAMED = 10


@dataclass(frozen=True, eq=False)
class Before:
    """What has to be known of an earlier bundle to keep its test patients apart; ``cohort`` as in ``BundleSpec``."""

    name: str
    cohort: Json


@dataclass(frozen=True, eq=False)
class After:
    """The bundle that a training comes after.

    Attributes
    ----------
    before : the one to compare with, None where there is none
    keep_split : its test patients stay test patients; otherwise the split is that of the seed, and refused if it leaks
    parent : the bundle itself where its weights are continued
    """

    before: Before | None = None
    keep_split: bool = True
    parent: ModelBundle | None = None

    def split(self, study: StudyData, seed: int) -> Split:
        """The parts, checked against the test patients of the bundle before."""
        before = self.known
        if before is None:
            return checked_split(study, seed)
        split = split_like(study, seed, before.cohort) if self.keep_split else checked_split(study, seed)
        check_after(study, split, before, continued=False)
        if self.parent is not None:
            check_reads(self.parent, study)
            check_after(study, split, Before(self.parent.spec.name, self.parent.spec.cohort), continued=True)
        return split

    @property
    def known(self) -> Before | None:
        """The bundle before, where it tells whom it was tested on."""
        parent = None if self.parent is None else Before(self.parent.spec.name, self.parent.spec.cohort)
        before = self.before or parent
        return before if before is not None and "case_hashes" in before.cohort else None

    @property
    def marks(self) -> tuple[str, ...]:
        """What else than data and recipe decides about the result; empty without a bundle before."""
        before = self.known if self.keep_split else None
        split = () if before is None else (fingerprint(before.cohort["case_hashes"]),)
        return split if self.parent is None else (*split, self.parent.digest)


def split_like(study: StudyData, seed: int, cohort: Json) -> Split:
    """Split a study as a bundle's was: whom it knows stays in the same part, all others are split 70:10:20.

    Parameters
    ----------
    cohort : ``BundleSpec.cohort``; of a bundle that knows none of the patients the split is that of the seed alone

    Raises
    ------
    StudyError
        a part lacks a class, or something of one patient is under two names
    """
    known = part_of(cohort, study.patients)
    if not any(known):
        return checked_split(study, seed)
    strangers = np.array([i for i, part in enumerate(known) if part is None], np.int32)
    strata = study.strata
    drawn = split_patients(
        [study.patients[i] for i in strangers],
        [strata[i] for i in strangers],
        rng=np.random.default_rng([seed, 1]),
    )
    parts: dict[str, I32] = {}
    for part in PARTS:
        own = np.array([i for i, before in enumerate(known) if before == part], np.int32)
        parts[part] = np.sort(np.concatenate([own, strangers[getattr(drawn, part)]])).astype(np.int32)
    split = Split(**parts)
    check_classes(split, study.responder, study.name)
    check_leakage(study, split)
    return split


def tested_before(study: StudyData, split: Split, cohort: Json) -> list[str]:
    """Patients of the training and validation parts who are test patients of an earlier bundle, by id or by slide."""
    tested = set((cohort.get("slide_hashes") or {}).get("test", ()))
    known, found = part_of(cohort, study.patients), []
    for part in ("train", "val"):
        for row in getattr(split, part):
            slides = study.slide_digests[row] if study.slide_digests else ()
            if known[row] == "test" or tested & {case_hash(cohort["salt"], digest) for digest in slides}:
                found.append(study.patients[row])
    return sorted(found)


def learnt_before(study: StudyData, split: Split, cohort: Json) -> list[str]:
    """Patients of the test part who trained or tuned an earlier bundle: its weights would know the answers."""
    known = part_of(cohort, study.patients)
    return sorted(study.patients[row] for row in split.test if known[row] in ("train", "val"))


def check_after(study: StudyData, split: Split, before: Before, *, continued: bool = False) -> None:
    """Refuse a split under which a new bundle and an earlier one could not be compared.

    Parameters
    ----------
    before : the earlier one
    continued : the new one begins with the weights of the earlier one

    Raises
    ------
    StudyError
        one line that names the patients
    """
    if leaked := tested_before(study, split, before.cohort):
        raise StudyError(
            study.name,
            f"{len(leaked)} patients to train on are test patients of {before.name}: {named(leaked)}",
            expected="test patients that no model was trained on",
            remedy="keep the split of that bundle",
        )
    if continued and (leaked := learnt_before(study, split, before.cohort)):
        raise StudyError(
            study.name,
            f"{len(leaked)} test patients trained {before.name}, whose weights are continued: {named(leaked)}",
            expected="test patients that no model was trained on",
            remedy="keep the split of that bundle, or start from scratch",
        )


def named(patients: list[str]) -> str:
    """The first ids, and how many more there are."""
    more = f" and {len(patients) - _MOST_NAMED} more" if len(patients) > _MOST_NAMED else ""
    return ", ".join(patients[:_MOST_NAMED]) + more


def scalers_of(parent: ModelBundle) -> Scalers:
    """Statistics that the weights of a bundle expect their inputs to be scaled with."""
    return Scalers(parent.spec.token_scaler, parent.spec.clinical_scaler)


def check_reads(parent: ModelBundle, study: StudyData) -> None:
    """Refuse to continue a bundle that reads something else than the study offers.

    Raises
    ------
    StudyError
        other genes or another tile encoder
    """
    spec = parent.spec
    if (spec.panel, tuple(spec.tokens)) != (study.panel, tuple(study.tokens)):
        _refuse(parent, study, f"it reads the genes of {spec.panel}, the study has those of {study.panel}")
    if study.backbone and (spec.backbone, spec.backbone_digest) != (study.backbone, study.backbone_digest):
        _refuse(parent, study, f"its slides were embedded by {spec.backbone}, those of the study by {study.backbone}")
    if parent.backbone_stage:
        _refuse(parent, study, "it tuned the tile encoder too, whose embeddings the study does not hold")


def recipe_after(parent: ModelBundle, config: TrainConfig) -> TrainConfig:
    """Return the recipe for continuing a bundle.

    Its fusion stays what it was trained as, and its weights have seen the training patients, whichever of them a
    member leaves out.
    """
    model = parent.spec.model
    kept = {
        "calibrate_on": "validation",
        "scale_by_present": model.scale_by_present,
        "weigh_readable": model.weigh_readable,
    }
    return config.model_copy(update=kept)


def check_architecture(parent: ModelBundle, study: StudyData, architecture: ModelConfig) -> None:
    """Refuse to continue a bundle whose members are built otherwise than the recipe says."""
    old = parent.spec.model.to_json()
    new = replace(architecture, dropout=parent.spec.model.dropout).to_json()
    for name, value in old.items():
        if new[name] != value:
            _refuse(parent, study, f"its {name.replace('_', ' ')} is {value}, the recipe says {new[name]}")


def _refuse(parent: ModelBundle, study: StudyData, why: str) -> NoReturn:
    remedy = "start from scratch, or use its recipe"
    raise StudyError(study.name, f"cannot continue {parent.spec.name}: {why}", remedy=remedy)


def member_of(parent: ModelBundle, index: int) -> MultimodalModel:
    """The member that a new one of this number begins with; an ensemble may have more members than its parent."""
    members = [m for m in parent.model.members if isinstance(m, MultimodalModel)]
    return members[index % len(members)]


def lineage(parent: ModelBundle) -> Mapping[str, str]:
    """What a bundle stores of the one it continues."""
    return {"name": parent.spec.name, "folder": parent.folder.name, "digest": parent.digest}
