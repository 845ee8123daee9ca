"""The work list: open a case folder, list cases, read results."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from icicore.access import Person, Role, require, require_site
from icicore.domain import CLINICAL, GENOMICS, HISTOLOGY, Case
from icicore.errors import CaseError
from icicore.store.cases import CaseRow
from icicore.types import Json
from icicore.workflows.casefolder import (
    case_key,
    check_allowed,
    check_files_allowed,
    find_case_folders,
    read_case,
    site_of,
)
from icicore.workflows.services import Services


@dataclass(frozen=True)
class CaseResult:
    """A finished result: prediction.json, and per slide layers.json with its folder name as ``id``.

    ``current`` is False when the case's files have changed since it was scored.
    """

    prediction: Json
    folder: Path
    slides: tuple[Json, ...]
    bundle_digest: str


def open_case(services: Services, folder: Path, *, by: Person | None = None) -> CaseRow:
    """Put a case folder on the work list, or refresh its row.

    Parameters
    ----------
    by : who opens it; None is the app itself, which may open any

    Raises
    ------
    NotPermitted
        The person may open no cases, or none of this site.
    NotAllowed
        The folder lies outside the allowed roots.
    CaseError, ClinicalError
        The folder cannot be used.
    """
    return services.cases.put(read_row(services, folder, by=by))


def read_row(services: Services, folder: Path, *, by: Person | None = None) -> CaseRow:
    """The row of a case folder, not yet on the work list; raises as `open_case`."""
    resolved = check_allowed(folder, services.settings.openable)
    case = check_files_allowed(read_case(resolved), services.settings.openable)
    if by is not None:
        require_site(require(by, Role.REVIEWER, "open a case"), case.site, folder.name)
    key = case_key(resolved)
    known = services.cases.get(key)
    row = known or CaseRow(case_key=key, case_id=case.case_id, tumour_type=case.tumour_type, folder=str(resolved))
    return replace(
        row,
        case_id=case.case_id,
        tumour_type=str(case.tumour_type),
        n_slides=len(case.slides),
        modalities=modalities_of(case),
        virtual=case.virtual,
        site=case.site,
    )


def modalities_of(case: Case) -> tuple[str, ...]:
    """Modalities that the folder holds, in the usual order."""
    present = {
        HISTOLOGY: bool(case.slides),
        GENOMICS: bool(case.mutations or case.expression),
        CLINICAL: case.clinical is not None,
    }
    return tuple(name for name, there in present.items() if there)


def list_cases(services: Services, *, sites: Sequence[str] | None = None) -> list[CaseRow]:
    """All cases on the work list, or those of some sites."""
    return services.cases.all(sites=sites)


def openable_folders(services: Services, person: Person) -> list[Path]:
    """Case folders under the allowed roots that are not on the work list yet and that the person may open."""
    if not person.may(Role.REVIEWER):
        return []
    known = {row.folder for row in services.cases.all()}
    found = [f for f in find_case_folders(services.settings.roots) if str(f.resolve()) not in known]
    return found if person.sites is None else [f for f in found if person.sees(site_of(f))]


def load_case(services: Services, key: str) -> Case:
    """The case behind a row.

    Raises
    ------
    CaseError
        No such row, or the folder has gone or become unusable.
    """
    row = services.cases.get(key)
    if row is None:
        raise CaseError(key, "no such case", expected="a case from the work list", remedy="open its folder again")
    openable = services.settings.openable
    return check_files_allowed(read_case(check_allowed(Path(row.folder), openable)), openable)


def result_folder(services: Services, key: str, bundle_digest: str) -> Path:
    """Where the result of a case under a bundle lies."""
    return services.settings.results_dir / key / bundle_digest[:16]


def load_result(services: Services, key: str, bundle_digest: str | None = None) -> CaseResult | None:
    """The result of the bundle that last scored the case (or of the given one); None when there is none."""
    row = services.cases.get(key)
    digest = bundle_digest or (row.bundle_digest if row else None)
    if digest is None:
        return None
    folder = result_folder(services, key, digest)
    path = folder / "prediction.json"
    if not path.exists():
        return None
    layers = sorted(folder.glob("slides/*/layers.json"))
    slides = [{"id": p.parent.name, **json.loads(p.read_text(encoding="utf-8"))} for p in layers]
    prediction = json.loads(path.read_text(encoding="utf-8"))
    order = {str(s["digest"])[:16]: i for i, s in enumerate(prediction["slides"])}
    slides.sort(key=lambda s: order.get(s["id"], len(order)))
    return CaseResult(prediction=prediction, folder=folder, slides=tuple(slides), bundle_digest=digest)
