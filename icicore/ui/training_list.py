"""The list of trainings: state, progress and place in the queue, polled; a click shows one."""

from collections.abc import Sequence

import streamlit as st

from icicore.store.jobs import JobRow
from icicore.ui.text import DASH, ago, esc, percent
from icicore.ui.training_desk import TrainingDesk
from icicore.ui.training_form import RUN
from icicore.ui.training_live import state_of

POLL_SECONDS = 2.0
_MOST = 12
_WIDTHS = [3, 1.4, 2, 2, 1.2]


def pick_run(desk: TrainingDesk) -> JobRow | None:
    """Show the list; returns the training to show, the newest one unless another was asked for."""
    rows = desk.runs()
    asked = st.query_params.get(RUN)
    chosen = next((r for r in rows if r.job_id == asked), rows[0] if rows else None)
    with st.container(border=True):
        if any(row.active for row in rows):
            _watch(desk, chosen.job_id if chosen else "", [(r.job_id, r.state) for r in rows])
        else:
            _table(rows, chosen.job_id if chosen else "")
    return chosen


@st.fragment(run_every=POLL_SECONDS)
def _watch(_desk: TrainingDesk, chosen: str, known: Sequence[tuple[str, str]]) -> None:
    """The list while something is under way; the page runs again when a state has changed."""
    rows = _desk.runs()
    if [(r.job_id, r.state) for r in rows] != list(known):
        st.rerun()
    _table(rows, chosen)


def _table(rows: Sequence[JobRow], chosen: str) -> None:
    for row in rows[:_MOST]:
        name, state, progress, who, button = st.columns(_WIDTHS, vertical_alignment="center")
        mark = "<b>▸</b> " if row.job_id == chosen else ""
        study = str(row.parameters.get("study", "")).rsplit("/", 1)[-1]
        name.html(f'<div class="i-cut">{mark}<b>{esc(row.parameters.get("name"))}</b> · {esc(study)}</div>')
        state.html(state_of(row))
        progress.html(bar(row))
        device = "CPU" if row.device == "cpu" else row.device or DASH
        who.html(f'<div class="i-cut i-dim">{esc(device)} · {esc(row.owner or DASH)} · {ago(row.created)}</div>')
        if button.button("Show", key=f"show_{row.job_id}", disabled=row.job_id == chosen, width="stretch"):
            st.query_params[RUN] = row.job_id
            st.rerun()
    if len(rows) > _MOST:
        st.caption(f"and {len(rows) - _MOST} older ones")


def bar(row: JobRow) -> str:
    """How far a job has come; HTML."""
    share = 1.0 if row.state == "succeeded" else min(1.0, row.done / row.total) if row.total else 0.0
    return (
        f'<div class="i-cell"><span class="i-bar"><i style="width:{100 * share:.0f}%"></i></span>'
        f"<b>{percent(share)}</b></div>"
    )
