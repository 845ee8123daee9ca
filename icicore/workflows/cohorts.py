"""Import a cBioPortal study: validate it, say what it holds, and keep a copy that training and evaluation can read."""

import json
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from icicore.clinical.columns import clinical_values, named
from icicore.clinical.endpoint import Endpoint, find_endpoint
from icicore.clinical.tumours import tumour_name
from icicore.domain import TumourType
from icicore.errors import InputError, StudyError
from icicore.fingerprint import write_bytes, write_json
from icicore.genomics.assays import WHOLE_EXOME
from icicore.genomics.coverage import read_coverage
from icicore.settings import Settings
from icicore.training.study import FEWEST_PATIENTS, read_study
from icicore.training.study_tables import read_table
from icicore.types import Json, Progress, no_progress
from icicore.workflows.cohort_files import (
    PATIENT_COLUMNS,
    SAMPLE_COLUMNS,
    prefixed,
    write_expression,
    write_mutations,
    write_panels,
    write_rows,
    write_slides,
)
from icicore.workflows.cohort_source import SourceStudy, read_source

REPORT = "import.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
TUMOUR_COLUMNS = ("CANCER_TYPE", "ONCOTREE_CODE", "CANCER_TYPE_DETAILED", "TUMOUR_TYPE", "TUMOR_TYPE", "HISTOLOGY")


def import_study(
    settings: Settings,
    source: Path,
    *,
    name: str | None = None,
    checkpoint_inhibitor: bool = False,
    progress: Progress = no_progress,
) -> Json:
    """Import a study and return what was found; the same is kept as ``import.json`` in the copy.

    Patients are kept with or without a label. A response to anything but a checkpoint inhibitor is not taken over.

    Parameters
    ----------
    source : study folder in cBioPortal layout
    name : of the copy; by default the identifier that the study states
    checkpoint_inhibitor : the user states that its patients received one, where the study does not

    Raises
    ------
    StudyError
        no study, a name that cannot be used or that another study has, contradictory rows
    """
    study = read_source(source)
    name = study_name(name or study.meta.get("cancer_study_identifier") or source.resolve().name)
    target = settings.studies_dir / name
    _check_taken(target, source)
    notes = list(study.notes)
    endpoint = find_endpoint(study.patients, study.about, notes, stated=checkpoint_inhibitor)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{name}."))
    copy = temporary / name
    try:
        report = _write(study, endpoint, copy, notes, name=name, progress=progress)
        report |= _checked(copy, report, notes)
        report |= {"notes": list(dict.fromkeys(notes)), "unused_files": list(study.unused)}
        write_json(copy / REPORT, report | {"source": str(source.resolve())})
        if target.exists():
            shutil.rmtree(target)
        copy.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return {"folder": str(target), **report}


def describe(report: Json) -> list[str]:
    """The report in lines, for a person."""

    def counted(found: object) -> str:
        return ", ".join(f"{n} {k}" for k, n in found.items()) if isinstance(found, Mapping) else str(found or "none")

    mutations, expression = report["mutations"], report["expression"]
    lines = [
        f"{report['name']}: {report['usable']}",
        f"patients    {report['patients']} ({counted(report['tumour_types'])})",
        f"treatment   {report['treatment'] or 'not stated'}",
        f"response    {report['labelled']} known, {report['responders']} responders"
        + (f"; {report['endpoint']} ({report['response_column']})" if report["endpoint"] else ""),
        *([f"of those    {counted(report['with'])}"] if report["with"] else []),
        f"clinical    {counted(report['clinical'])}",
        "mutations   "
        + (
            f"{mutations['samples']} samples, {mutations['genome_build']}; {counted(report['panels'])}"
            if mutations
            else "none"
        ),
        "expression  "
        + (
            f"{expression['samples']} samples, {expression['genes']} genes, {expression['unit']}"
            if expression
            else "none"
        ),
        *(f"note        {line}" for line in report["notes"]),
        *([f"not used    {', '.join(report['unused_files'])}"] if report["unused_files"] else []),
        f"written to  {report['folder']}",
    ]
    return lines


def study_name(given: str) -> str:
    """The name of a study as a folder can have it; raises ``StudyError`` when nothing is left of it."""
    name = re.sub(r"[^a-z0-9_-]+", "-", given.strip().lower()).strip("-_")
    if not _NAME.fullmatch(name):
        raise StudyError(given[:40], "cannot name a study", expected="letters, digits, - and _", remedy="give --name")
    return name


def _check_taken(target: Path, source: Path) -> None:
    try:
        before = json.loads((target / REPORT).read_text(encoding="utf-8")).get("source")
    except (OSError, ValueError):
        return
    if before != str(source.resolve()):
        raise StudyError(
            target.name, f"is the name of a study imported from {before}", expected="a free name", remedy="give --name"
        )


def _write(
    study: SourceStudy, endpoint: Endpoint, out: Path, notes: list[str], *, name: str, progress: Progress
) -> Json:
    progress(0, 3, "clinical values")
    out.mkdir()
    patients = _patient_rows(study, endpoint, name, notes)
    write_rows(out / "data_clinical_patient.txt", PATIENT_COLUMNS, patients)
    write_rows(out / "data_clinical_sample.txt", SAMPLE_COLUMNS, _sample_rows(study, name))
    about = " ".join(f"Imported from {study.meta.get('name', name)}. {study.about}".split())
    lines = {"type_of_cancer": "mixed", "cancer_study_identifier": name, "name": name, "description": about}
    write_bytes(out / "meta_study.txt", "".join(f"{k}: {v}\n" for k, v in lines.items()).encode())
    write_panels(study, name, out)
    write_slides(study, name, out)
    progress(1, 3, "mutations")
    mutations = write_mutations(study, name, out, notes)
    progress(2, 3, "expression")
    expression = write_expression(study, name, out, notes)
    progress(3, 3, "done")
    labels = [label for label in endpoint.labels if label is not None]
    coverage = read_coverage(out, {row["SAMPLE_ID"]: row["GENE_PANEL"] for row in _sample_rows(study, name)})
    unlisted = sorted(set(coverage.names.values()) - set(coverage.panels) - WHOLE_EXOME)
    return {
        "name": name,
        "patients": len({row["PATIENT_ID"] for row in patients}),
        "labelled": len(labels),
        "responders": sum(labels),
        "endpoint": endpoint.name,
        "response_column": endpoint.column,
        "checkpoint_inhibitor": endpoint.checkpoint,
        "treatment": endpoint.treatment,
        "tumour_types": dict(Counter(row["TUMOUR_TYPE"] or "not stated" for row in patients)),
        "clinical": {c.lower(): sum(bool(row.get(c)) for row in patients) for c in ("AGE", "SEX", "ECOG", "LDH_ULN")},
        "mutations": mutations or None,
        "expression": expression or None,
        "panels": dict(Counter(coverage.names.values())) or ("exome or not stated" if mutations else None),
        "panels_without_gene_list": unlisted,
    }


def _patient_rows(study: SourceStudy, endpoint: Endpoint, name: str, notes: list[str]) -> list[dict[str, str]]:
    rows = []
    values = clinical_values(study.patients, notes)
    cohort = study.meta.get("type_of_cancer", "")
    said = "" if endpoint.name in ("", "objective response") else endpoint.name
    for row, own, label, word in zip(study.patients, values, endpoint.labels, endpoint.words, strict=True):
        rows.append(
            own
            | {
                "PATIENT_ID": prefixed(name, row["PATIENT_ID"]),
                "TUMOUR_TYPE": tumour_name([row.get(c, "") for c in TUMOUR_COLUMNS], cohort),
                "RESPONSE": word if label is not None or word == "NE" else "",
                "RESPONSE_ENDPOINT": said,
            }
        )
    return rows


def _sample_rows(study: SourceStudy, name: str) -> list[dict[str, str]]:
    """Samples with assay and stated burden; what a study states of the patient counts for the sample."""
    people = {row["PATIENT_ID"]: row for row in study.patients}
    rows = []
    for row in study.samples:
        both = dict(people.get(row["PATIENT_ID"], {})) | {k: v for k, v in row.items() if v}
        found = {to: both.get(column, "") for to in ("GENE_PANEL", "TMB") if (column := named(list(both), to))}
        ids = {c: prefixed(name, row[c]) for c in ("PATIENT_ID", "SAMPLE_ID")}
        rows.append({"GENE_PANEL": "", "TMB": "", **found, **ids})
    return rows


def _checked(copy: Path, report: Mapping[str, object], notes: list[str]) -> Json:
    """Read the copy as training will; what it can be used for, and how many labelled patients have what."""
    if not report["labelled"]:
        return {"usable": "not usable: no patient has a response to a checkpoint inhibitor", "with": {}}
    try:
        study = read_study(copy, fewest=1, any_tumour=True, slides=False)
    except InputError as error:
        return {"usable": f"not usable: {error}", "with": {}}
    notes += [line for line in study.notes if "without a response" not in line]
    kinds = {k: [i for i, kind in enumerate(study.token_kinds) if kind == k] for k in ("mutation", "expression")}
    counts = {
        "histology": len(_with_slides(copy) & set(study.patients)),
        **{k: int(study.gene_measured[:, columns].any(axis=1).sum()) for k, columns in kinds.items()},
        "clinical": sum(c is not None for c in study.clinical),
    }
    return {"usable": _usable(study.tumour_types, len(study)), "with": counts}


def _with_slides(copy: Path) -> set[str]:
    path = copy / "slides.tsv"
    return set(read_table(path, ("patient", "path"))["patient"]) if path.is_file() else set()


def _usable(tumours: Sequence[str], n: int) -> str:
    in_scope = [t for t in tumours if t in set(TumourType)]
    if n < FEWEST_PATIENTS:
        return f"not usable: {n} labelled patients, at least {FEWEST_PATIENTS} are needed"
    if len(in_scope) < FEWEST_PATIENTS:
        return "usable for comparison only: the tumour is out of scope (melanoma, NSCLC)"
    return "usable for training and evaluation"
