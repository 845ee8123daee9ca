"""What the product talks about: cases, modalities, predictions. Plain frozen values, no files, no SQL."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from icicore.types import Json

HISTOLOGY, GENOMICS, CLINICAL = MODALITIES = ("histology", "genomics", "clinical")
"""Order of the modalities in every vector, tensor and table."""
_READ_BY = {"image": (HISTOLOGY,), "genomic": (GENOMICS,), "clinical": (CLINICAL,)}

RESEARCH_USE = "Research use only"


def modalities_read(kind: str) -> tuple[str, ...]:
    """Modalities that a model of this kind reads."""
    return _READ_BY.get(kind, MODALITIES)


class TumourType(StrEnum):
    """Tumour types in scope."""

    MELANOMA = "melanoma"
    NSCLC = "nsclc"


class Recist(StrEnum):
    """RECIST 1.1 best response. CR and PR are responders; NE carries no label."""

    CR = "CR"
    PR = "PR"
    SD = "SD"
    PD = "PD"
    NE = "NE"

    @property
    def responder(self) -> bool | None:
        """The label: True for CR or PR, False for SD or PD, None for NE."""
        return None if self is Recist.NE else self in (Recist.CR, Recist.PR)


class Status(StrEnum):
    """Outcome of the input gate."""

    SCORED = "scored"
    LIMITED = "limited"
    NOT_SCORED = "not_scored"


@dataclass(frozen=True)
class Reason:
    """Why a case is limited or not scored. ``modality`` is None when it concerns the whole case."""

    code: str
    message: str
    modality: str | None = None

    def to_json(self) -> Json:
        """As in prediction.json."""
        return {"code": self.code, "message": self.message, "modality": self.modality}


UNCERTAIN, NOT_LEARNT = "uncertain", "not_learnt"
NOTES = frozenset(
    {"duplicate_genes", "date_genes", "unknown_genes", "unknown_classification", "unknown_build", UNCERTAIN, NOT_LEARNT}
)
"""Codes of reasons worth telling that do not limit the score."""


def limiting(reasons: Iterable[Json]) -> bool:
    """Whether one of the reasons, as in prediction.json, limits the score."""
    return any(reason.get("code") not in NOTES for reason in reasons)


@dataclass(frozen=True)
class ClinicalValues:
    """The four clinical values; None where unknown.

    ``age`` in years, ``sex`` "F" or "M", ``ecog`` 0-4, ``ldh_uln`` as a multiple of the upper limit of normal.
    """

    age: float | None = None
    sex: str | None = None
    ecog: int | None = None
    ldh_uln: float | None = None

    @property
    def empty(self) -> bool:
        """True when no value is known."""
        return self == ClinicalValues()


@dataclass(frozen=True)
class Case:
    """One patient at one treatment decision, pseudonymous.

    ``slides`` are paths that OpenSlide can open; ``mpp`` maps a slide's file name to the pixel size that the
    user stated for it. ``gene_panel`` is the name of the sequencing assay or its list of genes, None for an exome;
    ``sample_barcode`` names the tumour sample where its barcode is not the case id. ``virtual`` is True for simulated
    patients. ``routine`` holds values that only comparison scores read, see ``icicore.clinical.routine``. ``site`` is
    the hospital or department that the case belongs to; it decides who sees the case.
    """

    case_id: str
    tumour_type: TumourType
    folder: Path
    clinical: ClinicalValues | None = None
    response: Recist | None = None
    slides: tuple[Path, ...] = ()
    mutations: Path | None = None
    expression: Path | None = None
    mpp: Mapping[str, float] = field(default_factory=dict)
    gene_panel: str | tuple[str, ...] | None = None
    sample_barcode: str | None = None
    virtual: bool = False
    routine: Mapping[str, float] = field(default_factory=dict)
    site: str | None = None
