"""The patients of a cBioPortal study as case folders under the home folder; slides stay where they lie."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from icicore.clinical.columns import CLINICAL, ROUTINE, clinical_values
from icicore.clinical.endpoint import find_endpoint
from icicore.clinical.tumours import tumour_name
from icicore.errors import CaseError, InputError, StudyError
from icicore.fingerprint import write_json
from icicore.settings import Settings
from icicore.training.study_tables import read_table
from icicore.types import Json, Progress, no_progress
from icicore.workflows.casefolder import check_allowed, is_case_id
from icicore.workflows.cohort_source import SourceStudy, read_source
from icicore.workflows.cohorts import TUMOUR_COLUMNS, study_name
from icicore.workflows.import_report import ImportReport
from icicore.workflows.study_genes import StudyGenes, choose_sample, read_study_genes, write_sample

SLIDES = "slides.tsv"
_ORIGIN = "origin.json"
_RECIST = ("CR", "PR", "SD", "PD", "NE")


def write_study_cases(
    settings: Settings, folder: Path, report: ImportReport, *, progress: Progress = no_progress
) -> list[Path]:
    """Write a case folder for each patient and return those written; what is left out goes into ``report``.

    Mutations and expression are copied, slides are links to where ``slides.tsv`` says they lie. The same study again
    refreshes its cases.

    Raises
    ------
    StudyError
        no study, or another study of this name was imported before
    """
    study = read_source(folder)
    name = study_name(study.meta.get("cancer_study_identifier") or folder.resolve().name)
    target = settings.cases_dir / name
    _claim(target, folder)
    report.notes += study.notes
    progress(0, len(study.patients), "reading mutations and expression")
    genes = read_study_genes(study, report.notes)
    records = _records(study, report.notes)
    slides = _slides(settings, study, report)
    samples: dict[str, list[str]] = {}
    for row in study.samples:
        samples.setdefault(row["PATIENT_ID"], []).append(row["SAMPLE_ID"])
    written = []
    for done, (patient, record) in enumerate(records.items()):
        progress(done, len(records), f"writing {patient}")
        try:
            sample = choose_sample(genes, samples.get(patient, []))
            written.append(_write(target, record, genes, sample, slides.get(patient, []), report))
        except InputError as error:
            report.refuse(patient, error)
    return written


def _claim(target: Path, source: Path) -> None:
    """Keep two studies of one name apart."""
    path = target / _ORIGIN
    before = json.loads(path.read_text(encoding="utf-8"))["source"] if path.is_file() else None
    if before not in (None, str(source.resolve())):
        raise StudyError(
            target.name,
            f"is the name of a study imported from {before}",
            expected="a study with an identifier of its own",
            remedy="change cancer_study_identifier in its meta_study.txt",
        )
    write_json(path, {"source": str(source.resolve())})


def _records(study: SourceStudy, notes: list[str]) -> dict[str, Json]:
    """Content of case.json for each patient, as far as the clinical tables tell it."""
    endpoint = find_endpoint(study.patients, study.about, notes)
    values = clinical_values(study.patients, notes)
    virtual = any(word in study.about.lower() for word in ("virtual", "simulated"))
    cohort = study.meta.get("type_of_cancer", "")
    found: dict[str, Json] = {}
    for row, own, word in zip(study.patients, values, endpoint.words, strict=True):
        clinical = {k.lower(): _number(own[k]) for k in (*CLINICAL, *ROUTINE) if own.get(k)}
        found[row["PATIENT_ID"]] = {
            "case_id": row["PATIENT_ID"],
            "tumour_type": tumour_name([row.get(c, "") for c in TUMOUR_COLUMNS], cohort),
            "clinical": clinical or None,
            "response": word if word in _RECIST else None,
            "site": own.get("SITE") or None,
            "virtual": virtual,
        }
    return found


def _number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def _slides(settings: Settings, study: SourceStudy, report: ImportReport) -> dict[str, list[Path]]:
    """Slides of each patient; those that may not or cannot be opened are left out and listed."""
    path = study.folder / SLIDES
    found: dict[str, list[Path]] = {}
    if not path.is_file():
        return found
    table = read_table(path, ("patient", "path"))
    for patient, name in zip(table["patient"], table["path"], strict=True):
        try:
            found.setdefault(patient, []).append(_slide(settings, study.folder / name))
        except InputError as error:
            report.refuse(patient, error)
    return found


def _slide(settings: Settings, path: Path) -> Path:
    if path.suffix == ".safetensors":
        raise CaseError(path, "holds tile embeddings, not a slide", remedy="list the slide itself to review it")
    resolved = check_allowed(path, settings.openable)
    if not resolved.exists():
        raise CaseError(path, f"is listed in {SLIDES} but missing", remedy="add it or remove the row")
    return path.absolute()


def _write(
    target: Path, record: Mapping[str, object], genes: StudyGenes, sample: str, slides: Sequence[Path],
    report: ImportReport,
) -> Path:  # fmt: skip
    case_id = str(record["case_id"])
    if not is_case_id(case_id):
        raise CaseError(
            target.name,
            f"patient {case_id[:40]!r} cannot name a case",
            expected="1-64 letters, digits, dot, dash or underscore, starting with a letter or digit",
            remedy="give the patient a plain pseudonym",
        )
    folder = target / case_id
    folder.mkdir(parents=True, exist_ok=True)
    extra: Json = {}
    if sample:
        try:
            extra = {"sample_barcode": sample, "gene_panel": write_sample(genes, sample, folder)}
        except InputError as error:
            report.refuse(case_id, error)
    _link(folder / "slides", slides)
    write_json(folder / "case.json", {**record, **extra})
    return folder


def _link(folder: Path, slides: Sequence[Path]) -> None:
    """Links to the slides, with the companion folder that some formats keep beside the file."""
    wanted: dict[str, Path] = {}
    for path in slides:
        twin = path.name in wanted and wanted[path.name] != path
        wanted[f"{path.parent.name}_{path.name}" if twin else path.name] = path
        companion = path.with_suffix("")
        if path.suffix.lower() in (".mrxs", ".vms") and companion.is_dir():
            wanted[companion.name] = companion
    if not wanted and not folder.is_dir():
        return
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        if old.is_symlink() and (old.name not in wanted or old.readlink() != wanted[old.name]):
            old.unlink()
    for name, path in wanted.items():
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(path)
