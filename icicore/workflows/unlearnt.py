"""What a case or a study states and no training patient of a bundle had: it is not used, and that is said."""

import numpy as np

from icicore.clinical.features import NAMES, encode
from icicore.domain import CLINICAL, GENOMICS, HISTOLOGY, NOT_LEARNT, Reason
from icicore.models.spec import BundleSpec
from icicore.training.dataset import StudyData
from icicore.types import I32, Mask

_GENES = {"mutation": "mutation status", "tmb": "TMB", "expression": "expression"}
_VALUES = {"age": "age", "sex": "sex", "ecog": "ECOG", "ldh_uln": "LDH"}
_NOBODY = "no training patient of this model had"


def unlearnt_by(spec: BundleSpec, study: StudyData, rows: I32) -> tuple[Reason, ...]:
    """What some patients of a study have and the bundle cannot use."""
    genes = study.gene_measured[rows].any(axis=0) & ~spec.token_scaler.seen
    stated = [encode(c)[1] for c in (study.clinical[i] for i in rows) if c is not None]
    clinical = np.any(stated, axis=0) & ~spec.clinical_scaler.seen if stated else np.zeros(len(NAMES), np.bool_)
    slides = (unlearnt_slides(),) if study.backbone and not spec.backbone else ()
    return (*slides, *unlearnt_genes(spec, genes), *unlearnt_values(clinical))


def unlearnt_slides() -> Reason:
    """The reason where a case has slides and the bundle was trained without any."""
    return Reason(NOT_LEARNT, f"slides are not used: {_NOBODY} any", HISTOLOGY)


def unlearnt_genes(spec: BundleSpec, unused: Mask) -> tuple[Reason, ...]:
    """One reason for each kind of gene tokens of which some, ``unused`` (T,), were measured and never learnt."""
    kinds = np.array(spec.token_kinds)
    found = []
    for kind, name in _GENES.items():
        n = int((unused & (kinds == kind)).sum())
        if n:
            genes = "" if kind == "tmb" else f" of {n} gene{'s' if n > 1 else ''}"
            found.append(Reason(NOT_LEARNT, f"{name}{genes} is not used: {_NOBODY} it", GENOMICS))
    return tuple(found)


def unlearnt_values(unused: Mask) -> tuple[Reason, ...]:
    """A reason where some of the clinical values, ``unused`` (4,), are known and never learnt."""
    names = [_VALUES[name] for name, gone in zip(NAMES, unused.tolist(), strict=True) if gone]
    if not names:
        return ()
    verb, object_ = ("is", "it") if len(names) == 1 else ("are", "them")
    return (Reason(NOT_LEARNT, f"{' and '.join(names)} {verb} not used: {_NOBODY} {object_}", CLINICAL),)
