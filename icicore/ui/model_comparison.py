"""The comparison of a candidate with the promoted model: start it, watch it, read it, promote."""

from pathlib import Path

import streamlit as st

from icicore.store.registry import PROMOTED
from icicore.types import Json
from icicore.ui import charts, theme
from icicore.ui.comparison_view import numbers_html, verdict_html
from icicore.ui.model_list import act
from icicore.ui.models_desk import ModelsDesk
from icicore.ui.text import plain
from icicore.ui.widgets import error_line
from icicore.workflows.registry_comparison import allowed
from icicore.workflows.registry_entries import Listed

POLL_SECONDS = 1.0


def comparison_panel(desk: ModelsDesk, model: Listed) -> None:
    """The comparison, the way to make one, and the promotion where it is allowed."""
    if model.row.state == PROMOTED:
        st.html(charts.card("", charts.note("This is the promoted model. Candidates are compared with it.")))
        return
    jobs = [job for job in desk.comparing() if job.parameters.get("bundle") == model.row.name]
    slot = st.container()
    with slot:
        if jobs:
            _watch(desk, model.row.name, [job.job_id for job in jobs])
        else:
            _start(desk, model)
    found = desk.comparison(model)
    if found is None:
        words = "Not compared with the promoted model yet. A comparison takes minutes and runs in the background."
        st.html(charts.card("", charts.note(words)))
        return
    st.html(verdict_html(found))
    if allowed(found):
        _promote(desk, model, found)
    if "pair" in found:
        st.html(numbers_html(found, theme.palette()))


def _start(desk: ModelsDesk, model: Listed) -> None:
    if message := desk.failure(model.row.name):
        error_line(message)
    line = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    study = None if _has_study(model) else _choose_study(line, desk, model)
    label = "Compare again" if desk.comparison(model) else "Compare with the promoted model"
    if line.button(label, icon=":material/balance:", disabled=model.ref is None):
        act(lambda: desk.compare(model.row.name, study), "The comparison was queued.")


def _has_study(model: Listed) -> bool:
    folder = model.row.study_folder
    return folder is not None and Path(folder).is_dir()


def _choose_study(line: "st.delta_generator.DeltaGenerator", desk: ModelsDesk, model: Listed) -> Path | None:
    """Ask for the study that a model was trained on: it came from elsewhere, or the study was moved."""
    places = desk.studies()
    if not places:
        return None
    names = [place.name for place in places]
    chosen = line.selectbox(
        "Study that it was trained on",
        range(len(places)),
        index=names.index(model.row.study) if model.row.study in names else 0,
        format_func=lambda number: names[number],
        key=f"study_{model.row.digest[:12]}",
    )
    return places[chosen].folder


@st.fragment(run_every=POLL_SECONDS)
def _watch(_desk: ModelsDesk, name: str, watched: list[str]) -> None:
    """Progress of the comparison; the page runs again when it has ended."""
    jobs = [job for job in _desk.comparing() if job.parameters.get("bundle") == name]
    if {job.job_id for job in jobs} != set(watched):
        st.rerun()
    for job in jobs:
        bar, button = st.columns([8, 1], vertical_alignment="center")
        share = min(1.0, job.done / job.total) if job.total else 0.0
        bar.progress(share, text=f"**Comparison** · {plain('stopping' if job.cancel else job.message or job.state)}")
        button.button(
            "Cancel", key=f"stop_{job.job_id}", disabled=job.cancel, on_click=_desk.cancel, args=(job.job_id,)
        )


def _promote(desk: ModelsDesk, model: Listed, found: Json) -> None:
    name, other = model.row.name, str(found["champion"]["name"])
    with st.form(f"promote_{model.row.digest[:12]}"):
        field, button = st.columns([4, 1.4], vertical_alignment="bottom")
        reason = field.text_input("Reason for the promotion; it stays in the history", max_chars=500)
        label = plain(f"Promote in place of {other}")
        sent = button.form_submit_button(label, type="primary", width="stretch", icon=":material/upgrade:")
    if sent:
        act(lambda: desk.promote(name, reason), f"{name} scores the cases from now on in place of {other}.")
