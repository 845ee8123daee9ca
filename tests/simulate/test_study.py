import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import icicore
from icicore.clinical.response import parse_response
from icicore.clinical.table import parse_clinical
from icicore.errors import InputError, StudyError
from icicore.genomics.expression import read_expression
from icicore.genomics.expression_matrix import read_expression_matrix
from icicore.genomics.maf import read_maf_table
from icicore.genomics.mutations import read_mutations
from icicore.simulate.case_writer import write_case
from icicore.simulate.scenarios import SCENARIOS
from icicore.simulate.study import write_study
from icicore.simulate.truth_store import TRUTH_DIR, case_truth_folder, is_truth, read_case_truth, read_study_truth
from tests.simulate.cohorts import cohort

N, ROOT = 60, Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_study(cohort(N, 4), tmp_path_factory.mktemp("studies") / "study")


def _table(path):
    return pd.read_csv(path, sep="\t", comment="#", dtype=str, keep_default_na=False)


def test_clinical_tables_hold_every_patient(study):
    people, patients = _table(study / "data_clinical_patient.txt"), cohort(N, 4)
    head = (study / "data_clinical_patient.txt").read_text().splitlines()[:4]
    assert all(line.startswith("#") and line.count("\t") == 7 for line in head)
    assert people["PATIENT_ID"].tolist() == [p.patient_id for p in patients]
    for row, patient in zip(people.itertuples(), patients, strict=True):
        fields = {"age": row.AGE, "sex": row.SEX, "ecog": row.ECOG, "ldh_uln": row.LDH_ULN}
        assert parse_clinical(fields, source="test") == patient.clinical
        assert parse_response(row.RESPONSE) == patient.response
    samples = _table(study / "data_clinical_sample.txt")
    assert samples["SAMPLE_ID"].is_unique and set(samples["PATIENT_ID"]) == set(people["PATIENT_ID"])


def test_mutations_read_back(study):
    table = read_maf_table(study / "data_mutations.txt")
    sequenced = {p.patient_id: p.mutations for p in cohort(N, 4) if p.mutations is not None}
    assert set(table.samples) == set(sequenced)
    assert table.warnings == ()
    counts = table.rows.groupby("sample").size()
    for name, rows in sequenced.items():
        assert counts[name] == pytest.approx(len(rows), abs=3)  # the reader drops chance duplicates
    assert len({name for name in sequenced if not len(sequenced[name])}) == 0


def test_expression_reads_back(study):
    matrix = read_expression_matrix(study / "data_mrna_seq_tpm.txt")
    measured = [p.patient_id for p in cohort(N, 4) if p.expression is not None]
    assert list(matrix.samples) == measured
    raw = pd.read_csv(study / "data_mrna_seq_tpm.txt", sep="\t", index_col=0)
    one = next(p for p in cohort(N, 4) if p.expression is not None)
    np.testing.assert_allclose(raw[one.patient_id].to_numpy(), one.expression, atol=6e-4, rtol=1e-6)
    assert tuple(raw.index) == one.expression_genes


def test_slides_and_meta_name_what_is_there(study):
    slides = _table(study / "slides.tsv")
    assert slides.columns.tolist() == ["patient", "path"]
    assert set(slides["patient"]) == {p.patient_id for p in cohort(N, 4) if p.slide_spec is not None}
    for meta in study.glob("meta_*.txt"):
        fields = dict(line.split(": ", 1) for line in meta.read_text().splitlines())
        assert fields["cancer_study_identifier"] == "virtual_study"
        if "data_filename" in fields:
            assert (study / fields["data_filename"]).is_file()
    assert "research use only" in (study / "meta_study.txt").read_text()


def test_same_cohort_gives_same_bytes(study, tmp_path):
    again = write_study(cohort(N, 4), tmp_path / "study")
    files = sorted(p.relative_to(study) for p in study.rglob("*") if p.is_file())
    assert len(files) >= 12
    for name in files:
        assert (study / name).read_bytes() == (again / name).read_bytes(), name


def test_the_bytes_do_not_depend_on_the_process(study, tmp_path):
    code = (
        "import sys; from pathlib import Path; from icicore.simulate.study import write_study; "
        f"from tests.simulate.cohorts import cohort; write_study(cohort({N}, 4), Path(sys.argv[1]))"
    )
    for seed in ("1", "2"):  # of the order of sets
        made, environment = tmp_path / seed / "study", {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", code, str(made)], env=environment, cwd=ROOT, check=True)
        for path in sorted(p for p in study.rglob("*") if p.is_file()):
            assert (made / path.relative_to(study)).read_bytes() == path.read_bytes(), (seed, path.name)


def test_truth_is_apart_and_complete(study):
    truth = read_study_truth(study)
    assert truth.index.tolist() == [p.patient_id for p in cohort(N, 4)]
    assert truth["oracle_probability"].between(0, 1).all()
    for path in study.rglob("*"):
        if path.is_file() and not is_truth(path.relative_to(study)):
            assert b"oracle" not in path.read_bytes(), path


def test_everything_that_training_reads_works_without_the_truth(study, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(study, bare, ignore=shutil.ignore_patterns(TRUTH_DIR))
    assert len(_table(bare / "data_clinical_patient.txt")) == N
    assert read_maf_table(bare / "data_mutations.txt").samples
    assert read_expression_matrix(bare / "data_mrna_seq_tpm.txt").samples
    with pytest.raises(StudyError, match="has no truth"):
        read_study_truth(bare)


def test_only_simulation_and_evaluation_name_the_truth():
    package = Path(icicore.__file__).parent
    allowed = {"simulate", "workflows", "evaluation"}
    for path in package.rglob("*.py"):
        if path.relative_to(package).parts[0] not in allowed:
            text = path.read_text(encoding="utf-8")
            assert "truth_store" not in text and "truth.tsv" not in text, path


def test_a_study_needs_patients(tmp_path):
    with pytest.raises(InputError, match="one cohort"):
        write_study([], tmp_path / "none")


@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_case_folders_read_back(tmp_path, scenario):
    for patient in cohort(12, 8, scenario):
        folder = write_case(patient, tmp_path / patient.patient_id, render=False)
        record = json.loads((folder / "case.json").read_text())
        assert record["virtual"] is True and record["case_id"] == patient.patient_id
        assert parse_clinical(record["clinical"] or {}, source="case.json") == patient.clinical
        assert (folder / "mutations.maf").exists() == (patient.mutations is not None)
        if patient.mutations is not None:
            calls = read_mutations(folder / "mutations.maf", case_id=patient.patient_id)
            assert calls.genome_build == "GRCh38" and calls.n_synonymous > 0
            assert calls.tmb == pytest.approx(patient.truth.factors["tmb"], rel=0.5, abs=0.6)
        if patient.expression is not None:
            assert read_expression(folder / "expression.tsv").unit == "tpm"
        assert not any("truth" in p.name or "oracle" in p.read_text() for p in folder.rglob("*") if p.is_file())
        assert case_truth_folder(folder) == tmp_path / TRUTH_DIR / patient.patient_id
        assert read_case_truth(folder)["oracle_probability"] == patient.truth.oracle_probability


@pytest.mark.slow
def test_a_rendered_case_has_its_slide_and_its_truth(tmp_path):
    patient = next(p for p in cohort(12, 8) if p.slide_spec is not None)
    folder = write_case(patient, tmp_path / "case")
    assert [p.name for p in (folder / "slides").iterdir()] == [f"{patient.patient_id}_A.tif"]
    assert (tmp_path / TRUTH_DIR / "case" / f"{patient.patient_id}_A.npz").is_file()
