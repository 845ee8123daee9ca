"""Models: what there is, which one scores the cases, how a candidate compares, and whether inputs drift."""

import streamlit as st

from icicore.jobs import comparison, queue
from icicore.store.registry import PROMOTED
from icicore.ui import model_list
from icicore.ui.model_detail import detail
from icicore.ui.models_desk import models_desk
from icicore.ui.widgets import badge, empty, page_head

desk = models_desk(comparison, queue)
models = desk.models()
promoted = next((m.row.name for m in models if m.row.state == PROMOTED), None)
page_head("Models", [badge(f"Scoring with {promoted}", "ok", "✓")] if promoted else [])
with st.container():  # reserved: a message must not move what is below it into another place
    model_list.messages()
if not models:
    empty("No model", "Train one with <code>icicore train</code>, or import one below.")
    model_list.bring_in(desk)
    st.stop()
chosen = model_list.choose(models)
with st.container(border=True):
    detail(desk, chosen)
with st.expander("History of promotions, roll back", icon=":material/history:", expanded=True):
    model_list.history(desk, models)
with st.expander("Import a model", icon=":material/upload_file:"):
    model_list.bring_in(desk)
