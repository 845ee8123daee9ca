"""Clinical values with unit, their place among the training patients, and how far each moved the score."""

import streamlit as st

from icicore.domain import CLINICAL, ClinicalValues
from icicore.types import Json
from icicore.ui import charts
from icicore.ui.placement import level, mini_scale, ordinal, share_words
from icicore.ui.results import load_features
from icicore.ui.text import CLINICAL_ROWS, DASH, esc, number, signed
from icicore.workflows.cases import CaseResult

NBSP = "\N{NO-BREAK SPACE}"
_MARKS = "On each scale the middle half of the training patients is shaded; the mark is this patient."
_CHANGED = (
    "<b>The case folder holds other values now than when the case was scored: {}.</b> Places and attributions are "
    "those of the scored values."
)


def clinical_panel(result: CaseResult, values: ClinicalValues | None) -> None:
    """Show the four clinical values of a case."""
    st.html(clinical_html(result.prediction, load_features(result), values))


def clinical_html(prediction: Json, features: list[Json], values: ClinicalValues | None) -> str:
    """The card; ``values`` are those of the case folder now, shown where the result does not hold its own."""
    scores = {str(f["name"]): float(f["importance"]) for f in features if f["modality"] == CLINICAL}
    placed = {str(row["name"]): row for row in prediction.get("clinical") or ()}
    head = "".join(f"<th>{name}</th>" for name in ("", "Value", "Among the training patients", "Attribution, logit"))
    rows = [_row(field, name, unit, placed, values, scores) for field, name, unit in CLINICAL_ROWS]
    table = f'<table class="i-table i-clinical"><tr>{head}</tr>{"".join(rows)}</table>'
    changed = [name for field, name, _ in CLINICAL_ROWS if _differs(placed, values, field)]
    warning = charts.note(_CHANGED.format(esc(", ".join(changed)))) if changed and placed else ""
    return charts.card("", table, warning, charts.note(_MARKS) if placed else "")


def _row(
    field: str,
    name: str,
    unit: str,
    placed: dict[str, Json],
    values: ClinicalValues | None,
    scores: dict[str, float],
) -> str:
    row = placed.get(field)
    value = row["value"] if row is not None else None if placed else getattr(values, field, None)
    beside = _short(unit) if value is not None else "not measured"
    known = f"<b>{esc(_shown(value))}</b> <span class='i-dim' title='{unit}'>{beside}</span>"
    return f"<tr><td>{name}</td><td>{known}</td><td>{_place(row)}</td><td>{signed(scores.get(field))}</td></tr>"


def _short(unit: str) -> str:
    return unit.replace("upper limit of normal", "ULN")


def _place(row: Json | None) -> str:
    if row is None:
        return DASH
    if row["name"] == "sex":
        return f"<small>{esc(share_words(row.get('share'), int(row.get('n') or 0), 'as in') or DASH)}</small>"
    percentile = row["percentile"]
    if percentile is None:
        return DASH
    words = f"{level(percentile)}, {ordinal(percentile)} percentile, n{NBSP}{row['n']}"
    return f"{mini_scale(percentile)}<small>{esc(words)}</small>"


def _shown(value: object) -> str:
    if value is None:
        return DASH
    return {"F": "female", "M": "male"}.get(str(value), number(value, 4) if isinstance(value, float) else str(value))


def _differs(placed: dict[str, Json], values: ClinicalValues | None, field: str) -> bool:
    scored = placed[field]["value"] if field in placed else None
    return bool(values is not None and getattr(values, field) != scored)
