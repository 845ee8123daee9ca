"""Read a cBioPortal study folder with ``slides.tsv`` into one ``StudyData``.

Only the files named here are opened, and never one below a folder called ``truth``: what a simulation knows about
its patients must not reach training.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from icicore.domain import CLINICAL, GENOMICS, HISTOLOGY
from icicore.errors import StudyError
from icicore.genomics.panel import GenePanel, load_panel
from icicore.genomics.signatures import signatures_of
from icicore.training.dataset import StudyData
from icicore.training.grades import GRADES, UNKNOWN
from icicore.training.study_genes import read_genes
from icicore.training.study_slides import EmbedSlide, Offsets, grid_of, no_tiles, read_tiles
from icicore.training.study_tables import ROUTINE, Patient, guarded, read_patients, read_samples
from icicore.types import F64, I8, Mask, Progress, no_progress

__all__ = ["FEWEST_PATIENTS", "EmbedSlide", "log_left_out", "read_study"]

_LOG = logging.getLogger(__name__)

FEWEST_PATIENTS = 20
"""With fewer labelled patients neither a model nor its figures mean anything."""


def read_study(
    folder: Path,
    *,
    embed: EmbedSlide | None = None,
    panel: GenePanel | None = None,
    progress: Progress = no_progress,
    fewest: int = FEWEST_PATIENTS,
    any_tumour: bool = False,
    slides: bool = True,
) -> StudyData:
    """Read all labelled patients of a study; what cannot be used is left out and listed in its notes.

    Parameters
    ----------
    folder : the study; ``slides.tsv`` lists ``patient`` and ``path`` (relative to the folder): a bag or a slide
    embed : how to embed a slide; without it only bags can be used
    panel : gene panel, the current one by default
    fewest : least number of labelled patients
    any_tumour : take tumours out of scope too, for a comparison
    slides : False leaves the slides unread

    Raises
    ------
    StudyError
        a table is missing or unreadable, too few patients, one class, a slide that is not embedded, bags of two
        encoders
    InputError
        a value, MAF, matrix or bag that cannot be used
    """
    panel = panel or load_panel()
    notes: list[str] = []
    patients = read_patients(folder, notes, any_tumour=any_tumour)
    progress(0, len(patients), "reading genes")
    samples = read_samples(folder, [p.patient for p in patients], notes)
    genes = read_genes(folder, samples, panel, notes)
    rows = _distinct(patients, genes.twins, notes)
    patients, values, measured = [patients[i] for i in rows], genes.values[rows], genes.measured[rows]
    _check_labels(folder, patients, fewest)
    names = [p.patient for p in patients]
    found = read_tiles(folder, names, embed, progress) if slides else no_tiles(names)
    first = found.first
    backbone, _, digest = ("", "", "") if first is None else first.encoder_id.rpartition("@")
    notes += _absent(patients, measured, found.offsets if slides else None)
    return StudyData(
        name=folder.resolve().name,
        virtual=_is_virtual(folder),
        patients=tuple(p.patient for p in patients),
        tumour_types=tuple(p.tumour_type for p in patients),
        sites=tuple(p.site for p in patients),
        responder=np.array([p.responder for p in patients], np.bool_),
        grades=_grades(patients),
        tiles=found.tiles,
        tile_index=found.index,
        offsets=found.offsets,
        gene_values=values,
        gene_measured=measured,
        clinical=tuple(p.clinical for p in patients),
        panel=f"{panel.name}/{panel.version}",
        tokens=tuple(t.symbol for t in panel.tokens),
        token_kinds=tuple(t.kind for t in panel.tokens),
        token_pathways=tuple(panel.pathways_of(t) for t in panel.tokens),
        token_signatures=tuple(signatures_of(t) for t in panel.tokens),
        backbone=backbone,
        backbone_digest=digest,
        grid={} if first is None else grid_of(first),
        stain={} if first is None else {"method": first.stain.method},
        endpoint=", ".join(sorted({p.endpoint for p in patients if p.endpoint})),
        routine=_routine(patients),
        notes=tuple(notes),
        slide_digests=found.digests,
    )


def log_left_out(study: StudyData) -> StudyData:
    """Log what could not be used, for work that shows nobody the notes; returns the study."""
    for line in study.notes:
        _LOG.warning("%s: %s", study.name, line)
    return study


def _distinct(patients: Sequence[Patient], twins: Sequence[tuple[int, int]], notes: list[str]) -> list[int]:
    """Rows to use: of two patients with the same tumour the first, or neither where their labels differ."""
    dropped: set[int] = set()
    for first, later in twins:
        dropped.add(later)
        if patients[first].responder != patients[later].responder:
            dropped.add(first)
        names = f"{patients[first].patient} and {patients[later].patient}"
        kept = "neither is used, as their responses differ" if first in dropped else "the second is left out"
        notes.append(f"patients {names} have the same molecular profile: {kept}")
    return [i for i in range(len(patients)) if i not in dropped]


def _check_labels(folder: Path, patients: Sequence[Patient], fewest: int) -> None:
    source, n = folder.resolve().name, len(patients)
    if n < fewest:
        problem = f"only {n} patients with a response can be used"
        raise StudyError(source, problem, expected=f"at least {fewest}", remedy="use a larger study")
    if len({p.responder for p in patients}) == 1:
        kind = "responders" if patients[0].responder else "non-responders"
        raise StudyError(
            source, f"all {n} patients are {kind}", expected="both classes", remedy="use a study that holds both"
        )


def _absent(patients: Sequence[Patient], measured: Mask, offsets: Offsets | None) -> list[str]:
    """A line for each modality that no patient has."""
    found = {
        HISTOLOGY: offsets is None or bool(offsets[-1] > 0),
        GENOMICS: bool(measured.any()),
        CLINICAL: any(p.clinical is not None for p in patients),
    }
    return [f"no patient has {name}: the study is used without it" for name, there in found.items() if not there]


def _grades(patients: Sequence[Patient]) -> I8 | None:
    """Grade of each response, as in ``StudyData``; None where the study states labels alone."""
    grades = [UNKNOWN if p.response is None else GRADES.index(p.response) for p in patients]
    return np.array(grades, np.int8) if max(grades) != UNKNOWN else None


def _routine(patients: Sequence[Patient]) -> Mapping[str, F64]:
    return {
        name.lower(): np.array([p.routine.get(name, np.nan) for p in patients], np.float64)
        for name in ROUTINE
        if any(name in p.routine for p in patients)
    }


def _is_virtual(folder: Path) -> bool:
    """Whether the study says of itself that its patients are simulated."""
    meta = folder / "meta_study.txt"
    if not meta.is_file():
        return False
    text = guarded(folder, meta.name).read_text(encoding="utf-8").lower()
    return "virtual" in text or "simulated" in text
