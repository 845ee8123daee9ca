"""Says that nobody works on the jobs, and what to do. Polled, as a worker may come and go."""

import os
import time
from collections.abc import Callable

import streamlit as st

from icicore.ui import session
from icicore.ui.widgets import POLL_SECONDS

PATIENCE_SECONDS = 20.0
"""A worker that is just starting needs some seconds to load; nothing is said before."""
_SINCE = "_idle_since"
_OWN = (
    "The app starts another one within half a minute. If this stays: start one with `icicore worker`, or look into "
    "`worker.log` in the home folder for the reason."
)
_ELSEWHERE = "This app was started without one (`ICICORE_WORKER=0`): start one with `icicore worker`."


@st.fragment(run_every=5 * POLL_SECONDS)
def worker_notice(_idle: Callable[[], bool]) -> None:
    """Show the notice while ``_idle`` says that no worker runs; an empty place otherwise."""
    now = time.monotonic()
    if not _idle():
        session.take(_SINCE)
        return
    since = session.get(_SINCE)
    if since is None:
        session.put(_SINCE, since := now)
    if now - since >= PATIENCE_SECONDS:
        todo = _ELSEWHERE if os.environ.get("ICICORE_WORKER", "1") == "0" else _OWN
        st.warning(f"**No worker is running:** jobs wait. {todo}", icon=":material/hourglass_disabled:")
