"""Best response as studies and hospitals write it, to a RECIST 1.1 category."""

import re

from icicore.domain import Recist
from icicore.errors import ClinicalError

_WORDS = {
    Recist.CR: ("cr", "complete response", "complete remission", "icr"),
    Recist.PR: ("pr", "partial response", "partial remission", "ipr"),
    Recist.SD: ("sd", "stable disease", "isd"),
    Recist.PD: ("pd", "progressive disease", "progression", "disease progression", "progressed", "icpd"),
    Recist.NE: ("ne", "not evaluable", "not evaluated", "not assessable", "inevaluable", "non evaluable"),
}
_BY_WORD = {word: category for category, words in _WORDS.items() for word in words}
_BLANK = frozenset({"", "na", "n/a", "nan", "none", "null", "unknown", "not available", "."})
# Mixed response, immune-unconfirmed progression and a merged class are not RECIST 1.1 categories: no label.
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
    word = " ".join(re.sub(r"[_\-]+", " ", str(text)).lower().split())
    category = _BY_WORD.get(word) or _NO_CATEGORY.get(word)
    if category is not None or word in _BLANK:
        return category
    bracketed = re.fullmatch(r"(.+?) ?\((\w+)\)", word)
    if bracketed is not None and bracketed[1] in _BY_WORD and _BY_WORD.get(bracketed[2]) is _BY_WORD[bracketed[1]]:
        return _BY_WORD[bracketed[1]]
    raise ClinicalError(
        source, f"{str(text)!r} is no response category", expected="CR, PR, SD, PD or NE", remedy="write one of these"
    )
