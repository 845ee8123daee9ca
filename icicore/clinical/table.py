"""Clinical values as people write them, to validated numbers; every refusal names the value and its range."""

import math
import re
from collections.abc import Mapping

from icicore.domain import ClinicalValues
from icicore.errors import ClinicalError

AGE_YEARS = (18.0, 110.0)
ECOG = (0.0, 4.0)
LDH_ULN = (0.1, 50.0)

_FEMALE = frozenset({"f", "female", "woman", "w"})
_MALE = frozenset({"m", "male", "man"})
_BLANK = frozenset({"", "na", "n/a", "nan", "none", "null", "unknown", "not available", "."})
_YES, _NO = frozenset({"1", "true", "yes", "y"}), frozenset({"0", "false", "no", "n"})
_FIELDS = ("age", "sex", "ecog", "ldh_uln")
ROUTINE: Mapping[str, tuple[tuple[float, float], str]] = {
    "albumin": ((1.0, 7.0), "g/dL"),
    "nlr": ((0.05, 200.0), "(neutrophils over lymphocytes)"),
    "pdl1_tps": ((0.0, 100.0), "percent of tumour cells"),
}
"""Range and unit of the optional values that only comparison scores read."""
HISTORY = "systemic_history"


def parse_clinical(fields: Mapping[str, object], *, source: str) -> ClinicalValues:
    """Validate the four clinical values.

    Parameters
    ----------
    fields
        Any of ``age`` (years), ``sex`` (F or M, words too), ``ecog`` (0-4) and ``ldh_uln`` (multiple of the upper
        limit of normal), as numbers or text. Absent, blank, "NA" and NaN mean unknown.
    source
        What the values come from, named in errors (``case.json``).

    Raises
    ------
    ClinicalError
        Out of range, decimal comma, not a number, an unknown word or an unknown field.
    """
    unknown = sorted(set(fields) - set(_FIELDS))
    if unknown:
        raise ClinicalError(
            source, f"unknown clinical value {unknown[0]!r}", expected=", ".join(_FIELDS), remedy="rename or remove it"
        )
    return ClinicalValues(
        age=_number(fields.get("age"), source=source, name="age", limits=AGE_YEARS, unit="years"),
        sex=_sex(fields.get("sex"), source),
        ecog=_ecog(fields.get("ecog"), source),
        ldh_uln=_number(
            fields.get("ldh_uln"), source=source, name="ldh_uln", limits=LDH_ULN, unit="times the upper limit of normal"
        ),
    )


def parse_routine(fields: Mapping[str, object], *, source: str) -> dict[str, float]:
    """Validate the optional values of ``ROUTINE`` and ``systemic_history`` (chemotherapy or targeted therapy before).

    Other fields are ignored; what is blank is left out of the result.

    Raises
    ------
    ClinicalError
        Out of range (albumin in g/L, for one), decimal comma, not a number, or an unknown word.
    """
    found = {
        name: _number(fields.get(name), source=source, name=name, limits=limits, unit=unit)
        for name, (limits, unit) in ROUTINE.items()
    }
    found[HISTORY] = _yes_or_no(fields.get(HISTORY), source=source, name=HISTORY)
    return {name: value for name, value in found.items() if value is not None}


def _yes_or_no(value: object, *, source: str, name: str) -> float | None:
    if _is_blank(value):
        return None
    word = str(value).strip().lower().removesuffix(".0")
    if word not in _YES | _NO:
        raise ClinicalError(
            source, f"{name} {str(value)!r} is not understood", expected="yes or no", remedy="correct it"
        )
    return float(word in _YES)


def _is_blank(value: object) -> bool:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    return isinstance(value, str) and value.strip().lower() in _BLANK


def _number(value: object, *, source: str, name: str, limits: tuple[float, float], unit: str) -> float | None:
    if _is_blank(value):
        return None
    low, high = limits
    expected = f"{low:g} to {high:g} {unit}".strip()
    text = str(value).strip()
    if re.fullmatch(r"[+-]?\d+,\d+", text):
        raise ClinicalError(
            source,
            f"{name} {text!r} has a decimal comma",
            expected=expected,
            remedy=f"write {text.replace(',', '.')}",
        )
    try:
        # Python would read True as 1 and "6_3" as 63.
        number = float("" if isinstance(value, bool) or "_" in text else text)
    except ValueError:
        raise ClinicalError(
            source, f"{name} {text!r} is not a number", expected=expected, remedy="correct it"
        ) from None
    if not low <= number <= high:
        remedy = _other_unit(name, number, high) or "correct it"
        raise ClinicalError(source, f"{name} {text} is out of range", expected=expected, remedy=remedy)
    return number


def _other_unit(name: str, number: float, high: float) -> str:
    """What to do about a value that is probably in another unit or on another scale; "" where none comes to mind."""
    if name == "ldh_uln" and number > high:
        return "divide the LDH by the upper limit of normal of its laboratory"
    if name == "albumin" and high < number <= 10 * high:
        return "give it in g/dL, a tenth of the value in g/L"
    if name == "age" and 18 * 365 <= number <= 110 * 366:
        return "give it in years, this seems to be days"
    if name == "ecog" and 10 <= number <= 100 and number % 10 == 0:
        return "give the ECOG status, this seems to be a Karnofsky index"
    return ""


def _ecog(value: object, source: str) -> int | None:
    text = re.sub(r"^ecog\s*(ps)?\s*", "", value.strip(), flags=re.IGNORECASE) if isinstance(value, str) else value
    number = _number(text, source=source, name="ecog", limits=ECOG, unit="(a whole number)")
    if number is not None and not number.is_integer():
        raise ClinicalError(source, f"ecog {number:g} is not whole", expected="0, 1, 2, 3 or 4", remedy="correct it")
    return None if number is None else int(number)


def _sex(value: object, source: str) -> str | None:
    if _is_blank(value):
        return None
    word = str(value).strip().lower()
    if word in _FEMALE or word in _MALE:
        return "F" if word in _FEMALE else "M"
    raise ClinicalError(source, f"sex {str(value)!r} is not understood", expected="F or M", remedy="write F or M")
