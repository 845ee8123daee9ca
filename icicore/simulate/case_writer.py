"""Write a virtual patient as a case folder; its truth goes beside the folder, never into it."""

from pathlib import Path

import pandas as pd

from icicore.fingerprint import atomic_path, write_json
from icicore.simulate.patients import VirtualPatient
from icicore.simulate.truth_store import write_case_truth
from icicore.types import Json, Progress, no_progress

GENOME_BUILD = "GRCh38"
TPM_DECIMALS = 3


def write_case(patient: VirtualPatient, folder: Path, *, render: bool = True, progress: Progress = no_progress) -> Path:
    """Write the case folder of a patient (case.json, slides/, mutations.maf, expression.tsv) and return it.

    Files that are missing by design are not written. The slide's truth and the patient's go to
    ``<folder.parent>/truth/<folder.name>/``. Every file appears whole or not at all; case.json comes last.

    Parameters
    ----------
    render : False leaves out the slide, which takes seconds
    progress : called while the slide is rendered
    """
    folder.mkdir(parents=True, exist_ok=True)
    truth_folder = write_case_truth(patient, folder)
    if patient.mutations is not None:
        _write_table(with_sample(patient.mutations, patient.patient_id), folder / "mutations.maf")
    if patient.expression is not None:
        table = pd.DataFrame({"gene": patient.expression_genes, "tpm": patient.expression.round(TPM_DECIMALS)})
        _write_table(table, folder / "expression.tsv")
    if render and patient.slide_spec is not None:
        _render(patient, folder / "slides", truth_folder, progress)
    write_json(folder / "case.json", case_record(patient))
    return folder


def case_record(patient: VirtualPatient) -> Json:
    """Content of case.json; unknown clinical values are null."""
    known = patient.clinical
    clinical = {"age": known.age, "sex": known.sex, "ecog": known.ecog, "ldh_uln": known.ldh_uln}
    return {
        "case_id": patient.patient_id,
        "tumour_type": patient.tumour_type.value,
        "clinical": None if known.empty else clinical,
        "response": patient.response.value,
        "virtual": True,
    }


def with_sample(mutations: pd.DataFrame, sample: str) -> pd.DataFrame:
    """MAF rows with the columns that say whose they are and on which genome build."""
    table = mutations.copy()
    table.insert(1, "NCBI_Build", GENOME_BUILD)
    table.insert(9, "Tumor_Sample_Barcode", sample)
    return table


def _write_table(table: pd.DataFrame, path: Path) -> None:
    with atomic_path(path) as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format=f"%.{TPM_DECIMALS}f", lineterminator="\n")


def _render(patient: VirtualPatient, slides: Path, truth_folder: Path, progress: Progress) -> None:
    from icicore.simulate.render import render_slide  # rendering pulls in the image libraries

    if patient.slide_spec is None:
        return
    name = f"{patient.patient_id}_A"
    slides.mkdir(parents=True, exist_ok=True)
    truth = render_slide(patient.slide_spec, slides / f"{name}.tif", progress=progress)
    truth.save(truth_folder / f"{name}.npz")
