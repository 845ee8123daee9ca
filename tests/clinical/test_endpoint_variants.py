"""Response columns as studies name and fill them: never a stable disease or a benefit taken for a response."""

import pytest

from icicore.clinical.endpoint import DURABLE, OBJECTIVE, find_endpoint
from icicore.clinical.treatment import Treatment, treatment_named
from tests.clinical.test_endpoint import rows

RECIST = ("CR", "PR", "SD", "PD", "NE", "")
LABELS = (True, True, False, False, None, None)


@pytest.mark.parametrize(
    "column",
    [
        *("RESPONSE", "BEST_RESPONSE", "RECIST", "ORR", "BEST_OVERALL_RESPONSE", "OBJECTIVE_RESPONSE"),
        *("DURABLE_CLINICAL_BENEFIT", "CLINICAL_BENEFIT"),  # some studies put the category there
        *("IMMUNE_RESPONSE_CATEGORY", "BEST_RESP_CT"),  # names nobody listed
    ],
)
def test_categories_are_an_objective_response_in_any_column(column):
    found = find_endpoint(rows(column, *RECIST), "", [])
    assert found.labels == LABELS
    assert (found.name, found.column) == (OBJECTIVE, column)


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("DURABLE_CLINICAL_BENEFIT", ("DCB", "NDB", "")),
        ("CLINICAL_BENEFIT", ("CB", "NCB", "NE")),
        ("CLINICAL_BENEFIT", ("Yes", "No", "")),
        ("RESPONSE", ("DCB", "NDB", "")),
        ("BEST_RESPONSE", ("Durable Clinical Benefit", "No Durable Benefit", "NA")),
    ],
)
def test_a_benefit_is_never_called_an_objective_response(column, cells):
    found = find_endpoint(rows(column, *cells), "", [])
    assert found.labels == (True, False, None)
    assert found.name == DURABLE


def test_yes_and_no_in_a_column_named_for_the_objective_response():
    found = find_endpoint(rows("ORR", "Yes", "No", "1", "0"), "", [])
    assert found.labels == (True, False, True, False)
    assert found.name == OBJECTIVE


@pytest.mark.parametrize("cell", ["CR/PR/SD", "PR/SD", "SD/PR", "long survival", "Non-CR/Non-PD", "disease control"])
def test_words_that_may_hold_a_stable_disease_get_no_label(cell):
    notes: list[str] = []
    assert find_endpoint(rows("RESPONSE", "PR", "PD", cell), "", notes).labels == (True, False, None)
    assert any(repr(cell) in line and "the word is unknown" in line for line in notes), notes


def test_benefit_among_categories_gets_no_label():
    notes: list[str] = []
    found = find_endpoint(rows("RESPONSE", "PR", "SD", "DCB", "NDB"), "", notes)
    assert found.labels == (True, False, None, None)
    assert found.name == OBJECTIVE
    assert any("mixes benefit and RECIST" in line for line in notes)


def test_a_stated_label_that_counts_stable_disease_is_not_used():
    notes: list[str] = []
    table = rows("BEST_RESPONSE", "PR", "SD", "SD", "PD", "")
    for row, label in zip(table, ("1", "1", "0", "0", "1"), strict=True):
        row["RESPONDER"] = label
    found = find_endpoint(table, "", notes)
    assert found.labels == (True, False, False, False, None), "SD stays a non-responder, and blank stays unlabelled"
    assert any("counts 1 with stable disease as responders: only BEST_RESPONSE is used" in line for line in notes)


def test_categories_of_one_class_in_an_unknown_column_are_no_endpoint():
    notes: list[str] = []
    assert set(find_endpoint(rows("RESPONSE_AT_WEEK_9", "SD", "SD"), "", notes).labels) == {None}
    assert set(find_endpoint(rows("RESPONSE_TO_CHEMO_FIRST", "PR", "PD"), "", notes).labels) == {None}


@pytest.mark.parametrize(
    ("column", "cell"),
    [("ARM", "Docetaxel"), ("TREATMENT_ARM", "Chemotherapy"), ("ACTUAL_ARM", "Placebo"), ("ICI", "No")],
)
def test_patients_of_another_arm_get_no_label(column, cell):
    given = "Yes" if column == "ICI" else "Atezolizumab"
    table = rows("BEST_RESPONSE", "PR", "PD", "PR", treatment="")
    for row, own in zip(table, (given, given, cell), strict=True):
        row[column] = own
    notes: list[str] = []
    assert find_endpoint(table, "a trial of atezolizumab", notes).labels == (True, False, None)
    assert any("1 patients had another drug" in line for line in notes)


def test_a_treatment_that_names_no_drug_is_said():
    table = rows("BEST_RESPONSE", "PR", "PD")
    table[1]["TREATMENT"] = "arm B"
    notes: list[str] = []
    find_endpoint(table, "", notes)
    assert any("1 patients have a treatment that names no drug ('arm B')" in line for line in notes)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *((t, Treatment.UNSTATED) for t in ("no anti-PD-1", "anti-PD-1 naive", "never received nivolumab")),
        *((t, Treatment.UNSTATED) for t in ("not treated with ICI", "without checkpoint inhibitor")),
        *((t, Treatment.CHECKPOINT) for t in ("non-small cell lung cancer under anti-PD-1", "BRAF naive, anti-PD1")),
        ("Patients not previously treated received pembrolizumab", Treatment.CHECKPOINT),
    ],
)
def test_what_a_text_denies_is_not_given(text, kind):
    assert treatment_named(text) is kind


def test_a_category_in_an_unknown_column_goes_before_a_benefit_and_is_said():
    notes: list[str] = []
    table = rows("BEST_RESP_CT", "PR", "SD", "PD", CLINICAL_BENEFIT="Yes")
    found = find_endpoint(table, "", notes)
    assert (found.labels, found.name, found.column) == ((True, False, False), OBJECTIVE, "BEST_RESP_CT")
    assert any("the response is read from BEST_RESP_CT" in line for line in notes)


@pytest.mark.parametrize("column", ["RESPONSE_TO_PRIOR_ICI", "PATHOLOGICAL_RESPONSE", "INTRACRANIAL_RESPONSE"])
def test_the_response_to_something_earlier_or_elsewhere_is_not_taken(column):
    assert set(find_endpoint(rows(column, "PR", "PD"), "", []).labels) == {None}
