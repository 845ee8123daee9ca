"""Best response as studies and hospitals write it, to a RECIST 1.1 category."""

import re

from icicore.domain import Recist
from icicore.errors import ClinicalError

_WORDS = {
    Recist.CR: ("cr", "complete response", "complete remission", "icr"),
    Recist.PR: ("pr", "partial response", "partial remission", "ipr"),
    Recist.SD: ("sd", "stable disease", "isd"),
    Recist.PD: (
        "pd",
        "progressive disease",
        "progression of disease",
        "progression",
        "disease progression",
        "progressed",
        "icpd",
        "pod",
    ),
    Recist.NE: ("ne", "not evaluable", "not evaluated", "not assessable", "inevaluable", "non evaluable"),
}
_BY_WORD = {word: category for category, words in _WORDS.items() for word in words}
_BLANK = frozenset({"", "na", "n/a", "nan", "none", "null", "unknown", "not available", "."})
_RESPONDER = frozenset({"1", "1.0", "true", "yes", "responder", "response", "responded", "cr/pr", "pr/cr", "crpr"})
_NON_RESPONDER = frozenset(
    {"0", "0.0", "false", "no", "non responder", "nonresponder", "no response", "nonresponse", "non response"}
    | {"sd/pd", "pd/sd", "sdpd"}
)
# A mixed response and immune-unconfirmed progression are not RECIST 1.1 categories: no label.
_NO_CATEGORY = {"mr": Recist.NE, "mixed response": Recist.NE, "iupd": Recist.NE}


def parse_response(text: object, *, source: str = "response") -> Recist | None:
    """The category that a word or abbreviation names; None for blank and unknown.

    "Partial Response", "PR", "partial response (PR)" and "pr" are the same. A mixed response (MR) is NE, since it is
    no RECIST category.

    Raises
    ------
    ClinicalError
        Any other word; a response is never guessed.
    """
    if text is None or isinstance(text, Recist):
        return text
    word = _word(text)
    category = _BY_WORD.get(word) or _NO_CATEGORY.get(word)
    if category is not None or word in _BLANK:
        return category
    bracketed = re.fullmatch(r"(.+?) ?\((\w+)\)", word)
    if bracketed is not None and bracketed[1] in _BY_WORD and _BY_WORD.get(bracketed[2]) is _BY_WORD[bracketed[1]]:
        return _BY_WORD[bracketed[1]]
    raise ClinicalError(
        source, f"{str(text)!r} is no response category", expected="CR, PR, SD, PD or NE", remedy="write one of these"
    )


def parse_word(text: str) -> Recist | None:
    """The category that a word names, None for blank and for every other word."""
    try:
        return parse_response(text)
    except ClinicalError:
        return None


def parse_label(text: object, *, source: str = "response") -> bool | None:
    """Whether a cell of a study names a responder; None for NE, mixed response, blank and unknown.

    Takes what :func:`parse_response` takes and, since studies often state the label alone, "responder", "1",
    "true", "yes", "CR/PR" and their opposites.

    Raises
    ------
    ClinicalError
        Any other word; a response is never guessed.
    """
    word = "" if text is None else _word(text)
    if word in _RESPONDER or word in _NON_RESPONDER:
        return word in _RESPONDER
    try:
        response = parse_response(text, source=source)
    except ClinicalError as error:
        raise ClinicalError(
            source,
            error.problem,
            expected="CR, PR, SD, PD, NE, responder or 1, non-responder or 0",
            remedy=error.remedy,
        ) from None
    return None if response is None else response.responder


def _word(text: object) -> str:
    """Lower case, one space between words, no dashes and underscores."""
    return " ".join(re.sub(r"[_\-]+", " ", str(text)).lower().split())
