"""The case page: head, answer, viewer and reasons."""

from collections.abc import Callable

import streamlit as st

from icicore.access import Role
from icicore.errors import InputError
from icicore.store.cases import CaseRow
from icicore.store.jobs import CANCELLED
from icicore.ui import session, tour
from icicore.ui.answer import answer
from icicore.ui.backend import Backend
from icicore.ui.clinical_panel import clinical_panel
from icicore.ui.conclusion import conclusion_panel, history
from icicore.ui.exports import export_card
from icicore.ui.gene_panel import genes_panel
from icicore.ui.inspector import tile_panel
from icicore.ui.older_result import older_notice
from icicore.ui.panels import record_panel, slides_panel
from icicore.ui.stage import Shown, stage
from icicore.ui.text import TUMOUR_NAMES, count, esc
from icicore.ui.what_if_panel import what_if_panel
from icicore.ui.why import why_panel
from icicore.ui.widgets import badge, empty, error_line, page_head, reasons_html, show_jobs, state_badge
from icicore.workflows.cases import CaseResult

PANELS = ("Why", "What if", "Tile", "Genes", "Clinical", "Slides", "Record", "Conclusion")


def head(row: CaseRow, result: CaseResult | None) -> None:
    """Title line: case, tumour type, whether virtual, state."""
    badges = [badge(TUMOUR_NAMES.get(row.tumour_type, row.tumour_type)), state_badge(row.state)]
    if row.virtual:
        badges.insert(1, badge("Virtual case", title="A simulated patient with rendered slides"))
    if row.site:
        badges.append(badge(row.site, "line", title="Site"))
    if result is not None and _virtual_bundle(result):
        badges.append(badge("Model trained on virtual data", "warn", "!"))
    page_head(row.case_id, badges)


def _virtual_bundle(result: CaseResult) -> bool:
    bundle = result.prediction.get("bundle") or {}
    return bool(bundle.get("virtual")) or "virtual" in str(bundle.get("name", ""))


def notices(backend: Backend, row: CaseRow, result: CaseResult | None) -> bool:
    """Reasons, running jobs and errors, in one place above the viewer; tells whether a job is active."""
    if message := session.take(session.NOTICE):
        error_line(message)
    reasons = row.reasons or tuple((result.prediction.get("reasons") if result else None) or ())
    if reasons:
        status = row.state
        if result is not None and row.state in ("queued", "running"):
            status = str(result.prediction.get("status"))
        st.html(reasons_html(status, reasons))
    job = backend.job(row.job_id) if row.job_id else None
    told = {str(r.get("message")) for r in row.reasons}
    if job is not None and job.state == "failed" and job.error and job.error not in told:
        error_line(job.error)
    if job is not None and job.state == CANCELLED:
        st.caption("The last scoring was cancelled. What was finished is kept; scoring again continues there.")
    active = show_jobs(backend, {row.case_key: row.case_id}, row.case_key)
    older_notice(backend, row, result, active=active)
    return active


def score_button(backend: Backend, row: CaseRow, label: str) -> None:
    """Submit the scoring of this case, for a person who may."""
    if not backend.person.may(Role.REVIEWER):
        st.caption("Scoring needs the role reviewer.")
        return
    if st.button(label, type="primary", icon=":material/play_arrow:"):
        try:
            backend.submit(row.case_key)
        except InputError as error:
            session.put(session.NOTICE, str(error))
        st.rerun()


def holding(row: CaseRow) -> str:
    """What the case folder holds and what it lacks, as a sentence or two."""
    names = {
        "histology": f"histology ({count(row.n_slides, 'slide')})",
        "genomics": "genomics",
        "clinical": "clinical values",
    }
    held = ", ".join(names[m] for m in names if m in row.modalities) or "nothing to score"
    missing = ", ".join(names[m].split(" (")[0] for m in names if m not in row.modalities)
    lacks = f" Not given: {missing}; the model leaves out what is missing." if missing else ""
    return f"The folder holds {held}.{lacks}"


def without_result(backend: Backend, row: CaseRow, *, active: bool) -> None:
    """A case that has no result: what it holds, and the button that scores it."""
    what = holding(row)
    if active:
        empty(
            "Being scored",
            esc(what),
            "The viewer and the reasons appear here when it is done. You may leave this page.",
        )
        return
    if row.state in ("not_scored", "failed"):
        empty("Not scored", "The reason stands above. Correct the input, then score the case again.", esc(what))
        score_button(backend, row, "Score again")
        return
    empty("Not scored yet", esc(what))
    score_button(backend, row, "Score this case")


@st.fragment
def review(_backend: Backend, row: CaseRow, result: CaseResult) -> None:
    """Viewer left, reasons right. One fragment: a click on a tile runs only this again."""
    left, right = st.columns([1.62, 1], gap="medium")
    with left, st.container(key=tour.SLIDE):
        shown = stage(_backend, row, result)
    with right:
        with st.container(key=tour.ANSWER):
            answer(_backend, result)
        with st.container(key=tour.PANELS):
            panel(_backend, row, result, shown)


def panel(backend: Backend, row: CaseRow, result: CaseResult, shown: Shown | None) -> None:
    """The chosen panel of reasons; a click on a tile chooses the tile's."""
    if session.get(session.PANEL) not in PANELS:
        session.put(session.PANEL, PANELS[0])
    chosen = st.segmented_control(
        "Reasons", PANELS, required=True, key=session.PANEL, label_visibility="collapsed", width="stretch"
    )
    pathways = backend.pathways(result.prediction)
    shows: dict[str, Callable[[], None]] = {
        "Why": lambda: why_panel(result, pathways),
        "What if": lambda: what_if_panel(backend, result),
        "Tile": lambda: tile_panel(backend, row, result, shown),
        "Genes": lambda: genes_panel(result, pathways),
        "Clinical": lambda: clinical_panel(result, backend.clinical(row.case_key)),
        "Slides": lambda: slides_panel(result),
        "Record": lambda: _record(backend, row, result),
        "Conclusion": lambda: conclusion_panel(backend.records, row, result, secret=backend.secret),
    }
    shows[chosen or "Why"]()


def _record(backend: Backend, row: CaseRow, result: CaseResult) -> None:
    history(backend.records, row)
    st.html(export_card(row, result, backend.person.name, backend.secret))
    record_panel(backend, result)
