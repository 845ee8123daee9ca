"""Several cohorts as one study to train on, and a cohort brought to the scale that a model knows."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from icicore.errors import StudyError
from icicore.genomics.alignment import align_cohort
from icicore.genomics.features import TokenScaler
from icicore.training.dataset import StudyData
from icicore.training.grades import UNKNOWN
from icicore.training.study import EmbedSlide, log_left_out, read_study
from icicore.training.tile_file import joined
from icicore.types import F64, I8, Progress, no_progress

T = TypeVar("T")


def aligned_to(study: StudyData, scaler: TokenScaler) -> StudyData:
    """The cohort with its expression and burden at the location and spread of ``scaler``; labels are not looked at.

    For scoring a whole cohort that a model was not trained on. Patients of the training cohort, and single cases, are
    scored as they are.
    """
    n_binary = study.token_kinds.count("mutation")
    values = align_cohort(study.gene_values, study.gene_measured, to=scaler, n_binary=n_binary)
    return replace(study, gene_values=values)


def read_pool(
    folders: Sequence[Path], *, embed: EmbedSlide | None = None, progress: Progress = no_progress
) -> StudyData:
    """Read studies to train on as one; of a single folder the study as it is. See ``read_study`` and ``pool_studies``.

    Raises
    ------
    InputError
        a study cannot be read, the same study twice, or studies that do not go together
    """
    studies = [log_left_out(read_study(folder, embed=embed, progress=progress)) for folder in folders]
    return studies[0] if len(studies) == 1 else pool_studies(studies, name="+".join(s.name for s in studies))


def pool_studies(studies: Sequence[StudyData], *, name: str, align: bool = True) -> StudyData:
    """Patients of all studies, each study aligned to the statistics of all.

    ``pooled`` of the result names the studies, and ``sites`` says which of them a patient is of.

    Raises
    ------
    StudyError
        none, the same patient in two of them, or different panels or tile encoders
    """
    _check(studies, name)
    if align:
        values = np.concatenate([s.gene_values for s in studies])
        measured = np.concatenate([s.gene_measured for s in studies])
        scaler = TokenScaler.fit(values, measured, n_binary=studies[0].token_kinds.count("mutation"))
        studies = [aligned_to(s, scaler) for s in studies]
    first = next((s for s in studies if len(s.tiles)), studies[0])
    tiles = [s.tiles for s in studies if len(s.tiles)] or [first.tiles]
    ends = np.cumsum([0, *(len(s.tiles) for s in studies)])
    return replace(
        first,
        name=name,
        virtual=any(s.virtual for s in studies),
        patients=_joined(studies, lambda s: s.patients),
        tumour_types=_joined(studies, lambda s: s.tumour_types),
        sites=_joined(studies, lambda s: (s.name,) * len(s)),
        pooled=tuple(s.name for s in studies),
        responder=np.concatenate([s.responder for s in studies]),
        grades=_grades(studies),
        tiles=joined(tiles),
        tile_index=np.concatenate([s.tile_index for s in studies]),
        offsets=np.concatenate([[0], *(s.offsets[1:] + end for s, end in zip(studies, ends, strict=False))]),
        gene_values=np.concatenate([s.gene_values for s in studies]),
        gene_measured=np.concatenate([s.gene_measured for s in studies]),
        clinical=_joined(studies, lambda s: s.clinical),
        slide_digests=_joined(studies, lambda s: s.slide_digests or ((),) * len(s)),
        endpoint="; ".join(sorted({s.endpoint for s in studies if s.endpoint})),
        routine={key: _routine(studies, key) for key in sorted({k for s in studies for k in s.routine})},
        notes=tuple(f"{s.name}: {line}" for s in studies for line in s.notes),
    )


def _check(studies: Sequence[StudyData], name: str) -> None:
    if not studies:
        raise StudyError(name, "holds no study", expected="one or more", remedy="name some")
    names = [s.name for s in studies]
    if len(set(names)) < len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise StudyError(
            name, f"study {twice} is named twice", expected="names of their own", remedy="leave one out or rename it"
        )
    if len({(s.panel, s.tokens) for s in studies}) > 1:
        raise StudyError(name, "the studies were read with different gene panels", remedy="read them with one")
    if len({(s.backbone, s.backbone_digest) for s in studies if len(s.tiles)}) > 1:
        raise StudyError(name, "the slides were embedded by different encoders", remedy="embed them with one")
    patients = [patient for s in studies for patient in s.patients]
    if len(set(patients)) < len(patients):
        twice = next(p for p in patients if patients.count(p) > 1)
        raise StudyError(
            name, f"patient {twice} is in two studies", expected="ids of their own", remedy="use imported studies"
        )


def _joined(studies: Sequence[StudyData], part: Callable[[StudyData], Sequence[T]]) -> tuple[T, ...]:
    return tuple(item for study in studies for item in part(study))


def _grades(studies: Sequence[StudyData]) -> I8 | None:
    if all(s.grades is None for s in studies):
        return None
    return np.concatenate([np.full(len(s), UNKNOWN, np.int8) if s.grades is None else s.grades for s in studies])


def _routine(studies: Sequence[StudyData], key: str) -> F64:
    return np.concatenate([s.routine.get(key, np.full(len(s), np.nan)) for s in studies])
