"""Work list: find cases, open, score, assign and import them."""

import streamlit as st

from icicore.jobs import batches, queue
from icicore.ui import session, worklist, worklist_filters, worklist_import
from icicore.ui.backend import backend
from icicore.ui.widgets import page_head, show_jobs
from icicore.ui.worker_notice import worker_notice

desk = backend(queue)
facets = desk.work.facets()
page_head("Work list")
jobs = st.container()  # reserved, so that what follows keeps its place when jobs come and go
with jobs:
    worker_notice(desk.idle)
    active = desk.active_jobs()
    busy = show_jobs(desk, desk.work.names([j.case_key for j in active if j.case_key]))
    worklist_import.import_result(desk)
if facets.total:
    wanted = worklist_filters.filter_line(desk.work, facets)
    worklist_filters.summary(desk.work, facets, wanted)
    worklist.listing(desk, batches, wanted, busy=busy)
    unfolded = bool(session.get(session.OPENING))
    part = st.expander(
        "Import cases", icon=":material/folder_open:", expanded=unfolded, key=session.IMPORT_PART, on_change="rerun"
    )
    if part.open:  # looking for folders takes time that a folded part need not spend
        with part:
            worklist_import.import_part(desk, batches)
else:
    worklist_import.empty_list(desk)
    worklist_import.import_part(desk, batches)
