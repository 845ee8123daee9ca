"""The demonstration: a few virtual patients who show what the app can tell, built offline and scored."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from icicore.domain import TumourType
from icicore.errors import IcicoreError
from icicore.simulate.case_writer import write_case
from icicore.simulate.patients import VirtualPatient
from icicore.store.cases import CaseRow
from icicore.types import Progress, no_progress
from icicore.workflows.cases import load_result, open_case
from icicore.workflows.inference import score_case
from icicore.workflows.services import Services
from icicore.workflows.simulation import draw_patients

SEED = 7
"""Of the demonstration patients; no study that a shipped bundle was trained on uses it."""
_POOL = 400


def _complete(p: VirtualPatient) -> bool:
    return not (p.slide_spec is None or p.mutations is None or p.expression is None or p.clinical.empty)


def _shows(tumour: TumourType, phenotype: str, *, responder: bool) -> Callable[[VirtualPatient], bool]:
    def wanted(p: VirtualPatient) -> bool:
        spec = p.slide_spec
        clean = spec is not None and spec.phenotype == phenotype and not spec.artefacts and spec.necrosis < 0.2
        agrees = (p.truth.oracle_probability > 0.5) == responder
        return _complete(p) and clean and p.tumour_type is tumour and p.response.responder is responder and agrees

    return wanted


def _poor_slide(p: VirtualPatient) -> bool:
    return _complete(p) and p.slide_spec is not None and p.slide_spec.necrosis > 0.4 and "pen" in p.slide_spec.artefacts


def _no_slide(p: VirtualPatient) -> bool:
    return p.slide_spec is None and p.mutations is not None and p.expression is not None and not p.clinical.empty


def _no_genes(p: VirtualPatient) -> bool:
    return p.slide_spec is not None and p.mutations is None and p.expression is None and not p.slide_spec.artefacts


_WANTED: tuple[Callable[[VirtualPatient], bool], ...] = (
    _shows(TumourType.MELANOMA, "inflamed", responder=True),
    _shows(TumourType.NSCLC, "desert", responder=False),
    _shows(TumourType.NSCLC, "inflamed", responder=True),
    _poor_slide,
    _no_slide,
    _no_genes,
    _shows(TumourType.MELANOMA, "excluded", responder=False),
    _complete,
)


def choose_patients(n: int) -> list[VirtualPatient]:
    """The demonstration patients: each shows something else; beyond those, complete patients in order."""
    pool = draw_patients(max(_POOL, 4 * n), seed=SEED, scenario="missing")
    chosen: list[VirtualPatient] = []
    for number in range(n):
        wanted = _WANTED[min(number, len(_WANTED) - 1)]
        patient = next(p for p in pool if wanted(p))
        pool.remove(patient)
        chosen.append(dataclasses.replace(patient, patient_id=f"DEMO-{number + 1:03d}"))
    return chosen


def build_demo(services: Services, *, n_cases: int, progress: Progress = no_progress) -> list[CaseRow]:
    """Write, open and score the demonstration cases; what is there already is kept, so a second run takes a moment."""
    rows: list[CaseRow] = []
    for number, patient in enumerate(choose_patients(n_cases), start=1):
        title = f"case {number} of {n_cases} ({patient.patient_id})"

        def step(done: int, total: int, what: str, title: str = title) -> None:
            progress(done, total, f"{title}: {what}")

        folder = services.settings.demo_dir / patient.patient_id
        if not (folder / "case.json").exists():
            step(0, 1, "rendering the virtual slide")
            write_case(patient, folder, progress=step)
        rows.append(_scored(services, folder, step))
    return rows


def _scored(services: Services, folder: Path, progress: Progress) -> CaseRow:
    row = open_case(services, folder)
    current = services.bundle_ref().digest
    if row.bundle_digest != current or load_result(services, row.case_key, current) is None:
        score_case(services, row.case_key, progress=progress)
    return services.cases.get(row.case_key) or row


def first_case_key(services: Services) -> str:
    """Key of the first demonstration case, empty before `build_demo`."""
    for row in services.cases.all():
        if Path(row.folder).parent == services.settings.demo_dir.resolve():
            return row.case_key
    raise IcicoreError("there is no demonstration case yet; run `icicore demo`")
