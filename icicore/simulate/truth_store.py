"""The one place that names, writes and opens the truth of virtual cohorts.

Truth lies in a folder called ``truth`` beside the cases, or inside a study. Training, tuning, prediction and
explanation have no business there: only the oracle section of an evaluation imports this module.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from icicore.errors import StudyError
from icicore.fingerprint import atomic_path, write_json
from icicore.simulate.patients import VirtualPatient
from icicore.types import Json

TRUTH_DIR = "truth"
TRUTH_TABLE = "truth.tsv"
TRUTH_FILE = "truth.json"


def is_truth(path: Path) -> bool:
    """Whether a path lies inside a truth folder; readers of cases and studies refuse such paths."""
    return TRUTH_DIR in path.parts


def case_truth_folder(case_folder: Path) -> Path:
    """Folder of the truth of a case: a sibling of the case folder, never inside it."""
    return case_folder.parent / TRUTH_DIR / case_folder.name


def write_case_truth(patient: VirtualPatient, case_folder: Path) -> Path:
    """Write truth.json of one case and return the folder."""
    folder = case_truth_folder(case_folder)
    write_json(folder / TRUTH_FILE, _record(patient))
    return folder


def read_case_truth(case_folder: Path) -> Json:
    """Read truth.json of one case."""
    return dict(json.loads((case_truth_folder(case_folder) / TRUTH_FILE).read_text(encoding="utf-8")))


def write_study_truth(patients: Sequence[VirtualPatient], study: Path) -> None:
    """Write truth.tsv (one row per patient) and truth.json (what is common to the cohort) into ``study``/truth."""
    rows = [_row(patient) for patient in patients]
    with atomic_path(study / TRUTH_DIR / TRUTH_TABLE) as temporary:
        pd.DataFrame(rows).to_csv(temporary, sep="\t", index=False, float_format="%.6g", lineterminator="\n")
    first = patients[0]
    common = {
        "schema": 1,
        "scenario": first.scenario,
        "intercept": first.truth.intercept,
        "causal_mutations": list(first.truth.causal_mutations),
        "causal_expression": list(first.truth.causal_expression),
        "causal_other": ["TMB", "til_density_margin", "phenotype", "tumour_stroma_ratio", "ldh_uln", "ecog", "age"],
    }
    write_json(study / TRUTH_DIR / TRUTH_FILE, common)


def read_study_truth(study: Path) -> pd.DataFrame:
    """Truth of a virtual study, one row per patient, indexed by patient id.

    Raises
    ------
    StudyError
        The study has no truth: it is a real one, or the truth was left behind.
    """
    path = study / TRUTH_DIR / TRUTH_TABLE
    if not path.is_file():
        raise StudyError(study, "has no truth", expected="a virtual study", remedy="use the folder that was simulated")
    return pd.read_csv(path, sep="\t", dtype={"patient": str}, keep_default_na=False).set_index("patient")


def _record(patient: VirtualPatient) -> Json:
    spec = patient.slide_spec.to_json() if patient.slide_spec else None
    head: Json = {"schema": 1, "case_id": patient.patient_id, "scenario": patient.scenario, "site": patient.site}
    return head | {"response": patient.response.value, "slide_spec": spec} | patient.truth.to_json()


def _row(patient: VirtualPatient) -> Json:
    truth = patient.truth
    row: Json = {"patient": patient.patient_id, "response": patient.response.value, "site": patient.site}
    row |= {"responder": int(bool(patient.response.responder)), "oracle_probability": truth.oracle_probability}
    row |= {f"oracle_{name}": value for name, value in truth.oracle.items()}
    row["oracle_attainable"] = truth.oracle_attainable
    row |= {f"part_{name}": value for name, value in truth.parts.items()}
    row |= {f"informative_{name}": int(value) for name, value in truth.informative.items()}
    return row | {"purity": truth.purity, **truth.factors, "lost_genes": ",".join(truth.lost_genes)}
