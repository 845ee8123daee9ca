"""Work list: all cases with state and probability; open, score, watch progress."""

import streamlit as st

from icicore.jobs import queue
from icicore.ui import session, worklist
from icicore.ui.backend import backend
from icicore.ui.text import count
from icicore.ui.widgets import page_head, show_jobs

desk = backend(queue)
rows = desk.cases()
page_head("Work list")
jobs = st.container()  # reserved, so that what follows keeps its place when jobs come and go
with jobs:
    show_jobs(desk, {row.case_key: row.case_id for row in rows})
if rows:
    states = [row.state for row in rows]
    st.caption(
        f"{count(len(rows), 'case')} · {states.count('scored')} scored · {states.count('limited')} limited · "
        f"{states.count('not_scored') + states.count('failed')} not scored · {states.count('new')} new"
    )
    chosen = worklist.show_table(rows)
    worklist.score_buttons(desk, rows, chosen)
    unfolded = bool(session.take(session.OPENING))
    with st.expander("Open a case folder", icon=":material/folder_open:", expanded=unfolded):
        worklist.open_folder(desk)
else:
    worklist.empty_list(desk)
    worklist.open_folder(desk)
