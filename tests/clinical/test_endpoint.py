"""Which column is the response, what it is a response to, and what is withheld."""

import pytest

from icicore.clinical.columns import clinical_values
from icicore.clinical.endpoint import DURABLE, OBJECTIVE, find_endpoint
from icicore.clinical.response import parse_label
from icicore.clinical.treatment import Treatment, treatment_named
from icicore.clinical.tumours import tumour_name
from icicore.errors import ClinicalError


def rows(column: str, *cells: str, treatment: str = "nivolumab", **others: str) -> list[dict[str, str]]:
    return [{"PATIENT_ID": str(i), column: cell, "TREATMENT": treatment, **others} for i, cell in enumerate(cells)]


@pytest.mark.parametrize(
    ("word", "label"),
    [
        *((w, True) for w in ("Partial Response", "PR", "responder", "1", "1.0", "TRUE", "yes", "CR/PR", "CR")),
        *((w, False) for w in ("Stable Disease", "non-responder", "0", "No", "SD/PD", "POD", "Progressive Disease")),
        *((w, None) for w in ("MR", "Mixed response", "NE", "", "NA", "unknown", None)),
    ],
)
def test_words_for_a_response(word, label):
    assert parse_label(word) is label


@pytest.mark.parametrize("word", ["maybe", "2", "NR", "R"])
def test_a_response_is_never_guessed(word):
    with pytest.raises(ClinicalError, match="no response category; expected CR, PR, SD, PD, NE, responder or 1"):
        parse_label(word)


@pytest.mark.parametrize(
    ("column", "cells", "labels", "name"),
    [
        ("BEST_RESPONSE", ("PR", "PD", "MR", "NE"), (True, False, None, None), OBJECTIVE),
        ("IRRECIST", ("Complete Response", "Progressive Disease", ""), (True, False, None), OBJECTIVE),
        ("TREATMENT_RESPONSE", ("response", "nonresponse"), (True, False), OBJECTIVE),
        ("RESPONDER", ("1", "0", ""), (True, False, None), "response as stated by the study"),
        ("RESPONSE", ("R", "NR", "NE"), (True, False, None), OBJECTIVE),
        ("DURABLE_CLINICAL_BENEFIT", ("YES", "NO", "await"), (True, False, None), DURABLE),
        ("DURABLE_CLINICAL_BENEFIT", ("Durable Clinical Benefit", "No Durable Benefit"), (True, False), DURABLE),
    ],
)
def test_columns_of_real_studies(column, cells, labels, name):
    found = find_endpoint(rows(column, *cells), "", [])
    assert found.labels == labels
    assert found.name == name
    assert found.column == column


def test_the_word_in_the_column_wins_over_the_label_and_a_contradiction_is_withheld():
    notes: list[str] = []
    table = rows("BEST_RESPONSE", "PR", "PD", "MR", "PR", RESPONDER="0")
    table[0]["RESPONDER"] = "1"
    found = find_endpoint(table, "", notes)
    assert found.labels == (True, False, None, None)
    assert any("1 patients whose response columns contradict" in line for line in notes)
    assert any("mixed response is no RECIST category" in line for line in notes)


def test_a_stated_label_counts_where_the_category_is_blank():
    notes: list[str] = []
    table = rows("BEST_RESPONSE", "PR", "", "NE", RESPONDER="1")
    assert find_endpoint(table, "", notes).labels == (True, True, None)
    assert any("1 patients without BEST_RESPONSE have a stated label" in line for line in notes)


@pytest.mark.parametrize(
    ("column", "treatment", "about", "why"),
    [
        ("RESPONSE_TO_TARGET_THERAPY", "Vemurafenib", "", "another one (Vemurafenib)"),
        ("BEST_RESPONSE", "Dabrafenib + Trametinib", "", "another one"),
        ("BEST_RESPONSE", "", "intrinsic resistance to BRAF inhibitor therapy", "another one"),
        ("DURABLE_CLINICAL_BENEFIT", "", "Prospective molecular characterization", "nothing names a checkpoint"),
    ],
)
def test_a_response_to_something_else_is_not_taken(column, treatment, about, why):
    notes: list[str] = []
    found = find_endpoint(rows(column, "PR", "PD", "YES", treatment=treatment), about, notes)
    assert not found.checkpoint
    assert set(found.labels) == {None}
    assert any("not a checkpoint inhibitor cohort" in line and why in line for line in notes), notes


def test_the_user_may_state_the_treatment():
    found = find_endpoint(rows("BEST_RESPONSE", "PR", "PD", treatment=""), "", [], stated=True)
    assert found.labels == (True, False)


def test_patients_with_another_drug_in_a_mixed_study_get_no_label():
    table = rows("BEST_RESPONSE", "PR", "PD", "PR")
    table[2]["TREATMENT"] = "erlotinib"
    assert find_endpoint(table, "", []).labels == (True, False, None)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *((t, Treatment.CHECKPOINT) for t in ("anti-PD-1 Pembrolizumab", "PD1", "anti PD(L)1", "ICI", "Ipi+Nivolumab")),
        *((t, Treatment.OTHER) for t in ("Vemurafenib", "carboplatin", "osimertinib", "EGFR inhibitor", "IL-2")),
        *((t, Treatment.UNSTATED) for t in ("Monotherapy", "", "arm B", "surgical")),
    ],
)
def test_drugs(text, kind):
    assert treatment_named(text) is kind


@pytest.mark.parametrize(
    ("cells", "study", "name"),
    [
        (["Melanoma"], "mel", "melanoma"),
        (["", "SKCM"], "", "melanoma"),
        (["Non-Small Cell Lung Cancer", "LUAD"], "", "nsclc"),
        (["Small Cell Lung Cancer"], "", "sclc"),
        (["Melanoma", "UM", "Uveal Melanoma"], "", "uveal melanoma"),
        (["urothelial"], "nsclc", "urothelial"),  # the study's own type is often wrong
        (["Thymic Tumor"], "nsclc", "thymic tumor"),
        ([""], "luad", "nsclc"),
        ([], "", ""),
    ],
)
def test_tumours(cells, study, name):
    assert tumour_name(cells, study) == name


def test_clinical_columns_under_other_names_and_units():
    table = [
        {"AGE_AT_DIAGNOSIS": str(40 + i), "GENDER": "Male", "ECOG_PS": "ECOG 1", "PD_L1": "50", "ALBUMIN": "41",
         "LDH": str(150 + 10 * i), "LDH_ELEVATED": str(int(i > 12))}
        for i in range(24)
    ]  # fmt: skip
    table[3] |= {"AGE_AT_DIAGNOSIS": "9", "ECOG_PS": "NA"}
    notes: list[str] = []
    found = clinical_values(table, notes)
    assert found[0] == {
        "AGE": "40", "SEX": "Male", "ECOG": "ECOG 1", "PDL1_TPS": "50", "ALBUMIN": "4.1", "LDH_ULN": "0.556"
    }  # fmt: skip
    assert found[3]["AGE"] == found[3]["ECOG"] == ""
    assert any("1 values of AGE" in line for line in notes)
    assert any("divided by 270" in line for line in notes)  # 150 + 10 * 12, where the study's flag begins
    assert any("g/L" in line for line in notes)


def test_ldh_without_a_limit_is_left_out():
    notes: list[str] = []
    assert clinical_values([{"LDH": "300", "AGE": "50"}] * 30, notes)[0] == {"AGE": "50", "LDH_ULN": ""}
    assert any("no upper limit of normal" in line for line in notes)
