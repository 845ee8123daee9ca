"""One model: what it is, where it comes from, which cases it scored, and what may be done with it."""

import re

import pandas as pd
import streamlit as st

from icicore.reports.numbers import estimate, number
from icicore.store.registry import PROMOTED, RETIRED
from icicore.ui import charts, documents
from icicore.ui.html_table import table
from icicore.ui.model_comparison import comparison_panel
from icicore.ui.model_drift import drift_panel
from icicore.ui.model_list import act, state_badge
from icicore.ui.model_metrics import metrics_of
from icicore.ui.models_desk import ModelsDesk
from icicore.ui.text import DASH, STATE_NAMES, ago, esc, interval, percent, plain, short_digest
from icicore.ui.widgets import badge, error_line
from icicore.ui.worklist import open_review
from icicore.workflows.registry_entries import Listed

VIEWS = ("Overview", "Comparison", "Lineage", "Cases", "Drift")
_VIEW = "model_view"
_METRICS = (
    ("auc_roc", "AUC-ROC"),
    ("auc_pr", "AUC-PR"),
    ("sensitivity", "Sensitivity"),
    ("specificity", "Specificity"),
    ("accuracy", "Accuracy"),
    ("brier", "Brier score (0 is best)"),
    ("ece", "Calibration error (ECE, 0 is best)"),
)


def detail(desk: ModelsDesk, model: Listed) -> None:
    """Head, actions and the chosen view of one model."""
    head, actions = st.columns([2.2, 1], vertical_alignment="center")
    virtual = [badge("Trained on virtual data", "warn", "!")] if model.ref and model.ref.spec.get("virtual") else []
    badges = "".join([state_badge(model), *virtual])
    head.html(f'<div class="i-top"><h1>{esc(model.row.name)}</h1>{badges}</div>')
    with actions:
        _actions(desk, model)
    if model.problem:
        error_line(f"{model.row.name}: {model.problem}")
    view = st.segmented_control("View", VIEWS, default=VIEWS[0], required=True, key=_VIEW, label_visibility="collapsed")
    if view == "Comparison":
        comparison_panel(desk, model)
    elif view == "Lineage":
        lineage(desk, model)
    elif view == "Cases":
        cases(desk, model)
    elif view == "Drift":
        drift_panel(desk, model)
    else:
        overview(desk, model)


def _actions(desk: ModelsDesk, model: Listed) -> None:
    line = st.container(horizontal=True, horizontal_alignment="right", gap="small")
    name = model.row.name
    if model.ref is not None:
        line.download_button(
            "Export",
            data=lambda: desk.export(name),
            file_name=f"{name}.bundle.zip",
            mime="application/zip",
            icon=":material/download:",
            help="One file: weights as safetensors, JSON and the card",
            key=f"export_{model.row.digest[:12]}",
            on_click="ignore",
        )
    if model.row.state not in (PROMOTED, RETIRED):
        with (
            line.popover("Retire", icon=":material/archive:"),
            st.form(f"retire_{model.row.digest[:12]}", border=False),
        ):
            reason = st.text_input("Reason", max_chars=500)
            if st.form_submit_button("Retire", width="stretch"):
                act(lambda: desk.retire(name, reason), f"{name} is retired. Its results stay.")
    if model.row.state != PROMOTED:
        with line.popover("Delete", icon=":material/delete:"):
            kept = desk.why_kept(model)
            st.write(
                f"It stays: {plain(kept)}." if kept else "Its folder and its place in the list are removed for good."
            )
            if st.button("Delete for good", disabled=bool(kept), type="primary", key=f"delete_{model.row.digest[:12]}"):
                act(lambda: desk.remove(name), f"{name} was deleted.")


def overview(desk: ModelsDesk, model: Listed) -> None:
    """Test metrics and card."""
    found = metrics_of(model)
    metrics = found.values
    left, right = st.columns([1, 1.6], gap="medium")
    rows = [(label, estimate(metrics[key])) for key, label in _METRICS if metrics.get(key)]
    if rows:
        rows.append(("Threshold (probability)", number(metrics.get("threshold"))))
        note = charts.note(found.words())
        left.html(charts.card("Test metrics", charts.facts(rows), note, detail=f"n {metrics.get('n')} patients"))
    else:
        left.html(charts.card("Test metrics", charts.note("The bundle states none.")))
    with right.container(border=True):
        st.markdown(_smaller(documents.shown_card(desk.card(model))) or "No card lies beside this model.")


def _smaller(card: str) -> str:
    """The card with its headings three steps lower, as it stands inside a page."""
    return re.sub(r"^(#{1,3}) ", r"###\1 ", card, flags=re.MULTILINE)


def lineage(desk: ModelsDesk, model: Listed) -> None:
    """Digests of data and model, parent, and how its recipe differs."""
    row, spec = model.row, {} if model.ref is None else model.ref.spec
    cohort = spec.get("cohort") or {}
    parts, responders = cohort.get("n") or {}, cohort.get("responders") or {}
    counts = ", ".join(f"{part} {n} ({responders.get(part, DASH)} responders)" for part, n in parts.items())
    other, rows = desk.differences(model)
    left, right = st.columns(2, gap="medium")
    left.html(
        charts.card(
            "Origin",
            charts.facts(
                [
                    ("Model digest", row.digest),
                    (
                        "Parent",
                        f"{other}, {short_digest(row.parent)}" if row.parent else "none: from scratch or unknown",
                    ),
                    ("Study", row.study or DASH),
                    ("Data digest", row.data_digest or "not stated"),
                    ("Patients", counts or "not stated"),
                    (
                        "Architecture",
                        str((spec.get("model") or {}).get("kind", DASH)) + f", ensemble of {spec.get('members', DASH)}",
                    ),
                    ("Tile encoder", f"{spec.get('backbone', DASH)} {spec.get('backbone_digest', '')}"),
                    ("Gene panel", str(spec.get("panel", DASH))),
                    ("Job", row.job_id or "none"),
                    ("Entered", f"{row.created:%Y-%m-%d %H:%M} UTC"),
                    ("Last decision", f"{row.state} by {row.who}: {row.reason}"),
                ],
            ),
            charts.note("Equal data digests: trained on exactly the same data."),
        )
    )
    shown = table(("Setting", "This model", esc(other)), [(esc(n), esc(a), esc(b)) for n, a, b in rows])
    same = charts.note(f"Trained with the same recipe as {esc(other)}.")
    right.html(charts.card(f"Recipe against {esc(other)}", shown if rows else same))


def cases(desk: ModelsDesk, model: Listed) -> None:
    """Cases whose newest result is this model's."""
    rows = desk.cases(model)
    older = desk.older_results(model)
    kept = f" {older} more were scored by it once and by another model since; those results are kept." if older else ""
    st.caption(f"{len(rows)} cases have their newest result from this model.{kept}")
    if not rows:
        return
    event = st.dataframe(
        pd.DataFrame(
            {
                "Case": [r.case_id for r in rows],
                "State": [STATE_NAMES.get(r.state, r.state) for r in rows],
                "Probability": [percent(r.probability) for r in rows],
                "95 % interval": [interval(r.interval95) for r in rows],
                "Updated": [ago(r.updated) for r in rows],
            }
        ),
        key=f"model_cases_{model.row.digest[:12]}",
        hide_index=True,
        on_select="rerun",
        selection_mode="single-cell",
    )
    cells = event.selection.cells
    if cells and cells[0][0] < len(rows):
        open_review(rows[cells[0][0]].case_key)
