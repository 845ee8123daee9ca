"""Parts of the work list page: the table, opening a case folder, scoring."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from icicore.access import Role
from icicore.errors import InputError
from icicore.store.cases import CaseRow
from icicore.ui import session
from icicore.ui.backend import Backend
from icicore.ui.places import CASE
from icicore.ui.text import (
    DASH,
    MODALITY_LETTERS,
    STATE_NAMES,
    TUMOUR_NAMES,
    ago,
    count,
    interval,
    plain,
)
from icicore.ui.widgets import empty, error_line

TABLE = "work_list"
READER_NOTE = "Click a row to read the case. Scoring needs the role reviewer."
SCORABLE = ("new", "not_scored", "failed")
_STATE_COLOURS = {
    "Scored": "green",
    "Limited": "orange",
    "Not scored": "red",
    "Failed": "red",
    "Running": "blue",
    "Queued": "blue",
    "New": "gray",
}


def case_table(rows: Sequence[CaseRow]) -> pd.DataFrame:
    """The work list as shown: one row per case, in the given order."""
    return pd.DataFrame(
        {
            "Case": [r.case_id + (" (virtual)" if r.virtual else "") for r in rows],
            "Tumour": [TUMOUR_NAMES.get(r.tumour_type, r.tumour_type) for r in rows],
            "State": [[STATE_NAMES.get(r.state, r.state)] for r in rows],
            "Probability": [None if r.probability is None else 100 * r.probability for r in rows],
            "95 % interval": [interval(r.interval95) if r.probability is not None else DASH for r in rows],
            "Call": [(r.call or DASH).capitalize() for r in rows],
            "Flags": [[f.replace("_", " ") for f in r.flags] for r in rows],
            "Data": [
                " ".join(MODALITY_LETTERS[m] if m in r.modalities else "·" for m in MODALITY_LETTERS) for r in rows
            ],
            "Slides": [r.n_slides for r in rows],
            "Bundle": [r.bundle or DASH for r in rows],
            "Updated": [ago(r.updated) for r in rows],
        }
    )


def show_table(rows: Sequence[CaseRow]) -> list[CaseRow]:
    """Show the table; a click on a cell opens that case. Returns the rows that are ticked."""
    column = st.column_config
    states = list(_STATE_COLOURS)
    flags = sorted({f.replace("_", " ") for r in rows for f in r.flags})
    event = st.dataframe(
        case_table(rows),
        key=TABLE,
        hide_index=True,
        row_height=40,
        height=min(640, 40 * (len(rows) + 1) + 4),
        placeholder=DASH,
        on_select="rerun",
        selection_mode=["multi-row", "single-cell"],
        alt="Work list: one row per case",
        column_config={
            "Case": column.TextColumn(width=170, help="Click to open the case review"),
            "Tumour": column.TextColumn(width=90),
            "State": column.MultiselectColumn(
                width=100,
                options=states,
                color=[_STATE_COLOURS[s] for s in states],
                help="Limited: scored, but read the reasons. Not scored: the input cannot be used",
            ),
            "Probability": column.ProgressColumn(
                width=150,
                format="%.0f %%",
                min_value=0,
                max_value=100,
                help="Calibrated probability of objective response (CR or PR)",
            ),
            "95 % interval": column.TextColumn(width=100, help="How far the estimate varies between ensemble members"),
            "Call": column.TextColumn(width=140, help="At the bundle's operating threshold"),
            "Flags": column.MultiselectColumn(width=190, options=flags, color="orange", help="Why a result is limited"),
            "Data": column.TextColumn(
                width=70, help="H histology · G genomics · C clinical; a dot where it is missing"
            ),
            "Slides": column.NumberColumn(width=60, format="%d"),
            "Bundle": column.TextColumn(width=160, help="Model bundle that scored the case"),
            "Updated": column.TextColumn(width=95),
        },
    )
    _open_clicked(rows, event)
    return [rows[i] for i in event.selection.rows if i < len(rows)]


def _open_clicked(rows: Sequence[CaseRow], event: object) -> None:
    cells = event.selection.cells  # type: ignore[attr-defined]
    if cells and cells[0][0] < len(rows):
        open_review(rows[cells[0][0]].case_key)


def open_review(case_key: str) -> None:
    """Go to the case page; the key stands in the address, so a reload keeps the case."""
    session.put(session.LAST_CASE, case_key)
    st.session_state.pop(TABLE, None)  # otherwise the click is still there on the way back and opens the case again
    st.switch_page(CASE, query_params={session.CASE: case_key})


def submit_all(backend: Backend, rows: Sequence[CaseRow]) -> None:
    """Queue the scoring of cases; the first refusal is shown on the next run."""
    for row in rows:
        try:
            backend.submit(row.case_key)
        except InputError as error:
            session.put(session.OPEN_ERROR, str(error))
    st.rerun()


def score_buttons(backend: Backend, rows: Sequence[CaseRow], chosen: Sequence[CaseRow]) -> None:
    """Score what is ticked, or everything that has no score yet; nothing for a person who may not."""
    if not backend.person.may(Role.REVIEWER):
        st.caption(READER_NOTE)
        return
    waiting = [r for r in rows if r.state in SCORABLE]
    line = st.container(horizontal=True, vertical_alignment="center", gap="small")
    label = f"Score {count(len(chosen), 'selected case')}" if chosen else "Score selected cases"
    if line.button(label, disabled=not chosen, key="score_selected", icon=":material/play_arrow:"):
        submit_all(backend, chosen)
    if waiting and line.button(
        f"Score {count(len(waiting), 'case')} without a result", key="score_new", type="primary"
    ):
        submit_all(backend, waiting)
    line.caption("Click a row to review the case. Tick rows to score them again.")


def open_folder(backend: Backend) -> None:
    """Open a case folder by its path, or by one click when it lies under an allowed root."""
    if not backend.person.may(Role.REVIEWER):
        st.caption("A reviewer can open case folders.")
        return
    with st.form("open_folder", border=False, clear_on_submit=False):
        field, button = st.columns([6, 1], vertical_alignment="bottom")
        path = field.text_input("Path of the case folder", placeholder="/data/cases/CASE-001", key="case_folder")
        if button.form_submit_button("Open", width="stretch") and path.strip():
            _open(backend, Path(path.strip()))
    if message := session.take(session.OPEN_ERROR):
        error_line(message)
    _found(backend)
    st.caption("Cases may be opened from: " + " · ".join(plain(root) for root in backend.roots))


def _found(backend: Backend, most: int = 12) -> None:
    folders = backend.folders()
    if not folders:
        return
    st.caption(f"{count(len(folders), 'case folder')} found there and not on the work list yet")
    line = st.container(horizontal=True, gap="small")
    for folder in folders[:most]:
        if line.button(plain(folder.name), key=f"open_{folder}", help=plain(folder), icon=":material/folder_open:"):
            _open(backend, folder)
    if len(folders) > 1 and line.button(f"Open all {len(folders)}", key="open_all", type="tertiary"):
        _open(backend, *folders)


def _open(backend: Backend, *folders: Path) -> None:
    errors = []
    session.put(session.OPENING, True)  # noqa: FBT003 - a session value
    for folder in folders:
        try:
            backend.open_case(folder)
        except InputError as error:
            errors.append(str(error))
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        session.put(session.OPEN_ERROR, errors[0] + more)
    st.rerun()


def empty_list(backend: Backend) -> None:
    """What to do when the work list is empty."""
    empty(
        "No cases yet",
        "A case is a folder with <code>case.json</code> and any of: <code>slides/</code>, <code>mutations.maf</code> "
        "or <code>.vcf</code>, <code>expression.tsv</code>. Open one below by its path; nothing is uploaded.",
        "To look around first, build the demonstration cases: virtual patients with rendered slides and known truth. "
        "The button does the same as <code>icicore demo</code>; it needs no network and takes a few minutes.",
    )
    may = backend.person.may(Role.REVIEWER)
    if may and st.button("Build the demonstration cases", type="primary", icon=":material/science:"):
        try:
            backend.submit_demo()
        except InputError as error:
            session.put(session.OPEN_ERROR, str(error))
        st.rerun()
