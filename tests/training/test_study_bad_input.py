"""Studies with one thing wrong: refused in one line, or used without it and the rest listed."""

from pathlib import Path

import numpy as np
import pytest

from icicore.errors import InputError, StudyError
from icicore.genomics.panel import load_panel
from icicore.training.study import read_study
from tests.training.study_folder import N, edit, write_small_study

PATIENTS, SAMPLES = "data_clinical_patient.txt", "data_clinical_sample.txt"
MUTATIONS, EXPRESSION = "data_mutations.txt", "data_mrna_seq_tpm.txt"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_small_study(tmp_path / "small")


def responses(folder: Path, words) -> None:
    edit(
        folder / PATIENTS, lambda rows: [rows[0], *([*r[:5], w, *r[6:]] for r, w in zip(rows[1:], words, strict=True))]
    )


def note(study, text: str) -> str:
    found = [line for line in study.notes if text in line]
    assert len(found) == 1, study.notes
    assert "\n" not in found[0]
    return found[0]


def test_a_right_study_is_used_whole(folder):
    study = read_study(folder)
    assert len(study) == N
    assert study.notes == ("no patient has histology: the study is used without it",)


@pytest.mark.parametrize(("word", "kind"), [("PR", "responders"), ("Progressive Disease", "non-responders")])
def test_one_class_is_refused(folder, word, kind):
    responses(folder, [word] * N)
    with pytest.raises(StudyError, match=f"all {N} patients are {kind}; expected both classes"):
        read_study(folder)


def test_fewer_than_twenty_labelled_patients_are_refused(folder):
    responses(folder, ["PR", "PD"] * 9 + ["PD"] + [""] * (N - 19))
    with pytest.raises(StudyError, match="only 19 patients with a response can be used; expected at least 20"):
        read_study(folder)
    responses(folder, ["PR", "PD"] * 10 + [""] * (N - 20))
    assert len(read_study(folder)) == 20


def test_a_patient_listed_twice_alike_is_used_once(folder):
    edit(folder / PATIENTS, lambda rows: [*rows, rows[3]])
    study = read_study(folder)
    assert len(study) == len(set(study.patients)) == N
    assert "P02" in note(study, "listed twice alike and used once")


def test_a_patient_listed_twice_differently_is_refused(folder):
    edit(folder / PATIENTS, lambda rows: [*rows, [rows[3][0], "77", *rows[3][2:]]])
    with pytest.raises(StudyError, match="patient P02 is listed twice with different AGE"):
        read_study(folder)


@pytest.mark.parametrize("table", [PATIENTS, SAMPLES])
def test_a_patient_in_two_splits_is_refused(folder, table):
    def change(rows):
        body = [[*row, "train"] for row in rows[1:]]
        return [[*rows[0], "SPLIT"], *body, [*rows[1], "test"]]

    edit(folder / table, change)
    with pytest.raises(StudyError, match=r"patient P00 is in two splits \(test, train\)"):
        read_study(folder)


def test_a_sample_listed_twice_counts_once(folder):
    edit(folder / SAMPLES, lambda rows: [*rows, rows[1]])
    study = read_study(folder)
    assert len(study) == N
    assert "P00-T" in note(study, "listed more than once")


def test_a_sample_of_two_patients_is_nobodys(folder):
    edit(folder / SAMPLES, lambda rows: [*rows, ["P01", "P00-T"]])
    study = read_study(folder)
    assert "P00-T" in note(study, "listed for two patients")
    assert not study.gene_measured[0].any()
    assert study.gene_measured[1].any()


@pytest.mark.parametrize(("label", "left_out"), [("PR", 1), ("PD", 2)])
def test_the_same_tumour_under_two_names_is_found(folder, label, left_out):
    """P03 (a responder) has the expression of P00 (a responder): used once; with another label, not at all."""
    edit(folder / EXPRESSION, lambda rows: [rows[0], *([*r[:4], r[1], *r[5:]] for r in rows[1:])])
    responses(folder, ["PR", "PD", "PD", label] + ["PR", "PD"] * 10)
    study = read_study(folder)
    assert len(study) == N - left_out
    assert "P03" not in study.patients
    assert "P00 and P03 have the same molecular profile" in note(study, "molecular profile")


def test_the_same_mutations_under_two_names_are_found(folder):
    def change(rows):
        own = [row for row in rows if row[2] == "P00-T"]
        others = [row for row in rows if row[2] != "P06-T"]
        return [*others, *([*row[:2], "P06-T", *row[3:]] for row in own)]

    edit(folder / MUTATIONS, change)
    assert "P00 and P06" in note(read_study(folder), "molecular profile")


def test_the_build_of_most_samples_is_used_and_the_others_are_listed(folder):
    def change(rows):
        return [rows[0], *([*r[:3], "hg19" if r[2] in ("P04-T", "P05-T") else r[3], *r[4:]] for r in rows[1:])]

    edit(folder / MUTATIONS, change)
    (folder / "case_lists").mkdir()  # being listed as sequenced does not make them wild type
    (folder / "case_lists/cases_sequenced.txt").write_text("case_list_ids: P04-T\tP05-T\n")
    study, n_genes = read_study(folder), len(load_panel().mutation_genes)
    assert "P04-T, P05-T" in note(study, "genome builds are mixed; 2 samples not on GRCh38 are left out")
    assert not study.gene_measured[4:6, : n_genes + 1].any()
    assert study.gene_measured[[0, 6], : n_genes + 1].all()


def test_a_stated_burden_counts_where_there_are_no_mutations(folder):
    edit(
        folder / SAMPLES,
        lambda rows: [[*rows[0], "TMB"], *([*r, "7.0"] for r in rows[1:3]), *([*r, ""] for r in rows[3:])],
    )
    computed = read_study(folder)
    assert computed.gene_values[0, 500] == pytest.approx(np.log2(1 + 16 / 30))  # of the exome, not the stated one
    (folder / MUTATIONS).unlink()
    study = read_study(folder)
    assert study.gene_values[0, 500] == pytest.approx(3.0)
    assert study.gene_measured[:3, 500].tolist() == [True, True, False]
    assert not study.gene_measured[:, :500].any()


@pytest.mark.parametrize(
    ("files", "absent", "present"),
    [((MUTATIONS, EXPRESSION), "genomics", 0), ((EXPRESSION,), "histology", 501), ((MUTATIONS,), "histology", 250)],
)
def test_a_study_without_a_modality_is_used_without_it(folder, files, absent, present):
    for name in files:
        (folder / name).unlink()
    study = read_study(folder)
    assert len(study) == N
    assert study.gene_measured[0].sum() == present
    note(study, f"no patient has {absent}")


def test_a_study_without_clinical_values_is_used(folder):
    edit(folder / PATIENTS, lambda rows: [[r[0], *r[5:]] for r in rows])
    note(read_study(folder), "no patient has clinical")


def test_genes_without_any_value_are_not_measured_and_listed(folder):
    edit(folder / EXPRESSION, lambda rows: [rows[0], *([r[0], *["NaN"] * N] for r in rows[1:4]), *rows[4:]])
    study, names = read_study(folder), load_panel().expression_genes
    assert names[0] in note(study, "3 expression genes hold no value")
    assert study.gene_measured[0].sum() == 501 + 247


def test_responses_in_words_are_understood_and_others_left_out(folder):
    words = ["Partial Response", "PR", "responder", "1", "complete response", "CR/PR"] * 2
    others = ["Stable Disease", "non-responder", "0", "PD", "SD/PD", "Progressive disease (PD)"]
    unlabelled = ["MR", "mixed response", "NE", "not evaluable", "", "NA"]
    responses(folder, [*words, *others, *unlabelled])
    study = read_study(folder, fewest=1)
    assert study.grades.tolist() == [2, 2, -1, -1, 3, -1] * 2 + [1, -1, -1, 0, -1, 0]
    assert study.responder.tolist() == [True] * 12 + [False] * 6
    assert "P18" in note(study, "6 patients without a response (NE, mixed or blank) are left out")


def test_an_unknown_word_is_refused_and_names_the_patient(folder):
    responses(folder, ["PR", "maybe", *["PD"] * (N - 2)])
    with pytest.raises(InputError, match="patient P01: 'maybe' is no response category; expected CR, PR, SD, PD"):
        read_study(folder)


def test_calls_in_cancer_genes_only_are_taken_for_those_of_a_panel(folder):
    cancer = set(load_panel().mutation_genes[:60])

    def change(rows):
        return [rows[0], *([sorted(cancer)[k % 40], *row[1:]] for k, row in enumerate(rows[1:]))]

    edit(folder / MUTATIONS, change)
    study = read_study(folder)
    assert "taken for a panel" in note(study, "no panel is stated")
    assert study.gene_measured[0, :500].sum() == 40
    assert not study.gene_measured[0, 500]  # the burden


def test_tumours_out_of_scope_are_left_out_or_compared(folder):
    edit(folder / PATIENTS, lambda rows: [rows[0], *([*r[:6], "urothelial", r[7]] for r in rows[1:3]), *rows[3:]])
    study = read_study(folder)
    assert len(study) == N - 2
    assert "urothelial" in note(study, "tumour out of scope")
    compared = read_study(folder, any_tumour=True)
    assert len(compared) == N
    note(compared, "2 patients have a tumour out of scope, for comparison: urothelial")
    edit(folder / PATIENTS, lambda rows: [rows[0], *([*r[:6], "urothelial", r[7]] for r in rows[1:])])
    with pytest.raises(StudyError, match="tumour type 'urothelial' is out of scope"):
        read_study(folder)
