import pytest

from icicore.clinical.response import parse_response
from icicore.domain import Recist
from icicore.errors import ClinicalError


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("PR", Recist.PR),
        (" pr ", Recist.PR),
        ("Partial Response", Recist.PR),
        ("partial_response", Recist.PR),
        ("Complete Response (CR)", Recist.CR),
        ("Stable Disease", Recist.SD),
        ("Progressive disease", Recist.PD),
        ("Not evaluable", Recist.NE),
        ("MR", Recist.NE),
        (Recist.CR, Recist.CR),
        (None, None),
        ("", None),
        ("NA", None),
        (float("nan"), None),
    ],
)
def test_words_and_abbreviations(text, category):
    assert parse_response(text) is category


@pytest.mark.parametrize("text", ["responder", "PR or SD", "1", "Partial Response (SD)", "yes"])
def test_other_words_are_never_guessed(text):
    with pytest.raises(ClinicalError, match="is no response category; expected CR, PR, SD, PD or NE"):
        parse_response(text, source="case.json")


def test_label_follows_recist():
    assert [parse_response(word).responder for word in ("CR", "PR", "SD", "PD", "NE")] == [
        True,
        True,
        False,
        False,
        None,
    ]
