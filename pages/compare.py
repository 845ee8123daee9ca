"""Compare: two to four cases, or one case under several models, side by side."""

import streamlit as st

from icicore.jobs import batches, queue
from icicore.ui import compare_sides, compare_table, compare_views
from icicore.ui.backend import backend
from icicore.ui.compare_choice import choice
from icicore.ui.places import CASES
from icicore.ui.text import plain
from icicore.ui.widgets import empty, page_head, show_jobs

desk = backend(queue)
page_head("Compare")
jobs = st.container()  # reserved, so that what follows keeps its place when jobs come and go
with jobs:
    show_jobs(desk, desk.work.names([j.case_key for j in desk.active_jobs() if j.case_key]))
asked = compare_sides.asked()
strangers = compare_sides.unknown(desk, asked)
wanted = choice(desk, batches, asked)
compare_sides.put(wanted)
sides, missing = compare_sides.sides(desk, wanted)
for line in (*strangers, *missing):
    st.warning(plain(line), icon=":material/warning:")
if len(sides) < 2:
    empty(
        "Nothing to compare yet",
        "Choose two to four scored cases, or one case and two models that have scored it. In the work list: tick "
        "cases, then <b>Compare</b>.",
        "The address of this page keeps the choice: it can be kept as a bookmark.",
    )
    st.page_link(CASES, label="Open the work list", icon=":material/list:")
    st.stop()
compare_views.answers(sides)
compare_views.viewers(desk, sides)
st.html(compare_table.table_html(sides))
st.html(compare_table.genes_html(sides))
