"""Studies laid out as other portals and authors lay them out: used rightly, or said in one line."""

from pathlib import Path

import pytest

from icicore.training.study import read_study
from icicore.training.study_tables import read_table
from icicore.workflows.cohort_source import read_source
from icicore.workflows.cohorts import import_study
from tests.training.study_folder import edit, read_rows, write_table
from tests.workflows.test_cohorts import settings, source  # noqa: F401

PATIENTS, SAMPLES = "data_clinical_patient.txt", "data_clinical_sample.txt"
MATRIX = "data_mrna_seq_tpm.txt"


def loaded(report):
    return read_study(Path(report["folder"]))


def told(report, text):
    found = [line for line in report["notes"] if text in line]
    assert found, report["notes"]
    assert "\n" not in found[0]


@pytest.mark.parametrize(
    ("name", "meta"),
    [
        ("data_mrna_seq_v2_rsem.txt", ""),
        ("data_RNA_Seq_v2_expression_median.txt", "profile_description: mRNA gene expression (RNA Seq V2 RSEM)\n"),
        ("data_mrna_expression.txt", "profile_name: Gene expression (TPM)\n"),
        ("data_mrna_seq_fpkm.txt", ""),
    ],
)
def test_expression_under_other_names_is_used(settings, source, name, meta):  # noqa: F811
    (source / MATRIX).rename(source / name)
    if meta:
        lines = f"genetic_alteration_type: MRNA_EXPRESSION\ndatatype: CONTINUOUS\ndata_filename: {name}\n{meta}"
        (source / "meta_expression.txt").write_text(lines)
    report = import_study(settings, source)
    assert report["with"]["expression"] == 23, report["notes"]
    study = loaded(report)
    assert study.gene_measured[0, 501:].sum() == 250


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("data_mrna_seq_v2_rsem_zscores_ref_all_samples.txt", "holds z-scores"),
        ("data_mrna_agilent_microarray.txt", "names none of counts, RSEM, TPM and FPKM"),
    ],
)
def test_expression_that_cannot_be_compared_is_said(settings, source, name, why):  # noqa: F811
    (source / MATRIX).rename(source / name)
    report = import_study(settings, source)
    assert report["expression"] is None
    told(report, why)


def test_mutations_under_the_older_name_and_without_any_meta_file(settings, source):  # noqa: F811
    (source / "data_mutations.txt").rename(source / "data_mutations_extended.txt")
    for path in source.glob("meta_*"):
        path.unlink()
    report = import_study(settings, source)
    assert report["name"] == "source"
    assert report["with"]["mutation"] == 23


def test_a_meta_file_that_names_another_file_is_believed_but_never_led_outside(settings, source, tmp_path):  # noqa: F811
    (source / "data_mutations.txt").rename(source / "calls.txt")
    (tmp_path / "secret.txt").write_text("Hugo_Symbol\n")
    meta = source / "meta_mutations.txt"
    meta.write_text("genetic_alteration_type: MUTATION_EXTENDED\ndata_filename: calls.txt\n")
    assert read_source(source).mutations == source / "calls.txt"
    meta.write_text("genetic_alteration_type: MUTATION_EXTENDED\ndata_filename: ../secret.txt\n")
    assert read_source(source).mutations is None


def test_header_lines_of_the_format_are_skipped_and_a_hash_in_a_cell_is_text(settings, source):  # noqa: F811
    rows = read_rows(source / PATIENTS)
    rows = [[*rows[0], "SITE", "NLR"], *([*row, 'Ward #3 "B', "2.5"] for row in rows[1:])]
    write_table(source / PATIENTS, rows[0], rows[1:])
    body = (source / PATIENTS).read_text()
    width = len(rows[0])
    lines = ["#" + "\t".join(kind * width) for kind in (["Name"], ["Explained"], ["STRING"], ["1"])]
    (source / PATIENTS).write_text("\n".join(lines) + "\n" + body)
    report = import_study(settings, source)
    assert (report["patients"], report["labelled"]) == (24, 23)
    study = loaded(report)
    assert set(study.sites) == {'Ward #3 "B'}
    table = read_table(settings.studies_dir / report["name"] / PATIENTS, ("NLR",))
    assert set(table["NLR"]) == {"2.5"}, "what stands behind a # is not cut off"


@pytest.mark.parametrize(
    ("column", "later"),
    [
        ("TIMEPOINT", "On-treatment"),
        ("BIOPSY_TIMEPOINT", "post nivolumab"),
        ("SAMPLE_TYPE", "Post-treatment"),
        ("PRE_ON_POST", "ON"),
        ("COLLECTION_TIME", "OnTx"),
    ],
)
def test_a_sample_under_treatment_is_never_used(settings, source, column, later):  # noqa: F811
    def change(rows):
        body = [[*row, "Pre-treatment"] for row in rows[1:]]
        return [[*rows[0], column], ["P00", "P00-on", "Melanoma", later], *body]

    edit(source / SAMPLES, change)
    report = import_study(settings, source)
    told(report, "1 samples taken during or after treatment are left out")


def test_sample_ids_tell_the_time_where_no_column_does(source):  # noqa: F811
    def change(rows):
        return [rows[0], ["P00", "P00_On_1", "Melanoma"], ["P00", "P00_Pre_1", "Melanoma"], *rows[2:]]

    edit(source / SAMPLES, change)
    found = read_source(source)
    assert [row["SAMPLE_ID"] for row in found.samples if row["PATIENT_ID"] == "P00"] == ["P00_Pre_1"]


def test_primary_and_metastasis_are_no_times(source):  # noqa: F811
    edit(source / SAMPLES, lambda rows: [[*rows[0], "SAMPLE_TYPE"], *([*row, "Metastasis"] for row in rows[1:])])
    assert len(read_source(source).samples) == 24


def test_barcodes_that_fit_no_sample_do_not_make_wild_type(settings, source):  # noqa: F811
    edit(source / "data_mutations.txt", lambda rows: [rows[0], *([*r[:2], f"X-{r[2]}", *r[3:]] for r in rows[1:])])
    (source / "case_lists").mkdir()
    ids = "\t".join(f"P{i:02d}-T" for i in range(24))
    (source / "case_lists/cases_sequenced.txt").write_text(f"case_list_ids: {ids}\n")
    report = import_study(settings, source)
    told(report, "mutations are not used: none of their 24 samples")
    assert report["with"]["mutation"] == 0


def test_entrez_ids_alone_are_said(settings, source):  # noqa: F811
    edit(
        source / "data_mutations.txt",
        lambda rows: [["Entrez_Gene_Id", *rows[0][1:]], *(["673", *r[1:]] for r in rows[1:])],
    )
    edit(source / MATRIX, lambda rows: [["Entrez_Gene_Id", *rows[0][1:]], *(["673", *r[1:]] for r in rows[1:])])
    report = import_study(settings, source)
    told(report, "mutations are not used: data_mutations.txt: required column Hugo_Symbol missing")
    told(report, "expression is not used")


def test_samples_without_a_mutation_profile_are_not_wild_type(settings, source):  # noqa: F811
    rows = [[f"P{i:02d}-T", "NA" if i < 4 else "WES"] for i in range(24)]
    write_table(source / "data_gene_panel_matrix.txt", ["SAMPLE_ID", "mutations"], rows)
    edit(source / "data_mutations.txt", lambda table: [table[0], *(r for r in table[1:] if r[2] > "P03-T")])
    report = import_study(settings, source)
    assert report["with"]["mutation"] == 20
    assert report["panels"] == {"WES": 20}


def test_the_label_of_a_benefit_study_is_named_in_the_report(settings, source):  # noqa: F811
    def change(rows):
        header = ["DURABLE_CLINICAL_BENEFIT" if c == "BEST_RESPONSE" else c for c in rows[0] if c != "RESPONDER"]
        return [header, *([*r[:3], "DCB" if i % 2 else "NDB", r[5]] for i, r in enumerate(rows[1:]))]

    edit(source / PATIENTS, change)
    report = import_study(settings, source)
    assert report["endpoint"] == "durable clinical benefit"
    assert loaded(report).endpoint == "durable clinical benefit"
