"""Numbers and names as the printed page shows them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from icicore.reports.numbers import DASH, number
from icicore.types import Json

JUDGEMENTS: Mapping[str, str] = {
    "likely": "Response likely",
    "unlikely": "Response unlikely",
    "cannot_say": "Cannot say",
}
FEATURES: Mapping[str, str] = {
    "age": "Age",
    "sex": "Sex",
    "ecog": "ECOG performance status",
    "ldh_uln": "LDH",
    "tiles for response": "Tiles for response",
    "tiles against response": "Tiles against response",
}
COMPARATORS: Sequence[tuple[str, str, str]] = (
    ("tmb", "TMB", "mutations per Mb"),
    ("pdl1", "CD274 (PD-L1) RNA", "log2"),
    ("loris", "LORIS", "score"),
)


def whole_percent(share: float | None) -> str:
    """Per cent without digits; never 0 or 100 for what is not exactly that."""
    if share is None:
        return DASH
    if 0 < share < 0.01:
        return "<1 %"
    return ">99 %" if 0.99 < share < 1 else f"{100 * share:.0f} %"


def bounds(interval: Sequence[float] | None) -> str:
    """An interval of probabilities in per cent."""
    return DASH if not interval else f"{100 * interval[0]:.0f}{DASH}{100 * interval[1]:.0f} %"


def plus(value: float | None, digits: int = 2) -> str:
    """A number with its sign."""
    shown = number(value, digits)
    return f"+{shown}" if value is not None and value > 0 and float(f"{value:.{digits}f}") else shown


def utc(moment: str | None) -> str:
    """A stored time to the minute, in UTC."""
    if not moment:
        return "time not recorded"
    return f"{datetime.fromisoformat(moment).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def feature_name(feature: Json) -> str:
    """Name of a finding, with its value where that has a unit."""
    name = FEATURES.get(str(feature["name"]), str(feature["name"]))
    value, unit = feature.get("value"), str(feature.get("unit") or "")
    if not unit or not isinstance(value, (int, float)):
        return name
    shown = f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{name} {shown}{_short(unit)}"


def _short(unit: str) -> str:
    """A unit as it fits beside the name of what it counts."""
    short = unit.replace("lymphocytes/mm2", "/mm²").replace("mm2", "mm²")
    return short if short.startswith("/") else f" {short}"


def comparator(values: Json, key: str, unit: str) -> str:
    """The value of an established marker with its unit."""
    value = values.get(key)
    value = value.get("value") if isinstance(value, dict) else value
    return "inputs missing" if value is None else f"{float(value):.3g} {unit}"


def clinical_line(values: Json | None) -> str:
    """The clinical values in one line."""
    if values is None:
        return "none, or no longer as they were scored"
    sex = {"F": "female", "M": "male"}
    parts = [
        f"age {values['age']:g} years" if values.get("age") is not None else "age not measured",
        sex.get(str(values.get("sex")), "sex not given"),
        f"ECOG {values['ecog']} of 4" if values.get("ecog") is not None else "ECOG not measured",
        f"LDH {values['ldh_uln']:.3g} × upper limit of normal"
        if values.get("ldh_uln") is not None
        else "LDH not measured",
    ]
    return ", ".join(parts)


def gene_state(gene: Json) -> str:
    """What was found of a gene."""
    if gene["kind"] == "mutation":
        return "mutated" if float(gene["value"] or 0) > 0 else "wild type"
    unit = "mutations/Mb" if gene["kind"] == "tmb" else "log2 RNA"
    return f"{float(gene['value']):.3g} {unit}"
