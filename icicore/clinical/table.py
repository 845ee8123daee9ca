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
_FIELDS = ("age", "sex", "ecog", "ldh_uln")


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
        remedy = "correct it"
        if name == "ldh_uln" and number > high:
            remedy = "divide the LDH by the upper limit of normal of its laboratory"
        raise ClinicalError(source, f"{name} {text} is out of range", expected=expected, remedy=remedy)
    return number


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
