"""The filter line of the work list, and the views that people save."""

from collections.abc import Callable, Mapping

import streamlit as st

from icicore.domain import TumourType
from icicore.store.case_query import STATES as ALL_STATES
from icicore.store.case_query import CaseFilter
from icicore.store.views import LONGEST_NAME, SavedView
from icicore.ui import worklist_state as state
from icicore.ui.text import STATE_NAMES, THIN, TUMOUR_NAMES, count, plain
from icicore.ui.work_desk import WorkDesk
from icicore.workflows.work import Facets

NEW_VIEW = "work_view_name"


def flag_name(code: str) -> str:
    """Code of a reason in words."""
    return code.replace("_", " ")


def filter_line(desk: WorkDesk, facets: Facets) -> CaseFilter:
    """Draw the fields; returns the filter that they say."""
    state.fill_fields()
    text, states, tumours, flags, person, views = st.columns(
        [2.2, 1.9, 1.6, 1.9, 1.5, 0.9], vertical_alignment="bottom", gap="small"
    )
    text.text_input("Case id", key=state.TEXT, placeholder="Search, then Enter", icon=":material/search:")
    offered = [name for name in reversed(ALL_STATES) if name in facets.states or name in st.session_state[state.STATES]]
    states.multiselect(
        "State",
        offered,
        key=state.STATES,
        format_func=lambda name: _counted(STATE_NAMES.get(name, name), facets.states.get(name, 0)),
        placeholder="Any",
    )
    tumours.multiselect(
        "Tumour",
        [str(t) for t in TumourType],
        key=state.TUMOURS,
        format_func=lambda name: TUMOUR_NAMES.get(name, name),
        placeholder="Any",
    )
    flags.multiselect(
        "Flags",
        sorted({*facets.flags, *st.session_state[state.FLAGS]}),
        key=state.FLAGS,
        format_func=lambda code: _counted(flag_name(code), facets.flags.get(code, 0)),
        placeholder="Any",
        help="Why a result is limited or missing; any of those chosen",
    )
    person.selectbox("Assigned to", people(desk, facets), key=state.ASSIGNEE, format_func=_person_name(desk))
    with views.popover("Views", icon=":material/bookmark:", width="stretch"):
        _views(desk)
    return state.take_fields()


def people(desk: WorkDesk, facets: Facets) -> list[str]:
    """Whom cases can be assigned to, the reader first."""
    known = sorted({*facets.assignees} - {desk.me})
    chosen = st.session_state.get(state.ASSIGNEE)
    extra = [chosen] if chosen and chosen not in (state.ANYBODY, state.UNASSIGNED, desk.me, *known) else []
    return [state.ANYBODY, desk.me, state.UNASSIGNED, *known, *extra]


def _person_name(desk: WorkDesk) -> Callable[[str], str]:
    return lambda name: f"Me ({name})" if name == desk.me else name


def _counted(name: str, n: int) -> str:
    return f"{name}{THIN}({n:,})".replace(",", THIN)


def _views(desk: WorkDesk) -> None:
    """Saved views: apply, remove, and keep the present filter under a name."""
    saved = desk.views()
    if not saved:
        st.caption("A view keeps filter and order under a name, for you alone.")
    for view in saved:
        _view_line(desk, view)
    with st.form("save_view", border=False, clear_on_submit=True):
        name = st.text_input("Save the present filter as", key=NEW_VIEW, max_chars=LONGEST_NAME)
        if st.form_submit_button("Save view", width="stretch") and name.strip():
            desk.save_view(name, state.wanted(), state.order())
            st.rerun()


def _view_line(desk: WorkDesk, view: SavedView) -> None:
    line = st.container(horizontal=True, gap="small", vertical_alignment="center")
    line.button(
        plain(view.name), key=f"view_{view.view_id}", on_click=state.show_view, args=(view,), width="stretch",
        type="secondary",
    )  # fmt: skip
    line.button(
        "", key=f"forget_{view.view_id}", icon=":material/delete:", help="Remove this view", type="tertiary",
        on_click=desk.remove_view, args=(view.view_id,),
    )  # fmt: skip


def summary(desk: WorkDesk, facets: Facets, wanted: CaseFilter) -> None:
    """How many cases are listed, of how many, and what a selection made elsewhere leaves out."""
    found = desk.counts(wanted)
    listed = sum(found.values())
    states = " · ".join(f"{n:,} {STATE_NAMES.get(s, s).lower()}".replace(",", THIN) for s, n in _by_weight(found))
    head = count(listed, "case") if not wanted.active else f"{listed:,} of {count(facets.total, 'case')}"
    line = st.container(horizontal=True, vertical_alignment="center", gap="small", key="work_summary")
    line.caption(f"**{head.replace(',', THIN)}**" + (f" · {states}" if states else ""))
    if wanted.keys is not None:
        line.button(
            f"Only {count(len(wanted.keys), 'chosen case')}", key="work_keys", icon=":material/close:",
            help="Chosen on another page; click to list all again", on_click=state.forget_keys, type="tertiary",
        )  # fmt: skip
    if wanted.active:
        line.button("Clear filter", key="work_clear", type="tertiary", on_click=state.show, args=(CaseFilter(),))


def _by_weight(found: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(found.items(), key=lambda item: ALL_STATES[::-1].index(item[0]) if item[0] in ALL_STATES else 99)
