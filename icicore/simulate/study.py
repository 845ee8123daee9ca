"""Write a virtual cohort as a cBioPortal study folder with ``slides.tsv``; the truth goes to a folder of its own."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from icicore.errors import InputError
from icicore.fingerprint import atomic_path, write_bytes
from icicore.simulate.case_writer import GENOME_BUILD, TPM_DECIMALS
from icicore.simulate.patients import VirtualPatient
from icicore.simulate.truth_store import write_study_truth
from icicore.types import Progress, no_progress

_PATIENT_TYPES = {
    "PATIENT_ID": "STRING", "AGE": "NUMBER", "SEX": "STRING", "ECOG": "NUMBER", "LDH_ULN": "NUMBER",
    "RESPONSE": "STRING", "TUMOUR_TYPE": "STRING", "SITE": "STRING",
}  # fmt: skip
_SAMPLE_TYPES = {"PATIENT_ID": "STRING", "SAMPLE_ID": "STRING", "CANCER_TYPE": "STRING", "TUMOR_PURITY": "NUMBER"}
_PROFILES: dict[str, tuple[str, str, str, tuple[str, str] | None]] = {
    "clinical_patient": ("CLINICAL", "PATIENT_ATTRIBUTES", "data_clinical_patient.txt", None),
    "clinical_sample": ("CLINICAL", "SAMPLE_ATTRIBUTES", "data_clinical_sample.txt", None),
    "mutations": ("MUTATION_EXTENDED", "MAF", "data_mutations.txt", ("mutations", "Mutations")),
    "mrna_seq_tpm": (
        "MRNA_EXPRESSION",
        "CONTINUOUS",
        "data_mrna_seq_tpm.txt",
        ("rna_seq_mrna", "mRNA expression (transcripts per million)"),
    ),
}
"""Of each meta file: alteration type, data type, data file, and (stable id, name) of the molecular profile."""
_CANCER_TYPE = {"melanoma": "Melanoma", "nsclc": "Non-Small Cell Lung Cancer"}


def write_study(
    patients: Sequence[VirtualPatient],
    out: Path,
    *,
    slides: Mapping[str, str] | None = None,
    progress: Progress = no_progress,
) -> Path:
    """Write the study folder of a cohort and return it.

    Parameters
    ----------
    patients : of one cohort: they share the list of expression genes
    out : folder; files of the same name are replaced, each whole or not at all
    slides : path of the slide or bag of each patient, relative to ``out``; by default ``bags/<id>.safetensors`` for
        every patient who has histology
    progress : called once per part

    Raises
    ------
    InputError
        No patients, or patients of different cohorts.
    """
    if not patients or len({p.expression_genes for p in patients}) != 1:
        raise InputError("patients", "none, or with different expression genes", expected="the patients of one cohort")
    out.mkdir(parents=True, exist_ok=True)
    parts: dict[str, Callable[[Sequence[VirtualPatient], Path], None]] = {
        "clinical": _write_clinical,
        "mutations": _write_mutations,
        "expression": _write_expression,
        "truth": write_study_truth,
    }
    for done, (name, write) in enumerate(parts.items()):
        progress(done, len(parts), name)
        write(patients, out)
    progress(len(parts), len(parts), "study")
    _write_slides(default_slides(patients) if slides is None else slides, out)
    _write_meta(patients[0].scenario, len(patients), out)
    return out


def default_slides(patients: Sequence[VirtualPatient]) -> dict[str, str]:
    """Where the bag of each patient with histology is expected, relative to the study folder."""
    return {p.patient_id: f"bags/{p.patient_id}.safetensors" for p in patients if p.slide_spec is not None}


def _write_clinical(patients: Sequence[VirtualPatient], out: Path) -> None:
    people = pd.DataFrame(
        {
            "PATIENT_ID": [p.patient_id for p in patients],
            "AGE": [_number(p.clinical.age) for p in patients],
            "SEX": [{"F": "Female", "M": "Male", None: ""}[p.clinical.sex] for p in patients],
            "ECOG": [_number(p.clinical.ecog) for p in patients],
            "LDH_ULN": [_number(p.clinical.ldh_uln) for p in patients],
            "RESPONSE": [p.response.value for p in patients],
            "TUMOUR_TYPE": [p.tumour_type.value for p in patients],
            "SITE": [f"site{p.site}" for p in patients],
        }
    )
    samples = pd.DataFrame(
        {
            "PATIENT_ID": people["PATIENT_ID"],
            "SAMPLE_ID": people["PATIENT_ID"],
            "CANCER_TYPE": [_CANCER_TYPE[p.tumour_type.value] for p in patients],
            "TUMOR_PURITY": [f"{p.truth.purity:.2f}" for p in patients],
        }
    )
    _write_attributes(people, _PATIENT_TYPES, out / "data_clinical_patient.txt")
    _write_attributes(samples, _SAMPLE_TYPES, out / "data_clinical_sample.txt")


def _number(value: float | int | None) -> str:
    return "" if value is None else f"{value:g}"


def _write_attributes(table: pd.DataFrame, types: Mapping[str, str], path: Path) -> None:
    """Clinical table with the four header lines of the format: name, description, type, priority."""
    names = list(types)
    head = [names, names, list(types.values()), ["1"] * len(names)]
    text = "".join("#" + "\t".join(line) + "\n" for line in head)
    text += table.to_csv(sep="\t", index=False, lineterminator="\n")
    write_bytes(path, text.encode())


def _write_mutations(patients: Sequence[VirtualPatient], out: Path) -> None:
    """One MAF of all sequenced patients; each has at least one row, so a patient without rows was not sequenced."""
    frames = [p.mutations for p in patients if p.mutations is not None]
    ids = [p.patient_id for p in patients if p.mutations is not None]
    with atomic_path(out / "data_mutations.txt") as temporary:
        if frames:
            table = pd.concat(frames, ignore_index=True)
            table.insert(1, "NCBI_Build", GENOME_BUILD)
            table.insert(9, "Tumor_Sample_Barcode", np.repeat(np.array(ids, dtype=object), [len(f) for f in frames]))
            table.to_csv(temporary, sep="\t", index=False, lineterminator="\n")
    _write_case_list(ids, "sequenced", out)


def _write_expression(patients: Sequence[VirtualPatient], out: Path) -> None:
    measured = [(p.patient_id, p.expression) for p in patients if p.expression is not None]
    with atomic_path(out / "data_mrna_seq_tpm.txt") as temporary:
        genes = patients[0].expression_genes
        values = np.stack([v for _, v in measured], axis=1) if measured else np.zeros((len(genes), 0))
        table = pd.DataFrame(values, columns=[name for name, _ in measured])
        table.insert(0, "Hugo_Symbol", genes)
        table.to_csv(temporary, sep="\t", index=False, float_format=f"%.{TPM_DECIMALS}f", lineterminator="\n")
    _write_case_list([name for name, _ in measured], "rna_seq_mrna", out)


def _write_slides(rows: Mapping[str, str], out: Path) -> None:
    lines = ["patient\tpath", *(f"{patient}\t{path}" for patient, path in rows.items())]
    write_bytes(out / "slides.tsv", ("\n".join(lines) + "\n").encode())


def _write_case_list(ids: Sequence[str], name: str, out: Path) -> None:
    """List of the samples that were profiled, as the format asks for."""
    study = _study_id(out)
    content = {
        "cancer_study_identifier": study,
        "stable_id": f"{study}_{name}",
        "case_list_name": f"Samples with {name.replace('_', ' ')} data",
        "case_list_description": f"{len(ids)} samples",
        "case_list_ids": "\t".join(ids),
    }
    _write_properties(content, out / "case_lists" / f"cases_{name}.txt")


def _write_meta(scenario: str, n: int, out: Path) -> None:
    about = f"Virtual cohort of {n} simulated patients, scenario {scenario}. No real patient; research use only."
    head = {"cancer_study_identifier": _study_id(out)}
    study = {"type_of_cancer": "mixed", **head, "name": _study_id(out), "description": about}
    _write_properties(study | {"add_global_case_list": "true", "reference_genome": "hg38"}, out / "meta_study.txt")
    for name, (alteration, datatype, data, profile) in _PROFILES.items():
        content = head | {"genetic_alteration_type": alteration, "datatype": datatype}
        content |= {"stable_id": profile[0], "profile_name": profile[1]} if profile else {}
        content |= {"profile_description": f"Simulated: {profile[1]}"} if profile else {}
        content |= {"show_profile_in_analysis_tab": str(datatype == "MAF").lower()} if profile else {}
        _write_properties(content | {"data_filename": data}, out / f"meta_{name}.txt")


def _study_id(out: Path) -> str:
    return "virtual_" + "".join(c if c.isalnum() else "_" for c in out.resolve().name)


def _write_properties(content: Mapping[str, str], path: Path) -> None:
    write_bytes(path, "".join(f"{key}: {value}\n" for key, value in content.items()).encode())
