"""Streamlit side of the table of cases."""

from dataclasses import dataclass

from icicore.types import Json
from icicore.ui.viewer.components import browser_component, report_events
from icicore.ui.viewer.urls import assets_url

_HEAD, _ROW, _FOOT = 40, 41, 62
"""Heights in CSS px, as in worklist.css; the foot with room for a scroll bar."""


@dataclass(frozen=True)
class TableEvents:
    """What happened in the table.

    Attributes
    ----------
    act : ``{"kind": "open", "key"}``, ``{"kind": "sort", "column", "descending"}`` or ``{"kind": "page", "offset"}``
        in the run that it caused, else None
    ticked : keys of the ticked cases, also of those on other pages of the listing; None before the first report, and
        for a report from before the ticks were last forgotten
    """

    act: Json | None
    ticked: tuple[str, ...] | None


def case_table(content: Json, *, key: str, search: str, height: int) -> TableEvents:
    """Show one page of a listing of cases.

    Parameters
    ----------
    content : ``columns`` (``id``, ``name``, ``help``, ``width``, ``num``), ``rows`` with a value for each column,
        ``sort``, ``offset``, ``size``, ``total``, ``listing`` (changes with the filter), ``ticked`` (keys, for a table
        that is built anew), ``cleared`` (a new value forgets the ticks) and ``nothing`` (what to say without rows)
    search : key of the text field that ``/`` goes to
    height : most height in CSS px
    """
    data = {"assets": assets_url(), "search": search, "height": height, **content}
    room = min(height, _HEAD + _ROW * max(2, len(content["rows"]))) + _FOOT  # kept free while the browser loads
    result = browser_component("icicore_work_list", "worklist.js")(
        key=key, data=data, height=room, on_act_change=report_events, on_ticked_change=report_events
    )
    told = result.ticked
    current = told is not None and told["cleared"] == content["cleared"]
    return TableEvents(result.act, tuple(str(k) for k in told["keys"]) if current else None)
