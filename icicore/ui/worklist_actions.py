"""What can be done with the ticked cases, or with all that are listed: score, assign, compare."""

import streamlit as st

from icicore.errors import InputError
from icicore.store.case_query import CaseFilter
from icicore.ui import session
from icicore.ui import worklist_state as state
from icicore.ui.backend import Backend
from icicore.ui.places import COMPARE
from icicore.ui.text import count
from icicore.ui.widgets import error_line
from icicore.ui.work_desk import BatchQueue, WorkDesk

SCORABLE = ("new", "not_scored", "failed")
MOST_COMPARED = 4
READER_NOTE = "Scoring and assigning need the role reviewer."


def actions(backend: Backend, queue: BatchQueue, wanted: CaseFilter, ticked: tuple[str, ...]) -> None:
    """Buttons under the table. Ticks that are not on the work list any more do nothing."""
    desk = backend.work
    chosen = CaseFilter(keys=ticked)
    waiting = sum(n for s, n in desk.counts(wanted).items() if s in SCORABLE)
    line = st.container(horizontal=True, vertical_alignment="center", gap="small", key="work_actions")
    label = f"Score {count(len(ticked), 'ticked case')}" if ticked else "Score ticked cases"
    if not desk.may_work:
        line.caption(READER_NOTE)
    elif line.button(label, disabled=not ticked, key="score_ticked", icon=":material/play_arrow:"):
        _score(desk, queue, chosen)
    if desk.may_work:
        _assign(line, desk, chosen)
    line.button(
        "Compare", disabled=not 2 <= len(ticked) <= MOST_COMPARED, key="compare_ticked", icon=":material/compare:",
        help="Tick two to four cases to see them side by side", on_click=session.put,
        args=(session.COMPARE_NOW, ticked),
    )  # fmt: skip
    if compared := session.take(session.COMPARE_NOW):
        st.switch_page(COMPARE, query_params={session.CASES: ",".join(compared)})
    if desk.may_work and waiting and line.button(
        f"Score {count(waiting, 'case')} without a result", key="score_new", type="primary",
        help="All listed cases, on every page of the listing, that have no result yet",
    ):  # fmt: skip
        _score(desk, queue, _only_scorable(wanted))
    if message := session.take(session.WORK_ERROR):
        error_line(message)


def _only_scorable(wanted: CaseFilter) -> CaseFilter:
    states = [s for s in SCORABLE if not wanted.states or s in wanted.states]
    return CaseFilter(**{**vars(wanted), "states": tuple(states)})


def _score(desk: WorkDesk, queue: BatchQueue, wanted: CaseFilter) -> None:
    try:
        if desk.submit_batch(queue, wanted) is None:
            session.put(session.WORK_ERROR, "These cases are waiting for a score already.")
        state.clear_ticks()
    except InputError as error:
        session.put(session.WORK_ERROR, str(error))
    st.rerun()


def _assign(line: "st.delta_generator.DeltaGenerator", desk: WorkDesk, chosen: CaseFilter) -> None:
    with line.popover("Assign", disabled=not chosen.keys, icon=":material/person_add:"):
        people = sorted({desk.me, *desk.facets().assignees}, key=lambda name: (name != desk.me, name))
        person = st.selectbox(
            "Assign to", people, key="assign_to", accept_new_options=True, index=0,
            format_func=lambda name: f"Me ({name})" if name == desk.me else name,
            help="Choose a person or write a name",
        )  # fmt: skip
        yes, no = st.columns(2)
        n = len(chosen.keys or ())
        if yes.button(f"Assign {count(n, 'case')}", key="assign_yes", type="primary", width="stretch"):
            _assigned(desk, chosen, person)
        if no.button("Unassign", key="assign_no", width="stretch"):
            _assigned(desk, chosen, None)


def _assigned(desk: WorkDesk, chosen: CaseFilter, person: str | None) -> None:
    try:
        desk.assign(chosen, person)
        state.clear_ticks()
    except InputError as error:
        session.put(session.WORK_ERROR, str(error))
    st.rerun()
