"""The response of a cohort: which column states it, what it means, and whether it is to a checkpoint inhibitor."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from icicore.clinical.columns import is_blank
from icicore.clinical.response import parse_label, parse_response, parse_word
from icicore.clinical.treatment import Treatment, treatment_named
from icicore.errors import ClinicalError

OBJECTIVE, DURABLE = "objective response", "durable clinical benefit"
STATED = "response as stated by the study"

_RECIST = (
    *("RESPONSE", "BEST_RESPONSE", "BEST_OVERALL_RESPONSE", "BOR", "BR", "RECIST", "RECIST_RESPONSE", "IRRECIST"),
    *("BEST_RESPONSE_RECIST", "RECIST_1_1", "BEST_RADIOGRAPHIC_RESPONSE", "BEST_RADIOGRAPHIC_RESPONSE__RECIST_1_1_"),
    *("TREATMENT_BEST_RESPONSE", "BEST_CONFIRMED_OVERALL_RESPONSE", "TREATMENT_RESPONSE", "CLINICAL_RESPONSE"),
    *("TUMOR_RESPONSE", "RESPONSE_TO_IMMUNOTHERAPY", "RESPONSE_TO_THERAPY", "OVERALL_RESPONSE", "OBJECTIVE_RESPONSE"),
    *("ORR", "OBJECTIVE_RESPONSE_RATE", "CONFIRMED_RESPONSE", "RECIST_V1_1", "BEST_RECIST_RESPONSE", "BOR_RECIST"),
)
_BINARY = ("RESPONDER", "RESPONSE_BINARY", "BINARY_RESPONSE", "BINARYRESPONSE", "IS_RESPONDER", "RESPONSE_STATUS")
_BENEFIT = ("DURABLE_CLINICAL_BENEFIT", "DCB", "DURABLE_BENEFIT", "CLINICAL_BENEFIT", "BENEFIT", "CBR")
_RESPONSE_LIKE = re.compile(r"RESP|RECIST|BOR\b|BENEFIT")
_OTHER_DRUG = ("TARGET", "CHEMO", "BRAF", "RADIATION", "RADIOTHERAPY", "SURGERY", "NEOADJUVANT")
_OTHER_RESPONSE = ("PRIOR", "PREVIOUS", "EARLIER", "PATHOLOG", "METABOLIC", "INTRACRANIAL", "CNS", "FIRST_LINE")
_TREATMENT = (
    *("TREATMENT", "TREATMENT_TYPE", "TREATMENT_AGENT", "AGENT", "DRUG", "DRUGS", "DRUG_TYPE", "DRUG_NAME", "TX"),
    *("REGIMEN", "THERAPY", "ICI_RX", "ICI_TARGET", "ICI", "IO_DRUG", "IO_TREATMENT", "IMMUNOTHERAPY_DRUG"),
    *("ARM", "TREATMENT_ARM", "STUDY_ARM", "ACTUAL_ARM", "TREATMENT_GROUP", "TREATMENT_NAME", "DRUG_CLASS"),
    *("THERAPY_TYPE", "ICI_TREATED", "RECEIVED_ICI", "ICB"),
)
_YES_OR_NO = ("ICI", "ICB", "ICI_TREATED", "RECEIVED_ICI", "IO_TREATMENT")
"""Columns that may say in a word whether the patient had a checkpoint inhibitor."""
_GIVEN = {"yes": "checkpoint inhibitor", "1": "checkpoint inhibitor", "no": "other therapy", "0": "other therapy"}
_BENEFIT_WORDS = {
    "durable clinical benefit": True,
    "durable benefit": True,
    "clinical benefit": True,
    "dcb": True,
    "cb": True,
    "no durable benefit": False,
    "no durable clinical benefit": False,
    "non durable benefit": False,
    "no clinical benefit": False,
    "no benefit": False,
    "minimal or no benefit": False,
    "ndb": False,
    "ncb": False,
}


@dataclass(frozen=True)
class Endpoint:
    """Labels of the rows of a cohort.

    Attributes
    ----------
    labels : True, False or None per row
    words : the category or word behind each label, "" without one
    name : ``OBJECTIVE``, ``DURABLE`` or ``STATED``; "" when there are no labels
    column : where it was read
    treatment : what the response is to, in words; "" when nothing says so
    checkpoint : whether the patients had a checkpoint inhibitor
    """

    labels: tuple[bool | None, ...]
    words: tuple[str, ...]
    name: str
    column: str
    treatment: str
    checkpoint: bool


def find_endpoint(rows: Sequence[Mapping[str, str]], about: str, notes: list[str], *, stated: bool = False) -> Endpoint:
    """Find the response to a checkpoint inhibitor; labels of anything else are withheld, and ``notes`` says why.

    Parameters
    ----------
    rows : clinical values of each patient under normal column names
    about : name and description of the study
    stated : the user states that the patients received a checkpoint inhibitor
    """
    treatments, drug = _treatments(rows, about)
    checkpoint = stated or Treatment.CHECKPOINT in treatments
    names = list(dict.fromkeys(name for row in rows for name in row))
    foreign = [n for n in names if "RESPON" in n and any(word in n for word in _OTHER_DRUG)]
    none = Endpoint((None,) * len(rows), ("",) * len(rows), "", "", drug, checkpoint)
    if foreign:
        notes.append(f"{foreign[0]} is a response to another treatment and is not used")
    column = _column(rows, names)
    if not checkpoint:
        if column or foreign:
            notes.append(f"not a checkpoint inhibitor cohort: {_why_not(treatments, drug)}; no response is taken over")
        return none
    if column is None:
        notes.append("no column states a response to the checkpoint inhibitor")
        return none
    if column not in (*_RECIST, *_BINARY, *_BENEFIT):
        notes.append(f"the response is read from {column}, which holds RECIST categories and nothing else")
    labels, words = _labels(rows, column, notes)
    labels, words = _agreeing(rows, column, labels, words, notes)
    unclear = _unclear(rows, treatments)
    if unclear:
        notes.append(
            f"{len(unclear)} patients have a treatment that names no drug ({unclear[0]!r}): taken for the study's"
        )
    others = {i for i, t in enumerate(treatments) if t is Treatment.OTHER and labels[i] is not None}
    if others and not stated:
        notes.append(f"{len(others)} patients had another drug: their response is not used")
        labels = [None if i in others else label for i, label in enumerate(labels)]
    return Endpoint(tuple(labels), tuple(words), _meaning(rows, column), column, drug, checkpoint)


def _treatments(rows: Sequence[Mapping[str, str]], about: str) -> tuple[list[Treatment], str]:
    """What each patient was treated with, and in words what the study says."""
    cells = [" ".join(_drug_said(row, name) for name in _TREATMENT) for row in rows]
    own = [treatment_named(cell) for cell in cells]
    if any(t is not Treatment.UNSTATED for t in own):
        wanted = Treatment.CHECKPOINT if Treatment.CHECKPOINT in own else Treatment.OTHER
        words = [" ".join(cell.split()) for cell, t in zip(cells, own, strict=True) if t is wanted]
        return own, ", ".join(dict.fromkeys(words[:200])) if len(set(words)) <= 3 else f"{words[0]} and others"
    whole = treatment_named(about)
    return [whole] * len(rows), "" if whole is Treatment.UNSTATED else " ".join(about.split())[:100]


def _unclear(rows: Sequence[Mapping[str, str]], treatments: Sequence[Treatment]) -> list[str]:
    """What the cells say that name no drug, in a study whose other cells do."""
    if Treatment.CHECKPOINT not in treatments:
        return []
    said = [" ".join(_drug_said(row, name) for name in _TREATMENT).strip() for row in rows]
    return [s for s, t in zip(said, treatments, strict=True) if t is Treatment.UNSTATED and not is_blank(s)]


def _drug_said(row: Mapping[str, str], name: str) -> str:
    cell = row.get(name, "")
    return _GIVEN.get(cell.strip().lower(), cell) if name in _YES_OR_NO else cell


def _why_not(treatments: Sequence[Treatment], drug: str) -> str:
    if Treatment.OTHER in treatments:
        return f"the treatment is another one ({drug})"
    return "nothing names a checkpoint inhibitor"


def _column(rows: Sequence[Mapping[str, str]], names: Sequence[str]) -> str | None:
    """The most telling column that holds a label for somebody."""
    listed = [
        n for n in (*_RECIST, *_BINARY, *_BENEFIT) if n in names and any(_label(c) is not None for c in _cells(rows, n))
    ]
    alike = [n for n in names if n not in (*_BINARY, *_BENEFIT) and _RESPONSE_LIKE.search(n) and _is_recist(rows, n)]
    return next((n for n in (*(n for n in listed if n in _RECIST), *alike, *listed)), None)


def _is_recist(rows: Sequence[Mapping[str, str]], name: str) -> bool:
    """Whether a column of an unknown name holds RECIST categories and nothing else, both classes among them."""
    if any(word in name for word in (*_OTHER_DRUG, *_OTHER_RESPONSE)):
        return False
    found = [parse_word(cell) for cell in _cells(rows, name) if cell]
    return None not in found and {r.responder for r in found if r is not None} >= {True, False}


def _cells(rows: Sequence[Mapping[str, str]], column: str) -> list[str]:
    cells = ["" if is_blank(row.get(column, "")) else row[column].strip() for row in rows]
    if {c.upper() for c in cells} >= {"R", "NR"}:  # the two letters say so only side by side
        return [{"R": "responder", "NR": "non-responder"}.get(c.upper(), c) for c in cells]
    return cells


def _says_benefit(cell: str) -> bool:
    return _plain(cell) in _BENEFIT_WORDS


def _plain(cell: str) -> str:
    return " ".join(re.sub(r"[_\-]+", " ", cell).lower().split())


def _label(cell: str) -> bool | None:
    """The label in a cell, None for blank or unlabelled; words that nobody knows are None here too."""
    if _says_benefit(cell):
        return _BENEFIT_WORDS[_plain(cell)]
    try:
        return parse_label(cell)
    except ClinicalError:
        return None


def _labels(rows: Sequence[Mapping[str, str]], column: str, notes: list[str]) -> tuple[list[bool | None], list[str]]:
    cells = _cells(rows, column)
    labels = [_label(cell) for cell in cells]
    if _mixes(rows, column):
        notes.append(f"{column} mixes benefit and RECIST categories: only the categories are used")
        labels = [None if _says_benefit(cell) else label for cell, label in zip(cells, labels, strict=True)]
    unlabelled = [cell for cell, label in zip(cells, labels, strict=True) if cell and label is None]
    for word in dict.fromkeys(unlabelled):
        notes.append(f"{unlabelled.count(word)} patients with {column} {word!r} get no label{_because(word)}")
    return labels, [_category(cell, label=label) for cell, label in zip(cells, labels, strict=True)]


def _mixes(rows: Sequence[Mapping[str, str]], column: str) -> bool:
    cells = _cells(rows, column)
    categories = [parse_word(cell) for cell in cells]
    return any(map(_says_benefit, cells)) and any(r is not None and r.responder is not None for r in categories)


def _because(word: str) -> str:
    if _says_benefit(word):
        return ": benefit is no RECIST category"
    try:
        parse_response(word)
    except ClinicalError:
        return ": the word is unknown"
    return " (mixed response is no RECIST category)" if word.lower() in ("mr", "mixed response") else ""


def _category(cell: str, *, label: bool | None) -> str:
    try:
        found = parse_response(cell)
    except ClinicalError:
        found = None
    if found is not None:
        return found.value
    return "" if label is None else ("responder" if label else "non-responder")


def _agreeing(
    rows: Sequence[Mapping[str, str]],
    column: str,
    labels: Sequence[bool | None],
    words: Sequence[str],
    notes: list[str],
) -> tuple[list[bool | None], list[str]]:
    """Withhold labels that a stated label contradicts; take the stated one where the category is blank."""
    kept, said, filled, lost = list(labels), list(words), 0, 0
    stated = [next((v for name in _BINARY if (v := _label(row.get(name, ""))) is not None), None) for row in rows]
    stable = sum(word == "SD" and other is True for word, other in zip(words, stated, strict=True))
    if stable and column in _RECIST:
        notes.append(f"the stated label counts {stable} with stable disease as responders: only {column} is used")
        return kept, said
    for i, row in enumerate(rows if column in _RECIST else ()):
        other = stated[i]
        if other is not None and is_blank(row.get(column, "")):
            kept[i], said[i], filled = other, _category("", label=other), filled + 1
        elif None not in (other, kept[i]) and kept[i] != other:
            kept[i], lost = None, lost + 1
    if lost:
        notes.append(f"{lost} patients whose response columns contradict each other get no label")
    if filled:
        notes.append(f"{filled} patients without {column} have a stated label, which is used")
    return kept, said


def _meaning(rows: Sequence[Mapping[str, str]], column: str) -> str:
    said = next((row["RESPONSE_ENDPOINT"] for row in rows if row.get("RESPONSE_ENDPOINT", "").strip()), "")
    cells = _cells(rows, column)
    if all(parse_word(cell) is not None for cell in cells if _label(cell) is not None):
        return OBJECTIVE  # CR, PR, SD and PD say what they are, whatever the column is called
    benefit = any(map(_says_benefit, cells)) and not _mixes(rows, column)
    if column in _BENEFIT or benefit or any(word in said.lower() for word in ("dcb", "durable", "benefit")):
        return f"{DURABLE}: {said}" if said else DURABLE
    return said or (OBJECTIVE if column in _RECIST else STATED)
