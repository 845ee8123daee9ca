"""The place of a value among the training patients, in words and on a small scale."""

from collections.abc import Mapping, Sequence

from icicore.types import Json
from icicore.ui.text import THIN, count, number

LEVELS: tuple[tuple[float, str], ...] = ((5, "very low"), (25, "low"), (75, "typical"), (95, "high"))
"""Upper ends of the levels in percentiles; what lies above the last is very high."""
UNITS: Mapping[str, str] = {
    "lymphocytes/mm2": "lymphocytes/mm²",
    "tumour/(tumour+stroma)": "of tumour and stroma",
    "times the upper limit of normal": "× ULN",
}
CLASSES: Mapping[str, str] = {
    "Missense_Mutation": "missense",
    "Nonsense_Mutation": "stop gained",
    "Nonstop_Mutation": "stop lost",
    "Frame_Shift_Del": "frameshift deletion",
    "Frame_Shift_Ins": "frameshift insertion",
    "In_Frame_Del": "in-frame deletion",
    "In_Frame_Ins": "in-frame insertion",
    "Splice_Site": "splice site",
    "Translation_Start_Site": "start lost",
}
"""Variant classifications in words."""
MOST_CHANGES = 3


def level(percentile: float) -> str:
    """Word for a percentile: very low, low, typical, high, very high."""
    return next((word for top, word in LEVELS if percentile < top), "very high")


def ordinal(percentile: float) -> str:
    """A percentile as 1st, 22nd, 91st; never 0th or 100th, for a cohort is not everybody."""
    n = min(99, max(1, round(percentile)))
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


def percentile_words(percentile: float, n: int) -> str:
    """``91st percentile of 868 training patients``."""
    return f"{ordinal(percentile)} percentile of {count(n, 'training patient')}"


def place_words(row: Json) -> str:
    """``high, 91st percentile of 868 training patients``; empty where nothing is known of the training patients."""
    percentile = row.get("percentile")
    return "" if percentile is None else f"{level(percentile)}, {percentile_words(percentile, int(row.get('n') or 0))}"


def share_words(share: float | None, n: int, what: str) -> str:
    """``mutated in 31 % of 868 training patients``; empty where the share is unknown."""
    if share is None or n <= 0:
        return ""
    return f"{what} {percent_of(share)} of {count(n, 'training patient')}"


def percent_of(share: float) -> str:
    """A share of patients, with a digit where it is small."""
    return f"{100 * share:.{1 if share < 0.1 else 0}f}{THIN}%"


def value_words(value: float, unit: str) -> str:
    """A value with its unit, digits as its size asks for."""
    shown = f"{value:,.0f}".replace(",", THIN) if abs(value) >= 1000 else number(value)
    return f"{shown} {UNITS.get(unit, unit)}".strip()


def change_words(changes: Sequence[Json]) -> str:
    """``p.V600E (missense)``, the first few of several; empty without a change."""
    found = []
    for change in changes[:MOST_CHANGES]:
        kind = CLASSES.get(str(change.get("class")), str(change.get("class") or "").replace("_", " ").lower())
        protein = str(change.get("protein") or "")
        found.append(f"{protein} ({kind})" if protein and kind else protein or kind)
    more = len(changes) - MOST_CHANGES
    return ", ".join(found) + (f" and {more} more" if more > 0 else "")


def mini_scale(percentile: float | None, *, title: str = "") -> str:
    """A track from the 0th to the 100th percentile with the middle half shaded, and a mark; HTML."""
    mark = "" if percentile is None else f'<i style="left:{min(100.0, max(0.0, percentile)):.1f}%"></i>'
    hint = f' title="{title}"' if title else ""
    return f'<span class="i-mini"{hint}><b></b>{mark}</span>'
