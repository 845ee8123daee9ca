"""Filter, order and place of the work list in the session: they outlive a visit to another page."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from icicore.store.case_query import NOBODY, CaseFilter, CaseOrder
from icicore.store.views import SavedView

TEXT, STATES, TUMOURS, FLAGS, ASSIGNEE = "work_text", "work_states", "work_tumours", "work_flags", "work_assignee"
FIELDS: Mapping[str, str] = {
    TEXT: "text", STATES: "states", TUMOURS: "tumour_types", FLAGS: "flags", ASSIGNEE: "assignee",
}  # fmt: skip
"""Key of a field on the page to its part of the filter."""
ANYBODY, UNASSIGNED = "Anybody", "Nobody"
_WANTED, _ORDER, _OFFSET, _CLEARED = "_work_wanted", "_work_order", "_work_offset", "_work_cleared"
_TICKED = "_work_ticked"
PAGE_SIZE = 100


def wanted() -> CaseFilter:
    """The filter in force."""
    found = st.session_state.get(_WANTED)
    return found if isinstance(found, CaseFilter) else CaseFilter()


def order() -> CaseOrder:
    """The order in force."""
    found = st.session_state.get(_ORDER)
    return found if isinstance(found, CaseOrder) else CaseOrder("updated", descending=True)


def offset() -> int:
    """Number of cases before the page that is shown."""
    return int(st.session_state.get(_OFFSET, 0))


def turn_to(place: int) -> None:
    """Show another page of the listing."""
    st.session_state[_OFFSET] = max(0, place)


def sort_by(column: str, *, descending: bool) -> None:
    """Change the order; the listing starts anew."""
    st.session_state[_ORDER] = CaseOrder(column, descending)
    turn_to(0)


def show(chosen: CaseFilter, how: CaseOrder | None = None) -> None:
    """Put a filter into force, and into the fields when the page draws them next."""
    st.session_state[_WANTED] = chosen
    for key in FIELDS:
        st.session_state.pop(key, None)
    if how is not None:
        st.session_state[_ORDER] = how
    turn_to(0)


def show_view(view: SavedView) -> None:
    """Put a saved view into force."""
    show(view.wanted, view.order)


def show_keys(keys: tuple[str, ...]) -> None:
    """List only these cases: a selection that was made on another page."""
    show(CaseFilter(keys=keys))


def forget_keys() -> None:
    """List again what was not part of a selection made elsewhere."""
    show(replace(wanted(), keys=None))


def fill_fields() -> None:
    """Give the fields their values before they are drawn; Streamlit forgets those of a page that was left."""
    now = wanted()
    for key, name in FIELDS.items():
        if key not in st.session_state:
            st.session_state[key] = _shown(key, getattr(now, name))


def take_fields() -> CaseFilter:
    """The filter as the fields say it; a change starts the listing anew."""
    state: Mapping[str, Any] = st.session_state  # type: ignore[assignment]
    assignee = {ANYBODY: None, UNASSIGNED: NOBODY}.get(state[ASSIGNEE] or ANYBODY, state[ASSIGNEE])
    states, tumours, flags = (tuple(map(str, state[key])) for key in (STATES, TUMOURS, FLAGS))
    now = replace(
        wanted(), text=str(state[TEXT]).strip(), states=states, tumour_types=tumours, flags=flags, assignee=assignee
    )
    if now != wanted():
        st.session_state[_WANTED] = now
        turn_to(0)
    return now


def _shown(key: str, value: Any) -> Any:  # noqa: ANN401 - fields hold text or lists
    if key == ASSIGNEE:
        return {None: ANYBODY, NOBODY: UNASSIGNED}.get(value, value)
    return value if key == TEXT else list(value)


def cleared() -> int:
    """Counts how often the ticks were forgotten."""
    return int(st.session_state.get(_CLEARED, 0))


def ticked() -> tuple[str, ...]:
    """Keys of the ticked cases."""
    return tuple(st.session_state.get(_TICKED, ()))


def take_ticks(reported: tuple[str, ...] | None) -> tuple[str, ...]:
    """Remember what the browser reports; the rest of the session goes by it."""
    if reported is not None:
        st.session_state[_TICKED] = reported
    return ticked()


def clear_ticks() -> None:
    """Forget the ticks, here and in the browser."""
    st.session_state[_CLEARED] = cleared() + 1
    st.session_state[_TICKED] = ()
