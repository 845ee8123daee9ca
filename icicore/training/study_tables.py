"""The tables of a study folder: patients with label and clinical values, and which samples are whose."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from icicore.clinical.response import parse_label, parse_word
from icicore.clinical.table import parse_clinical
from icicore.domain import ClinicalValues, Recist, TumourType
from icicore.errors import StudyError
from icicore.genomics.coverage import listed

PATIENTS, SAMPLES = "data_clinical_patient.txt", "data_clinical_sample.txt"
ROUTINE = ("ALBUMIN", "NLR", "SYSTEMIC_HISTORY", "PDL1_TPS")
"""Columns that only comparison scores read: albumin g/dL, neutrophil to lymphocyte ratio, earlier systemic therapy 0/1,
PD-L1 tumour proportion score in percent."""
_FIELDS = {"AGE": "age", "SEX": "sex", "ECOG": "ecog", "LDH_ULN": "ldh_uln"}
_SPLIT = "SPLIT"


@dataclass(frozen=True)
class Patient:
    """A labelled patient; ``response`` is None where the study states the label alone.

    ``routine`` holds the values of ``ROUTINE`` that are known.
    """

    patient: str
    tumour_type: str
    site: str
    responder: bool
    response: Recist | None
    clinical: ClinicalValues | None
    endpoint: str = ""
    routine: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """A sample and what its row says of it: assay, and mutations per Mb (NaN where not stated)."""

    name: str
    assay: str = ""
    tmb: float = float("nan")


def guarded(folder: Path, name: str) -> Path:
    """Path of a file of the study; refuses anything below a folder called ``truth``."""
    path = folder / name
    resolved = path.resolve()
    if "truth" in (part.lower() for part in resolved.parent.relative_to(resolved.anchor).parts):
        raise StudyError(path, "lies in a folder of planted truth", remedy="training must not read it; name another")
    return path


def read_table(path: Path, needed: Sequence[str]) -> pd.DataFrame:
    """A tab-separated table as text, without its comment lines.

    Raises
    ------
    StudyError
        missing, unreadable, or without a needed column
    """
    try:
        # Lines that begin with # are comments; within a cell it is text, and so is a quote.
        lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if not line.startswith("#")]
        text = io.StringIO("\n".join(lines))
        table = pd.read_csv(text, sep="\t", dtype=str, keep_default_na=False, quoting=csv.QUOTE_NONE)
        table = pd.DataFrame({str(name).strip('"'): table[name].str.strip('"') for name in table})
    except FileNotFoundError:
        raise StudyError(path, "is missing", expected="a cBioPortal study folder", remedy="add it") from None
    except (ValueError, OSError) as error:
        raise StudyError(
            path, f"cannot be read ({error})", expected="tab-separated UTF-8", remedy="save it so"
        ) from error
    missing = [name for name in needed if name not in table.columns]
    if missing:
        raise StudyError(
            path,
            f"lacks the column {missing[0]}",
            expected=", ".join(needed),
            remedy="add it, or bring the study into this form with `icicore import`",
        )
    return table


def read_patients(folder: Path, notes: list[str], *, any_tumour: bool = False) -> list[Patient]:
    """Labelled patients; ``notes`` gains a line for each group that is left out.

    Raises
    ------
    StudyError
        a patient twice with different values or in two splits, no label, no patient in scope
    """
    path = guarded(folder, PATIENTS)
    table = read_table(path, ("PATIENT_ID", "RESPONSE", "TUMOUR_TYPE"))
    rows = _one_row_each(path, table, notes)
    labels = {r["PATIENT_ID"]: parse_label(r["RESPONSE"], source=_source(path, r)) for r in rows}
    labelled = [row for row in rows if labels[row["PATIENT_ID"]] is not None]
    if not labelled:
        raise StudyError(
            path,
            f"no patient has a response ({len(rows)} patients)",
            expected="CR, PR, SD or PD in RESPONSE",
            remedy="add them",
        )
    if len(labelled) < len(rows):
        left = [row["PATIENT_ID"] for row in rows if labels[row["PATIENT_ID"]] is None]
        notes.append(f"{len(left)} patients without a response (NE, mixed or blank) are left out: {listed(left)}")
    used = _in_scope(path, labelled, notes, any_tumour=any_tumour)
    return [_patient(row, responder=labels[row["PATIENT_ID"]] is True, source=_source(path, row)) for row in used]


def read_samples(folder: Path, patients: Sequence[str], notes: list[str]) -> dict[str, list[Sample]]:
    """Samples of each patient; a study without the sample table names its samples like its patients."""
    if not (folder / SAMPLES).is_file():
        return {patient: [Sample(patient)] for patient in patients}
    path = guarded(folder, SAMPLES)
    table = read_table(path, ("PATIENT_ID", "SAMPLE_ID"))
    _check_splits(path, table)
    repeated = table["SAMPLE_ID"][table.duplicated(["PATIENT_ID", "SAMPLE_ID"])].unique().tolist()
    if repeated:
        notes.append(f"{len(repeated)} samples are listed more than once and used once: {listed(repeated)}")
    owners = table.drop_duplicates(["PATIENT_ID", "SAMPLE_ID"])
    shared = sorted(set(owners["SAMPLE_ID"][owners["SAMPLE_ID"].duplicated()]))
    if shared:
        notes.append(f"{len(shared)} samples are listed for two patients and left out: {listed(shared)}")
    samples: dict[str, list[Sample]] = {patient: [] for patient in patients}
    for row in owners[~owners["SAMPLE_ID"].isin(shared)].to_dict("records"):
        own = samples.get(str(row["PATIENT_ID"]))
        if own is not None:
            own.append(Sample(str(row["SAMPLE_ID"]), str(row.get("GENE_PANEL", "")), number(row.get("TMB"))))
    return samples


def number(cell: object) -> float:
    """A cell as a number, NaN where it is none."""
    try:
        value = float(str(cell))
    except ValueError:
        return float("nan")
    return value if math.isfinite(value) else float("nan")


def _one_row_each(path: Path, table: pd.DataFrame, notes: list[str]) -> list[dict[str, str]]:
    _check_splits(path, table)
    exact = table.drop_duplicates()
    twice = exact["PATIENT_ID"][exact["PATIENT_ID"].duplicated()]
    if len(twice):
        rows = exact[exact["PATIENT_ID"] == twice.iloc[0]]
        differs = [str(name) for name in rows if rows[name].nunique() > 1]
        raise StudyError(
            path,
            f"patient {twice.iloc[0]} is listed twice with different {', '.join(differs[:3])}",
            expected="one row each",
            remedy="remove the wrong one",
        )
    if len(exact) < len(table):
        repeated = table["PATIENT_ID"][table.duplicated()].unique().tolist()
        notes.append(f"{len(repeated)} patients are listed twice alike and used once: {listed(repeated)}")
    return [{str(k): str(v).strip() for k, v in row.items()} for row in exact.to_dict("records")]


def _check_splits(path: Path, table: pd.DataFrame) -> None:
    if _SPLIT not in table:
        return
    parts = table[table[_SPLIT].str.strip() != ""].groupby("PATIENT_ID")[_SPLIT].nunique()
    if (parts > 1).any():
        patient = parts.index[parts > 1][0]
        found = ", ".join(sorted(set(table.loc[table["PATIENT_ID"] == patient, _SPLIT])))
        raise StudyError(
            path, f"patient {patient} is in two splits ({found})", expected="one split per patient", remedy="correct it"
        )


def _in_scope(
    path: Path, rows: Sequence[dict[str, str]], notes: list[str], *, any_tumour: bool
) -> Sequence[dict[str, str]]:
    kinds = [t.value for t in TumourType]
    used = [row for row in rows if row["TUMOUR_TYPE"].lower() in kinds]
    others = sorted({row["TUMOUR_TYPE"] or "none stated" for row in rows if row["TUMOUR_TYPE"].lower() not in kinds})
    if others and any_tumour:
        notes.append(f"{len(rows) - len(used)} patients have a tumour out of scope, for comparison: {listed(others)}")
        return rows
    if not used:
        raise StudyError(
            path,
            f"tumour type {listed([repr(name) for name in others])} is out of scope",
            expected=" or ".join(kinds),
            remedy="use it for comparison only",
        )
    if others:
        notes.append(f"{len(rows) - len(used)} patients with a tumour out of scope are left out: {listed(others)}")
    return used


def _patient(row: Mapping[str, str], *, responder: bool, source: str) -> Patient:
    clinical = parse_clinical({to: row[name] for name, to in _FIELDS.items() if name in row}, source=source)
    routine = {name: number(row.get(name)) for name in ROUTINE}
    return Patient(
        patient=row["PATIENT_ID"],
        tumour_type=row["TUMOUR_TYPE"].lower(),
        site=row.get("SITE", ""),
        responder=responder,
        response=parse_word(row["RESPONSE"]),
        clinical=None if clinical.empty else clinical,
        endpoint=row.get("RESPONSE_ENDPOINT", ""),
        routine={name: value for name, value in routine.items() if not math.isnan(value)},
    )


def _source(path: Path, row: Mapping[str, str]) -> str:
    return f"{path.name}, patient {row['PATIENT_ID']}"
