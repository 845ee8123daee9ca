"""About: intended use, limits, bundle cards, state of the installation, keyboard, licences."""

import streamlit as st

from icicore import __version__
from icicore.jobs import queue
from icicore.ui import charts, documents, session
from icicore.ui.backend import backend
from icicore.ui.places import CASE
from icicore.ui.text import plain
from icicore.ui.tour import TOUR
from icicore.ui.widgets import badge, empty, page_head
from icicore.workflows.licences import dependency_licences

installed = st.cache_data(show_spinner=False)(dependency_licences)
desk = backend(queue)
page_head("About", [badge(f"Version {__version__}", "line")])
tour_of = next((row for row in desk.cases() if row.virtual and row.probability is not None), None)
if tour_of is not None and st.button("Tour of a demonstration case, two minutes", icon=":material/tour:"):
    st.switch_page(CASE, query_params={session.CASE: tour_of.case_key, TOUR: "1"})
use, models, people, machine, keys, licences = st.tabs(
    ["Intended use", "Models", "People", "Installation", "Keyboard", "Licences"]
)
with use:
    left, right = st.columns(2, gap="large")
    left.markdown("#### What it is for")
    left.markdown(documents.INTENDED)
    right.markdown("#### Limits")
    right.markdown(documents.LIMITS)
with models:
    st.caption(
        "A model on these pages is what the command line and the folders call a **bundle**: one trained ensemble with "
        "all that a prediction needs. `icicore bundle promote NAME` does what the button on the page Models does."
    )
    cards = documents.promoted_first(desk.cards(), (desk.promoted() or ("", ""))[0])
    if not cards:
        empty("No model bundle", "Train one with <code>icicore train</code>, or copy one into the checkpoints folder.")
    for name, card, promoted in cards:
        with st.expander(plain(name) + (" (promoted)" if promoted else ""), expanded=promoted or len(cards) == 1):
            st.markdown(documents.shown_card(card))
with people:
    documents.roles(desk.person)
with machine:
    st.caption("The same report as `icicore doctor`.")
    if st.button("Check this installation", icon=":material/stethoscope:"):
        with st.spinner("Checking …"):
            documents.doctor_view(desk.doctor())
with keys:
    st.html(charts.facts(documents.KEYS))
with licences:
    documents.licences(installed())
