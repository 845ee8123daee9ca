"""Importing studies as they are published: what is found, what is withheld, and that cohorts never mix."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from icicore.cli import cli
from icicore.errors import StudyError
from icicore.genomics.panel import load_panel
from icicore.settings import Settings, read_settings
from icicore.training.study import read_study
from icicore.workflows.cohorts import import_study
from tests.shared_data import shared
from tests.training.study_folder import MAF, edit, write_small_study, write_table

PANEL = load_panel()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({"ICICORE_HOME": str(tmp_path / "home")})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A study with other column names: labels beside categories, a drug, two patients of another id scheme."""
    folder = write_small_study(tmp_path / "source")
    header = ["PATIENT_ID", "AGE_AT_DIAGNOSIS", "GENDER", "BEST_RESPONSE", "RESPONDER", "TREATMENT"]
    rows = [[f"P{i:02d}", 60, "Male", "PR" if i % 3 == 0 else "SD", int(i % 3 == 0), "nivolumab"] for i in range(24)]
    rows[1][3:5] = ["MR", 0]
    write_table(folder / "data_clinical_patient.txt", header, rows)
    kinds = [[f"P{i:02d}", f"P{i:02d}-T", "Melanoma"] for i in range(24)]
    write_table(folder / "data_clinical_sample.txt", ["PATIENT_ID", "SAMPLE_ID", "CANCER_TYPE"], kinds)
    (folder / "meta_study.txt").write_text("cancer_study_identifier: Some Study\nname: x\ndescription: y\n")
    return folder


def test_a_study_is_imported_and_can_be_read(settings, source):
    report = import_study(settings, source)
    assert report["name"] == "some-study"
    assert (report["patients"], report["labelled"], report["responders"]) == (24, 23, 8)
    assert report["usable"] == "usable for training and evaluation"
    assert report["with"] == {"histology": 0, "mutation": 23, "expression": 23, "clinical": 23}
    assert any("mixed response" in line for line in report["notes"])
    study = read_study(Path(report["folder"]))
    original = read_study(write_small_study(source.parent / "again"))
    kept = [i for i in range(24) if i != 1]
    assert study.patients == tuple(f"some-study.P{i:02d}" for i in kept)
    assert (study.gene_values == original.gene_values[kept]).all()
    assert (study.gene_measured == original.gene_measured[kept]).all()
    assert study.clinical[0].age == 60


def test_the_same_ids_in_two_cohorts_stay_apart(settings, source):
    first = read_study(Path(import_study(settings, source, name="one")["folder"]))
    second = read_study(Path(import_study(settings, source, name="two")["folder"]))
    assert not set(first.patients) & set(second.patients)


def test_a_name_is_not_given_to_another_study(settings, source, tmp_path):
    import_study(settings, source)
    import_study(settings, source)  # again is fine: it is replaced
    other = write_small_study(tmp_path / "other")
    with pytest.raises(StudyError, match="is the name of a study imported from .*; give --name"):
        import_study(settings, other, name="some-study")
    assert sorted(p.name for p in settings.studies_dir.iterdir()) == ["some-study"]


def test_a_response_to_another_drug_is_withheld(settings, source):
    edit(source / "data_clinical_patient.txt", lambda rows: [rows[0], *([*r[:5], "Vemurafenib"] for r in rows[1:])])
    report = import_study(settings, source)
    assert report["labelled"] == 0
    assert not report["checkpoint_inhibitor"]
    assert any("another one (Vemurafenib)" in line for line in report["notes"])
    with pytest.raises(StudyError, match="no patient has a response"):
        read_study(Path(report["folder"]))


def test_genes_outside_a_patients_panel_are_not_measured(settings, source):
    covered = PANEL.mutation_genes[:40]
    (source / "data_gene_panel_small.txt").write_text("stable_id: SMALL\ngene_list:\t" + "\t".join(covered) + "\n")
    rows = [[f"P{i:02d}-T", "SMALL" if i < 12 else "WES"] for i in range(24)]
    write_table(source / "data_gene_panel_matrix.txt", ["SAMPLE_ID", "mutations"], rows)
    write_table(source / "data_mutations.txt", MAF, [(covered[0], "Missense_Mutation", "P00-T", "GRCh37", 1, 5)])
    report = import_study(settings, source)
    assert report["panels"] == {"SMALL": 12, "WES": 12}
    study = read_study(Path(report["folder"]))
    assert study.gene_measured[0, :500].sum() == 40
    assert study.gene_measured[5, :500].sum() == 40  # on the list, without a mutation
    assert study.gene_measured[20, :500].all()


def test_samples_under_treatment_are_left_out(settings, source):
    def change(rows):
        body = [[*row, "Pre"] for row in rows[1:]]
        return [[*rows[0], "SAMPLE_TREATMENT"], ["P00", "P00-on", "Melanoma", "On"], *body]

    edit(source / "data_clinical_sample.txt", change)
    report = import_study(settings, source)
    assert any("1 samples taken during or after treatment" in line for line in report["notes"])
    assert read_study(Path(report["folder"])).gene_measured[0].any()


def test_an_unusable_matrix_is_listed_and_the_rest_imported(settings, source):
    edit(source / "data_mrna_seq_tpm.txt", lambda rows: [rows[0], *([r[0], "-1", *r[2:]] for r in rows[1:])])
    report = import_study(settings, source)
    assert report["expression"] is None
    assert any("expression is not used" in line and "negative" in line for line in report["notes"])
    assert report["with"]["mutation"] == 23


def test_a_study_without_patient_table_is_read_from_its_samples(settings, source):
    (source / "data_clinical_patient.txt").unlink()
    report = import_study(settings, source)
    assert (report["patients"], report["labelled"]) == (24, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: [p.unlink() for p in f.glob("data_clinical*")], "holds no clinical table"),
        (lambda f: (f / "data_clinical_patient.txt").write_text("ID\tAGE\nA\t3\n"), "lacks the column PATIENT_ID"),
        (lambda f: (f / "data_clinical_patient.txt").write_bytes(b"PATIENT_ID\tX\nA\t\xff\n"), "not UTF-8"),
    ],
)
def test_what_cannot_be_imported_is_refused_in_one_line(source, tmp_path, change, message):
    change(source)
    result = CliRunner().invoke(cli, ["import", str(source)], env={"ICICORE_HOME": str(tmp_path / "home")})
    assert result.exit_code == 1
    assert message in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_the_command_prints_what_was_found_and_study_takes_the_name(source, tmp_path):
    env = {"ICICORE_HOME": str(tmp_path / "home")}
    result = CliRunner().invoke(cli, ["import", str(source), "--name", "mine"], env=env)
    assert result.exit_code == 0
    assert "mine: usable for training and evaluation" in result.output
    assert "23 known, 8 responders; objective response (BEST_RESPONSE)" in result.output
    asked = CliRunner().invoke(cli, ["import", str(source), "--name", "mine", "--json"], env=env)
    assert json.loads(asked.output)["name"] == "mine"


REAL = {
    # patients, labelled, responders, what may be done with it, mutations, expression
    "liu2019": (144, 140, 55, "usable for training", 140, 72),
    "riaz2017": (73, 70, 15, "usable for training", 65, 49),
    "rizvi2018": (240, 227, 69, "usable for training", 227, 0),
    "imvigor210": (195, 168, 42, "usable for comparison only", 138, 168),
    "lung_msk_2017": (860, 0, 0, "not usable", None, None),
    "skcm_vanderbilt_mskcc_2015": (66, 0, 0, "not usable", None, None),
    "nsclc_unito_2016": (41, 0, 0, "not usable", None, None),
}


@pytest.mark.parametrize("name", REAL)
def test_public_studies(settings, name):
    patients, labelled, responders, use, mutations, expression = REAL[name]
    report = import_study(settings, shared(f"cohorts/{name}"))
    assert (report["patients"], report["labelled"], report["responders"]) == (patients, labelled, responders)
    assert report["usable"].startswith(use)
    assert (report["with"].get("mutation"), report["with"].get("expression")) == (mutations, expression)


def test_the_trap_says_why(settings):
    report = import_study(settings, shared("cohorts/skcm_vanderbilt_mskcc_2015"))
    assert not report["checkpoint_inhibitor"]
    assert any("Vemurafenib" in line for line in report["notes"])
    assert any("RESPONSE_TO_TARGET_THERAPY is a response to another treatment" in line for line in report["notes"])


def test_panels_and_endpoint_of_a_panel_study(settings):
    report = import_study(settings, shared("cohorts/rizvi2018"))
    assert report["endpoint"].startswith("durable clinical benefit")
    assert report["panels"] == {"IMPACT341": 56, "IMPACT410": 164, "IMPACT468": 20}
    study = read_study(Path(report["folder"]))
    assert study.endpoint.startswith("durable clinical benefit")
    assert len(set(study.gene_measured[:, :500].sum(axis=1))) == 3  # as many as there are panels
    assert study.gene_measured[:, 500].all()  # the burden per megabase of the panel
