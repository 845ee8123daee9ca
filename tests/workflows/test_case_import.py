"""Import of a case folder, a folder of cases and a study; what cannot be imported is listed, the rest is."""

import json
from pathlib import Path

import pytest

from icicore.errors import CaseError, NotAllowed, StudyError
from icicore.settings import read_settings
from icicore.workflows.case_import import describe, import_cases
from icicore.workflows.cases import load_case, open_case
from icicore.workflows.services import Services, build_services


@pytest.fixture
def services(tmp_path) -> Services:
    settings = read_settings({"ICICORE_HOME": str(tmp_path / "home"), "ICICORE_ROOTS": str(tmp_path / "data")})
    built = build_services(settings)
    yield built
    built.database.close()


def write_case(folder: Path, **record: object) -> Path:
    folder.mkdir(parents=True)
    content = {"case_id": folder.name, "tumour_type": "nsclc", "clinical": {"age": 60, "ecog": 1}} | record
    (folder / "case.json").write_text(json.dumps(content))
    return folder


def rows(services: Services) -> list[str]:
    return [row.case_id for row in services.cases.all()]


def test_a_folder_of_cases_is_imported_and_what_is_wrong_is_listed(services, tmp_path):
    root = tmp_path / "data"
    write_case(root / "P-1")
    write_case(root / "site" / "P-2")
    write_case(root / "P-3", tumour_type="glioma")
    write_case(root / "P-4", clinical={"age": "63,5"})
    (root / "P-5").mkdir()
    (root / "P-5" / "case.json").write_text("{")
    report = import_cases(services, root)
    assert (report.kind, report.found, report.imported, report.new) == ("folder", 5, 2, 2)
    assert rows(services) == ["P-1", "P-2"]
    refused = dict(report.refused)
    assert set(refused) == {"P-3", "P-4", "P-5"}
    assert "glioma" in refused["P-3"] and "decimal comma" in refused["P-4"] and "not valid JSON" in refused["P-5"]
    assert all("\n" not in line for line in refused.values())
    assert sum(line.startswith("left out") for line in describe(report)) == 3


def test_a_second_import_refreshes_and_keeps_the_result(services, tmp_path):
    folder = write_case(tmp_path / "data" / "P-1")
    row = open_case(services, folder)
    services.cases.set_state(row.case_key, "scored", probability=0.4)
    report = import_cases(services, tmp_path / "data")
    assert (report.imported, report.new) == (1, 0)
    kept = services.cases.get(row.case_key)
    assert (kept.state, kept.probability) == ("scored", 0.4)


def test_a_single_case_folder(services, tmp_path):
    report = import_cases(services, write_case(tmp_path / "data" / "P-1"))
    assert (report.kind, report.imported) == ("case", 1)


def test_a_path_outside_the_roots_is_refused_also_through_a_link(services, tmp_path):
    write_case(tmp_path / "elsewhere" / "P-1")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link").symlink_to(tmp_path / "elsewhere")
    for path in (tmp_path / "elsewhere", tmp_path / "data" / "link"):
        with pytest.raises(NotAllowed, match="lies outside the folders"):
            import_cases(services, path)
    assert rows(services) == []


def test_nothing_to_import_is_said(services, tmp_path):
    (tmp_path / "data").mkdir()
    with pytest.raises(CaseError, match="holds no case"):
        import_cases(services, tmp_path / "data")
    with pytest.raises(CaseError, match="no such folder"):
        import_cases(services, tmp_path / "data" / "nothing")


# --- studies ----------------------------------------------------------------------------------------------------------

MAF = "Hugo_Symbol\tNCBI_Build\tVariant_Classification\tTumor_Sample_Barcode\tHGVSp_Short"


@pytest.fixture
def study(tmp_path) -> Path:
    """Five patients: two samples, no mutation, out of scope, unusable id, and one with tile embeddings only."""
    folder = tmp_path / "data" / "study"
    (folder / "slides").mkdir(parents=True)
    (folder / "slides" / "a.svs").write_bytes(b"slide")
    (tmp_path / "secret.svs").write_bytes(b"slide")
    (folder / "meta_study.txt").write_text(
        "cancer_study_identifier: Small_2020\nname: small\ndescription: nivolumab\ntype_of_cancer: skcm\n"
    )
    patients = [
        "PATIENT_ID\tAGE\tSEX\tRESPONSE\tTUMOUR_TYPE\tTREATMENT",
        "A-1\t63\tFemale\tPR\tmelanoma\tnivolumab",
        "A-2\t55\tMale\tPD\tnsclc\tnivolumab",
        "A-3\t50\tMale\tPD\tglioma\tnivolumab",
        "A/4\t41\tMale\tSD\tnsclc\tnivolumab",
        "A-5\t70\tMale\tNE\tnsclc\tnivolumab",
    ]
    (folder / "data_clinical_patient.txt").write_text("#x\n" + "\n".join(patients) + "\n")
    samples = ["PATIENT_ID\tSAMPLE_ID", "A-1\tA-1-b", "A-1\tA-1-a", "A-2\tS2", "A-3\tS3", "A/4\tS4", "A-5\tS5"]
    (folder / "data_clinical_sample.txt").write_text("\n".join(samples) + "\n")
    lines = ["#sequenced_samples: S2", MAF, "BRAF\tGRCh38\tMissense_Mutation\tA-1-a\tp.V600E"]
    lines.append("TP53\tGRCh38\tNonsense_Mutation\tA-1-a\tp.R213*")
    (folder / "data_mutations.txt").write_text("\n".join(lines) + "\n")
    expression = ["Hugo_Symbol\tA-1-a\tS2", "CD274\t12.5\tNA", "CXCL9\t3.25\t7"]
    (folder / "data_mrna_seq_tpm.txt").write_text("\n".join(expression) + "\n")
    slides = [
        "patient\tpath", "A-1\tslides/a.svs", "A-2\tslides/gone.svs", f"A-2\t{tmp_path / 'secret.svs'}",
        "A-5\tbags/x.safetensors",
    ]  # fmt: skip
    (folder / "slides.tsv").write_text("\n".join(slides) + "\n")
    return folder


def test_each_patient_of_a_study_becomes_a_case(services, study, tmp_path):
    report = import_cases(services, study)
    assert (report.kind, report.imported) == ("study", 3)
    assert rows(services) == ["A-1", "A-2", "A-5"]
    case = load_case(services, services.cases.all()[0].case_key)
    assert case.folder == services.settings.cases_dir / "small_2020" / "A-1"
    assert (case.clinical.age, case.clinical.sex, str(case.response)) == (63, "F", "PR")
    assert case.sample_barcode == "A-1-a", "the sample with data stands for the patient"
    (slide,) = case.slides
    assert slide.is_symlink() and slide.resolve() == (study / "slides" / "a.svs").resolve(), "nothing is copied"
    assert "BRAF" in case.mutations.read_text() and "A-1-b" not in case.mutations.read_text()
    assert case.expression.read_text() == "gene\ttpm\nCD274\t12.5\nCXCL9\t3.25\n"


def test_mutations_and_expression_read_back_as_those_of_the_sample(services, study):
    from icicore.genomics.expression import read_expression
    from icicore.genomics.mutations import read_mutations

    import_cases(services, study)
    cases = [load_case(services, row.case_key) for row in services.cases.all()]
    first = read_mutations(cases[0].mutations, case_id="A-1", sample_barcode=cases[0].sample_barcode)
    assert {m.gene for m in first.mutations} == {"BRAF", "TP53"}
    none = read_mutations(cases[1].mutations, case_id="A-2", sample_barcode=cases[1].sample_barcode)
    assert none.mutations == (), "sequenced without a mutation is not the same as not sequenced"
    assert cases[2].mutations is None
    assert "CXCL9" in read_expression(cases[1].expression).genes


def test_what_a_study_cannot_give_is_listed_with_one_line_each(services, study):
    refused = import_cases(services, study).refused
    lines = {name: [line for n, line in refused if n == name] for name, _ in refused}
    assert "missing" in lines["A-2"][0] and "lies outside the folders" in lines["A-2"][1]
    assert "out of scope" in lines["A-3"][0]
    assert "cannot name a case" in lines["A/4"][0]
    assert "tile embeddings" in lines["A-5"][0]


def test_the_same_study_again_refreshes_its_cases(services, study):
    import_cases(services, study)
    (study / "slides.tsv").write_text("patient\tpath\n")
    report = import_cases(services, study)
    assert (report.imported, report.new) == (3, 0)
    assert load_case(services, services.cases.all()[0].case_key).slides == ()


def test_two_studies_of_one_name_are_kept_apart(services, study):
    import_cases(services, study)
    moved = study.rename(study.with_name("other"))
    with pytest.raises(StudyError, match="is the name of a study imported from"):
        import_cases(services, moved)
