"""Training: start a training behind its checks, and watch those that wait, run or have ended."""

import streamlit as st

from icicore.jobs import submit
from icicore.ui import session
from icicore.ui.training_desk import training_desk
from icicore.ui.training_form import NEW, NEXT_VIEW, RUNS, new_training
from icicore.ui.training_list import pick_run
from icicore.ui.training_live import show_run
from icicore.ui.widgets import empty, page_head

VIEW = "training_view"

desk = training_desk(submit)
page_head("Training")
wanted = session.take(NEXT_VIEW)
if wanted or VIEW not in st.session_state:
    st.session_state[VIEW] = wanted or (RUNS if desk.runs() else NEW)
view = st.segmented_control("View", [RUNS, NEW], key=VIEW, label_visibility="collapsed", required=True)
if view == NEW:
    new_training(desk)
else:
    chosen = pick_run(desk)
    if chosen is None:
        empty("No training yet", "Start one under <b>New training</b>, or with <code>icicore train</code>.")
    else:
        show_run(desk, chosen)
