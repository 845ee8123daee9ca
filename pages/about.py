"""About: intended use, limits, bundle cards, state of the installation, keyboard, licences."""

import streamlit as st

from icicore import __version__
from icicore.jobs import queue
from icicore.ui import charts, documents
from icicore.ui.backend import backend
from icicore.ui.text import plain
from icicore.ui.widgets import badge, empty, page_head

desk = backend(queue)
page_head("About", [badge(f"Version {__version__}", "line")])
use, models, machine, keys, licences = st.tabs(["Intended use", "Models", "Installation", "Keyboard", "Licences"])
with use:
    left, right = st.columns(2, gap="large")
    left.markdown("#### What it is for")
    left.markdown(documents.INTENDED)
    right.markdown("#### Limits")
    right.markdown(documents.LIMITS)
with models:
    cards = desk.cards()
    if not cards:
        empty("No model bundle", "Train one with <code>icicore train</code>, or copy one into the checkpoints folder.")
    for name, card in cards:
        with st.expander(plain(name), expanded=len(cards) == 1):
            st.markdown(documents.without_pictures(card))
with machine:
    st.caption("The same report as `icicore doctor`.")
    if st.button("Check this installation", icon=":material/stethoscope:"):
        with st.spinner("Checking …"):
            documents.doctor_view(desk.doctor())
with keys:
    st.html(charts.facts(documents.KEYS))
with licences:
    documents.licences()
