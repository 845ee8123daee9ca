"""Keys of the session state and of the address, declared once."""

from typing import Any

import streamlit as st

CASE = "case"
"""Query parameter: key of the case under review, so that a reload and a bookmark keep it."""

LAST_CASE = "_last_case"
SELECTED_TILE = "_selected_tile"
FLY_TO = "_fly_to"
TILE_CAM = "_tile_cam"
"""The last tile whose Grad-CAM was asked for, and the job that computes it."""
OPEN_ERROR = "_open_error"
OPENING = "_opening"
"""Set while the user opens folders: keeps that part of the page unfolded."""
NOTICE = "_notice"
CANCEL_ERROR = "_cancel_error"

CASES = "cases"
"""Query parameter of the comparison: keys of two to four cases, separated by commas."""
BUNDLES = "bundles"
"""Query parameter of the comparison: for one case, the digests (first 16 digits) of the bundles."""
COMPARED = "_compared"
"""What this session compared last; a visit without an address shows it again."""
COMPARE_KIND, COMPARE_MOVE = "compare_kind", "compare_move"
COMPARE_NOW = "_compare_now"
PICKED = "cohort_map_picked"
"""Keys of the cases chosen with the lasso on the cohort page."""
IMPORT_JOB = "_import_job"
"""The import that this session asked for; its outcome is shown until it is closed."""
IMPORT_PART = "work_import"
WORK_ERROR = "_work_error"

PANEL = "panel"
STAGE = "stage"
SLIDE = "slide"
GENE_SEARCH = "gene_search"
GENE_STATE = "gene_state"
WHAT_IF = "what_if"
"""Number of resets of the hypothetical inputs, and the stem of their keys."""


def get(key: str, default: Any = None) -> Any:  # noqa: ANN401 - session values have many types
    """Return a session value, or the default."""
    return st.session_state.get(key, default)


def put(key: str, value: object) -> None:
    """Set a session value."""
    st.session_state[key] = value


def take(key: str) -> Any:  # noqa: ANN401 - session values have many types
    """Return a session value and forget it: for messages that are shown once."""
    return st.session_state.pop(key, None)


def current_case() -> str | None:
    """Key of the case under review: from the address, else the last one that this session opened.

    Restores the address after a click on the navigation, which drops the query parameters.
    """
    key = st.query_params.get(CASE) or get(LAST_CASE)
    if key:
        put(LAST_CASE, key)
        if st.query_params.get(CASE) != key:
            st.query_params[CASE] = key
    return key


def leave_tile_if_other(case_key: str, slide_id: str) -> None:
    """Forget the selected tile when another case or slide is shown."""
    selected = get(SELECTED_TILE)
    if selected and (selected["case"], selected["slide"]) != (case_key, slide_id):
        put(SELECTED_TILE, None)
        put(FLY_TO, None)


def select_tile(case_key: str, slide_id: str, index: int, *, fly: bool) -> None:
    """Remember the tile under inspection and show its panel; ``fly`` also moves the viewer there."""
    put(SELECTED_TILE, {"case": case_key, "slide": slide_id, "index": index})
    put(PANEL, "Tile")
    if fly:
        sequence = (get(FLY_TO) or {"seq": 0})["seq"] + 1
        put(FLY_TO, {"seq": sequence, "index": index})
