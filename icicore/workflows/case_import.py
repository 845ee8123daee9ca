"""Put cases on the work list: one case folder, a folder of case folders, or the patients of a study."""

from collections.abc import Sequence
from pathlib import Path

from icicore.access import Person
from icicore.errors import CaseError, InputError
from icicore.store.cases import CaseRow
from icicore.types import Progress, no_progress
from icicore.workflows.casefolder import check_allowed, find_case_folders
from icicore.workflows.cases import read_row
from icicore.workflows.import_report import ImportReport
from icicore.workflows.services import Services

MOST_CASES = 100_000
_CHUNK = 100
"""Rows written in one transaction: each costs a write to the disk."""


def is_study(folder: Path) -> bool:
    """Whether a folder looks like a cBioPortal study."""
    names = ("data_clinical_patient.txt", "data_clinical_sample.txt", "data_clinical.txt", "meta_study.txt")
    return any((folder / name).is_file() for name in names)


def kind_of(folder: Path) -> str:
    """What a folder holds: ``case``, ``study``, or ``folder`` for anything else."""
    if (folder / "case.json").is_file():
        return "case"
    return "study" if is_study(folder) else "folder"


def import_cases(
    services: Services, path: Path, *, by: Person | None = None, progress: Progress = no_progress
) -> ImportReport:
    """Put what a folder holds on the work list; what cannot be used is listed in the report, one line each.

    A case that is on the list already is refreshed and keeps its result.

    ``by`` is who imports, to whose sites it is limited; None is the app itself.

    Raises
    ------
    NotAllowed
        the folder lies outside the allowed roots
    CaseError, StudyError
        there is nothing to import
    """
    folder = check_allowed(path, services.settings.openable)
    if not folder.is_dir():
        raise CaseError(folder, "no such folder", expected="a case, a folder of cases or a study", remedy="check it")
    report = ImportReport(folder.name, kind_of(folder))
    if report.kind == "study":
        from icicore.workflows.study_cases import write_study_cases  # torch comes with the reading of studies

        folders: Sequence[Path] = write_study_cases(services.settings, folder, report, progress=progress)
    else:
        folders = find_case_folders([folder], limit=MOST_CASES)
    if not folders and not report.refused:
        raise CaseError(
            folder,
            "holds no case",
            expected="case folders with case.json at most two levels down, or a cBioPortal study",
            remedy="name another folder",
        )
    report.found = len(folders)
    for start in range(0, len(folders), _CHUNK):
        progress(start, len(folders), "reading cases")
        _put(services, folders[start : start + _CHUNK], report, by)
    progress(len(folders), len(folders), "cases read")
    return report


def _put(services: Services, folders: Sequence[Path], report: ImportReport, by: Person | None) -> None:
    rows: list[CaseRow] = []
    for folder in folders:
        try:
            rows.append(read_row(services, folder, by=by))
        except InputError as error:
            report.refuse(folder.name, error)
    report.new += sum(services.cases.get(row.case_key) is None for row in rows)
    report.imported += len(services.cases.put_all(rows))


def describe(report: ImportReport) -> list[str]:
    """The report in lines, for a person."""
    what = {"case": "case folder", "folder": "folder of cases", "study": "study"}[report.kind]
    lines = [f"{report.source} ({what}): {report.imported} cases on the work list, {report.new} of them new"]
    lines += [f"note      {line}" for line in dict.fromkeys(report.notes)]
    lines += [f"left out  {name}: {line}" for name, line in report.refused]
    return lines
