"""The table of the work list: what it shows, and what happens when somebody acts in it."""

from collections.abc import Sequence

import streamlit as st

from icicore.store.case_query import CaseFilter, CaseOrder, CasePage
from icicore.store.cases import CaseRow
from icicore.types import Json
from icicore.ui import session
from icicore.ui import worklist_state as state
from icicore.ui.backend import Backend
from icicore.ui.places import CASE
from icicore.ui.text import MODALITY_LETTERS, STATE_NAMES, TUMOUR_NAMES, ago, interval, percent
from icicore.ui.viewer.table import case_table
from icicore.ui.widgets import STATE_LOOK, rerun_part
from icicore.ui.work_desk import BatchQueue
from icicore.ui.worklist_actions import actions
from icicore.ui.worklist_filters import flag_name

TABLE = "work_list"
HEIGHT = 600
REFRESH_SECONDS = 2.0

COLUMNS: tuple[Json, ...] = (
    {"id": "case", "name": "Case", "width": "164px", "help": "Case id. Click a row to open its review"},
    {"id": "tumour", "name": "Tumour", "width": "88px", "help": "Tumour type"},
    {"id": "state", "name": "State", "width": "110px", "help": "Limited: scored, but read the reasons. Not scored: the "
     "input cannot be used. Sorted by what needs attention"},
    {"id": "probability", "name": "Probability", "width": "158px", "help": "Calibrated probability of objective "
     "response (CR or PR), per cent, on a scale of 0 to 100 %; the band is the 95 % interval"},
    {"id": "interval", "name": "95 % interval", "width": "100px", "num": True, "help": "95 % interval of the "
     "probability, per cent; sorted by its width"},
    {"id": "call", "name": "Call", "width": "142px", "help": "At the operating threshold of the bundle"},
    {"id": "flags", "name": "Flags", "help": "Why a result is limited or missing; sorted by number"},
    {"id": "data", "name": "Data", "width": "62px", "help": "H histology, G genomics, C clinical; a dot where missing"},
    {"id": "slides", "name": "Slides", "width": "64px", "num": True, "help": "Number of slides"},
    {"id": "assignee", "name": "Assigned to", "width": "106px", "help": "Who is to review the case"},
    {"id": "bundle", "name": "Model", "help": "Model bundle that scored the case"},
    {"id": "updated", "name": "Updated", "width": "86px", "help": "Time of the last change of the case"},
)  # fmt: skip


def table_rows(rows: Sequence[CaseRow]) -> list[Json]:
    """Rows as the table shows them; all texts are plain."""
    return [_row(r) for r in rows]


def _row(row: CaseRow) -> Json:
    look, mark = STATE_LOOK.get(row.state, ("line", ""))
    scored = row.probability is not None
    low, high = row.interval95 or (None, None)
    return {
        "key": row.case_key,
        "case": row.case_id,
        "virtual": row.virtual,
        "tumour": TUMOUR_NAMES.get(row.tumour_type, row.tumour_type),
        "state": STATE_NAMES.get(row.state, row.state),
        "look": look,
        "mark": mark,
        "probability": row.probability,
        "percent": percent(row.probability),
        "low": low,
        "high": high,
        "interval": interval(row.interval95) if scored else "",
        "call": (row.call or "").capitalize(),
        "flags": [flag_name(f) for f in row.flags],
        "data": " ".join(MODALITY_LETTERS[m] if m in row.modalities else "·" for m in MODALITY_LETTERS),
        "slides": row.n_slides,
        "assignee": row.assignee or "",
        "bundle": row.bundle or "",
        "updated": ago(row.updated),
    }


def listing(backend: Backend, queue: BatchQueue, wanted: CaseFilter, *, busy: bool) -> None:
    """The table with its actions; while jobs run it follows them without the page running again."""
    st.fragment(_listing, run_every=REFRESH_SECONDS if busy else None)(backend, queue, wanted)


def _listing(_backend: Backend, _queue: BatchQueue, wanted: CaseFilter) -> None:
    desk, order = _backend.work, state.order()
    page = desk.page(wanted, order, offset=state.offset(), limit=state.PAGE_SIZE)
    if page.offset and not page.rows:  # the listing became shorter
        state.turn_to(0)
        page = desk.page(wanted, order, offset=0, limit=state.PAGE_SIZE)
    events = case_table(_content(page, order, wanted), key=TABLE, search=state.TEXT, height=HEIGHT)
    if events.act:
        _act(events.act)
    actions(_backend, _queue, wanted, state.take_ticks(events.ticked))


def _content(page: CasePage, order: CaseOrder, wanted: CaseFilter) -> Json:
    return {
        "columns": COLUMNS,
        "rows": table_rows(page.rows),
        "sort": {"column": order.column, "descending": order.descending},
        "offset": page.offset,
        "size": state.PAGE_SIZE,
        "total": page.total,
        "listing": wanted.to_json(),
        "cleared": state.cleared(),
        "ticked": state.ticked(),
        "nothing": "No case matches the filter." if wanted.active else "No cases yet.",
    }


def _act(what: Json) -> None:
    kind = what.get("kind")
    if kind == "open":
        open_review(str(what["key"]))
    elif kind == "sort":
        state.sort_by(str(what["column"]), descending=bool(what["descending"]))
        rerun_part()
    elif kind == "page":
        state.turn_to(int(what["offset"]))
        rerun_part()


def open_review(case_key: str) -> None:
    """Go to the case page; the key stands in the address, so a reload keeps the case."""
    session.put(session.LAST_CASE, case_key)
    st.switch_page(CASE, query_params={session.CASE: case_key})
