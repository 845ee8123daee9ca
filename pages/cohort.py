"""Cohort: how well a model does on its test patients, and what it sees in the patients that it has scored."""

import streamlit as st

from icicore.errors import InputError
from icicore.jobs import queue
from icicore.ui import cohort_patients, cohort_performance
from icicore.ui.backend import backend
from icicore.ui.widgets import empty, error_line, page_head

PARTS = ("Performance", "Biomarkers", "Gene attention", "Slide map")

desk = backend(queue).cohort
page_head("Cohort")
names, promoted = desk.bundles(), desk.promoted()
if not names:
    empty("No model", "Train one with <code>icicore train</code>, or copy one into the checkpoints folder.")
    st.stop()
which, what = st.columns([2, 5], gap="small")
name = which.selectbox("Model", names, format_func=lambda n: f"{n} (promoted)" if n == promoted else n)
part = what.segmented_control("Part", PARTS, default=PARTS[0], required=True, key="cohort_part")
try:
    ref = desk.bundle(name)
    tested = desk.evaluation(ref) if part in PARTS[:2] else None
except InputError as error:
    error_line(str(error))
    st.stop()
if part in PARTS[:2]:
    if tested is None:
        empty("This model was not tested", cohort_performance.HOW_TO_TEST, "Its figures then appear here.")
    elif part == PARTS[0]:
        cohort_performance.performance(tested, ref)
    else:
        cohort_performance.biomarkers(tested, ref)
else:
    cohort = desk.scored(ref)
    if not cohort.rows:
        cohort_patients.nobody(name)
    elif part == PARTS[2]:
        cohort_patients.heatmap(cohort, ref)
    else:
        cohort_patients.slide_map(cohort, ref)
