"""Small pieces shared by the pages: badges, reasons, empty states, progress of jobs."""

from collections.abc import Iterable, Mapping, Sequence

import streamlit as st
from streamlit.errors import StreamlitAPIException

from icicore.access import Role
from icicore.domain import RESEARCH_USE
from icicore.errors import InputError
from icicore.store.jobs import JobRow
from icicore.types import Json
from icicore.ui import session
from icicore.ui.backend import Backend
from icicore.ui.text import MODALITY_NAMES, STATE_NAMES, esc, plain, sentence

POLL_SECONDS = 1.0
MOST_SHOWN = 5
JOB_NAMES = {
    "demo": "Demonstration cases",
    "score": "Scoring",
    "score_batch": "Scoring cases",
    "import_cases": "Import",
    "score_with": "Scoring under a second model",
}
"""Kinds of jobs that have a line of their own; the others are short and show in their own place."""
STATE_LOOK: Mapping[str, tuple[str, str]] = {
    "scored": ("ok", "✓"),
    "limited": ("warn", "!"),
    "not_scored": ("bad", "×"),
    "failed": ("bad", "×"),
    "running": ("", "…"),
    "queued": ("", "…"),
    "new": ("line", ""),
    "cancelled": ("line", ""),
}
_LEADS = {"not_scored": ("bad", "Not scored."), "failed": ("bad", "Failed."), "limited": ("warn", "Limited.")}


def badge(text: str, look: str = "", mark: str = "", *, title: str = "") -> str:
    """A small rounded label; colour is always doubled by the word and, for states, by a mark."""
    marked = f' data-mark="{esc(mark)}"' if mark else ""
    hint = f' title="{esc(title)}"' if title else ""
    return f'<span class="i-badge {look}"{marked}{hint}>{esc(text)}</span>'


def state_badge(state: str) -> str:
    """The badge of a case state."""
    look, mark = STATE_LOOK.get(state, ("line", ""))
    return badge(STATE_NAMES.get(state, state), look, mark)


def page_head(title: str, badges: Iterable[str] = ()) -> None:
    """Title line of a page: title, badges, and what the product may be used for."""
    research = badge(RESEARCH_USE, "line", title="Supports a decision and never makes one; not a medical device")
    st.html(f'<div class="i-top"><h1>{esc(title)}</h1>{"".join(badges)}<span class="i-push"></span>{research}</div>')


def reasons_html(status: str, reasons: Sequence[Json]) -> str:
    """Why a case is limited or not scored, and notes on the input, in full sentences; empty when there are none."""
    if not reasons:
        return ""
    look, lead = _LEADS.get(status, ("calm", "Note."))
    items = "".join(f"<span>{_reason(r)}</span>" for r in reasons)
    return f'<div class="i-reasons {look}" role="note"><b>{lead}</b>{items}</div>'


def _reason(reason: Json) -> str:
    where = MODALITY_NAMES.get(str(reason.get("modality")), "")
    return f"{f'{where}: ' if where else ''}{esc(sentence(str(reason['message'])))}"


def rerun_part() -> None:
    """Run the current fragment again, or the page when the fragment runs as part of it."""
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:  # only a fragment that runs alone can be run again alone
        st.rerun()


def empty(title: str, *paragraphs: str) -> None:
    """What to do when there is nothing to show. Paragraphs are trusted HTML of this package."""
    st.html(f'<div class="i-card i-empty"><h2>{title}</h2>{"".join(f"<p>{p}</p>" for p in paragraphs)}</div>')


def error_line(message: str) -> None:
    """A one-line error in place; the text may hold names from files, so nothing in it is interpreted."""
    st.error(plain(message), icon=":material/error:")


def job_line(backend: Backend, job: JobRow, name: str) -> None:
    """One running job: name, what it does, bar, cancel."""
    bar, button = st.columns([8, 1], vertical_alignment="center")
    share = min(1.0, job.done / job.total) if job.total else 0.0
    steps = f" · {job.done:,} of {job.total:,}" if job.total else ""
    state = "stopping" if job.cancel else job.message or job.state
    bar.progress(share, text=f"**{plain(name)}** · {plain(state)}{steps}")
    button.button(
        "Cancel",
        key=f"cancel_{job.job_id}",
        disabled=job.cancel or not backend.person.may(Role.REVIEWER),
        width="stretch",
        on_click=_cancel,
        args=(backend, job.job_id),
    )


def _cancel(backend: Backend, job_id: str) -> None:
    try:
        backend.cancel(job_id)
    except InputError as error:
        session.put(session.CANCEL_ERROR, str(error))


@st.fragment(run_every=POLL_SECONDS)
def watch_jobs(_backend: Backend, names: Mapping[str, str], watched: Sequence[str], case_key: str | None) -> None:
    """Progress of active jobs, polled; the page runs again when one of those it knew has ended.

    Parameters
    ----------
    names : case key to case id, for the labels
    watched : ids of the jobs that were active when the page ran
    case_key : show only the jobs of this case; None shows all
    """
    jobs = _active(_backend, case_key)
    if message := session.take(session.CANCEL_ERROR):
        error_line(message)
    for job in jobs[:MOST_SHOWN]:
        job_line(_backend, job, names.get(job.case_key or "") or JOB_NAMES[job.kind])
    if len(jobs) > MOST_SHOWN:
        st.caption(f"and {len(jobs) - MOST_SHOWN} more waiting")
    if {j.job_id for j in jobs} != set(watched):
        st.rerun()


def show_jobs(backend: Backend, names: Mapping[str, str], case_key: str | None = None) -> bool:
    """Show active jobs, if any; tells whether there are some. Polls only while there are."""
    watched = [j.job_id for j in _active(backend, case_key)]
    if watched:
        watch_jobs(backend, names, watched, case_key)
    return bool(watched)


def _active(backend: Backend, case_key: str | None) -> list[JobRow]:
    jobs = [j for j in backend.active_jobs() if j.kind in JOB_NAMES]
    return [j for j in jobs if case_key is None or j.case_key == case_key]
