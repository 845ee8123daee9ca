"""Case review: the slide on the left, the answer and its reasons on the right."""

import streamlit as st

from icicore.jobs import queue
from icicore.ui import review, session
from icicore.ui.backend import backend
from icicore.ui.conclusion import log_view
from icicore.ui.places import CASES
from icicore.ui.tour import tour
from icicore.ui.widgets import empty, page_head

desk = backend(queue)
key = session.current_case()
row = desk.case(key) if key else None
if row is None:
    page_head("Case review")
    empty("No case chosen" if key is None else "No such case", "Choose a case from the work list.")
    st.page_link(CASES, label="Open the work list", icon=":material/list:")
    st.stop()

result = desk.result(row.case_key)
review.head(row, result)
log_view(desk.records, row, result)
if result is not None:
    tour()
above = st.container()  # reserved: what comes and goes above the viewer must not move it, or it starts anew
with above:
    active = review.notices(desk, row, result)
if result is None or row.state == "not_scored":
    review.without_result(desk, row, active=active)
else:
    review.review(desk, row, result)
