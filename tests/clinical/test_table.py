import math

import pytest

from icicore.clinical.table import parse_clinical, parse_routine
from icicore.domain import ClinicalValues
from icicore.errors import ClinicalError


def parse(**fields):
    return parse_clinical(fields, source="case.json")


def test_numbers_and_text_read_alike():
    expected = ClinicalValues(age=63.0, sex="F", ecog=1, ldh_uln=1.4)
    assert parse(age=63, sex="F", ecog=1, ldh_uln=1.4) == expected
    assert parse(age=" 63 ", sex="female", ecog="ECOG PS 1", ldh_uln="1.40") == expected


@pytest.mark.parametrize("blank", [None, "", " ", "NA", "n/a", "NaN", "unknown", math.nan])
def test_blank_is_unknown(blank):
    assert parse(age=blank, sex=blank, ecog=blank, ldh_uln=blank) == ClinicalValues() == parse()


@pytest.mark.parametrize(
    ("word", "sex"), [("M", "M"), ("male", "M"), ("Man", "M"), ("f", "F"), ("Female", "F"), ("WOMAN", "F")]
)
def test_words_for_sex(word, sex):
    assert parse(sex=word).sex == sex


@pytest.mark.parametrize(
    "fields", [{"age": 18}, {"age": 110}, {"ecog": 0}, {"ecog": 4}, {"ldh_uln": 0.1}, {"ldh_uln": 50}]
)
def test_limits_are_inside(fields):
    assert not parse(**fields).empty


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"age": 17}, "age 17 is out of range; expected 18 to 110 years"),
        ({"age": 111}, "age 111 is out of range"),
        ({"age": "inf"}, "age inf is out of range"),
        ({"age": "63,5"}, "age '63,5' has a decimal comma; expected 18 to 110 years; write 63.5"),
        ({"age": "old"}, "age 'old' is not a number"),
        ({"age": True}, "age 'True' is not a number"),
        ({"ecog": 5}, "ecog 5 is out of range; expected 0 to 4"),
        ({"ecog": -1}, "ecog -1 is out of range"),
        ({"ecog": 1.5}, "ecog 1.5 is not whole"),
        ({"ldh_uln": 0}, "ldh_uln 0 is out of range; expected 0.1 to 50 times the upper limit of normal"),
        ({"ldh_uln": 240}, "divide the LDH by the upper limit of normal"),
        ({"ldh_uln": "1,4"}, "ldh_uln '1,4' has a decimal comma"),
        ({"sex": "X"}, "sex 'X' is not understood; expected F or M"),
        ({"sex": 1}, "sex '1' is not understood"),
        ({"ldh": 1}, "unknown clinical value 'ldh'; expected age, sex, ecog, ldh_uln"),
    ],
)
def test_refusals_name_the_value_and_its_range(fields, message):
    with pytest.raises(ClinicalError) as caught:
        parse(**fields)
    assert str(caught.value).startswith("case.json: ") and message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_routine_values_are_optional_and_validated():
    given = {"albumin": "4.1", "nlr": 3, "systemic_history": "yes", "pdl1_tps": "", "age": 60}
    assert parse_routine(given, source="x") == {"albumin": 4.1, "nlr": 3.0, "systemic_history": 1.0}
    assert parse_routine({}, source="x") == {}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"albumin": 41}, "albumin 41 is out of range; expected 1 to 7 g/dL; give it in g/dL"),
        ({"nlr": "3,2"}, "decimal comma"),
        ({"pdl1_tps": 120}, "0 to 100 percent"),
        ({"systemic_history": "perhaps"}, "expected yes or no"),
    ],
)
def test_wrong_routine_values_are_refused(fields, message):
    with pytest.raises(ClinicalError, match=message):
        parse_routine(fields, source="case.json clinical")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"age": 22_995}, "seems to be days"),
        ({"age": "1950"}, "age 1950 is out of range"),
        ({"ecog": 80}, "Karnofsky"),
        ({"ecog": 5}, "ecog 5 is out of range"),
        ({"ldh_uln": "240"}, "upper limit of normal of its laboratory"),
        ({"ldh": 240}, "unknown clinical value 'ldh'"),
        ({"age": "63 years"}, "is not a number"),
        ({"age": [63]}, "is not a number"),
        ({"sex": "weiblich"}, "sex 'weiblich' is not understood"),
        ({"sex": 1}, "sex '1' is not understood"),
    ],
)
def test_other_units_and_words_are_refused_with_what_to_do(fields, words):
    with pytest.raises(ClinicalError) as caught:
        parse_clinical(fields, source="case.json clinical")
    assert words in str(caught.value) and "\n" not in str(caught.value)
