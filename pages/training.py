"""Training: start a training behind its checks, watch those that wait, run or have ended, and all other jobs."""

import streamlit as st

from icicore.jobs import control, queue, submit
from icicore.settings import read_settings
from icicore.ui import session
from icicore.ui.job_forms import start_job
from icicore.ui.jobs_desk import Modules, jobs_desk
from icicore.ui.jobs_list import job_list
from icicore.ui.training_desk import training_desk
from icicore.ui.training_form import JOBS, NEW, NEXT_VIEW, RUNS, new_training
from icicore.ui.training_list import pick_run
from icicore.ui.training_live import show_run
from icicore.ui.widgets import empty, page_head
from icicore.ui.worker_notice import worker_notice

VIEW = "training_view"

desk = training_desk(submit)
work = jobs_desk(Modules(submit, control, queue))
page_head("Training")
with st.container():  # reserved: the notice must not move what is below it into another place
    worker_notice(work.idle)
wanted = session.take(NEXT_VIEW)
if wanted or VIEW not in st.session_state:
    st.session_state[VIEW] = wanted or (RUNS if desk.runs() else NEW)
view = st.segmented_control("View", [RUNS, NEW, JOBS], key=VIEW, label_visibility="collapsed", required=True)
if view == NEW:
    new_training(desk)
elif view == JOBS:
    start_job(work, desk)
    job_list(work, read_settings().home)
else:
    chosen = pick_run(desk)
    if chosen is None:
        empty("No training yet", "Start one under <b>New training</b>, or with <code>icicore train</code>.")
    else:
        show_run(desk, chosen)
