"""The form of a new training: what, from where, on which device, and the brakes before the start."""

from datetime import date
from pathlib import Path

import streamlit as st

from icicore.devices import Device
from icicore.errors import InputError
from icicore.types import Json
from icicore.ui import recipe_form, session
from icicore.ui.text import plain
from icicore.ui.training_checks import (
    ask_check,
    device_line,
    estimate_table,
    findings,
    result_of,
    too_little,
    wait_for_check,
)
from icicore.ui.training_desk import TrainingDesk
from icicore.ui.training_words import MODEL_HELP, MODELS
from icicore.ui.widgets import empty, error_line
from icicore.workflows.candidates import TrainingRequest, recipe_of

RUN = "run"
"""Query parameter: the training that is shown."""
NEXT_VIEW = "_training_view"
"""The view that the page turns to on its next run."""
RUNS, NEW, JOBS = "Runs", "New training", "Jobs"


def new_training(desk: TrainingDesk) -> None:
    """The whole form."""
    studies = desk.studies()
    if not studies:
        empty(
            "No study to train on",
            "Import one with <code>icicore import STUDY</code>, or make a virtual one with "
            "<code>icicore simulate --patients 300 --seed 1 --out STUDY</code>.",
            "Studies are looked for in the home folder and below the folders of <code>ICICORE_ROOTS</code>.",
        )
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        request, device, problem = _inputs(desk)
    with right:
        _brakes(desk, request, device, problem)


def _inputs(desk: TrainingDesk) -> tuple[TrainingRequest | None, Device | None, str]:
    """Ask for everything; returns the request, the device, and the first thing that is wrong."""
    studies = {str(s.folder): s for s in desk.studies()}
    study_side, name_side = st.columns(2)
    chosen = study_side.selectbox(
        "Study",
        list(studies),
        format_func=lambda f: studies[f].name + (" (imported)" if studies[f].imported else ""),
        key="training_study",
        help="Imported studies, and study folders (cBioPortal layout with slides.tsv) below the allowed folders.",
    )
    stem = studies[chosen].name
    name = name_side.text_input(
        "Name of the bundle",
        value=_free_name(desk, f"{stem}-{date.today():%Y-%m-%d}"),
        key=f"training_name_{stem}",
        max_chars=64,
    ).strip()
    model = st.segmented_control(
        "Model",
        list(MODELS),
        default="multimodal",
        format_func=lambda k: MODELS[k],
        key="training_model",
        help=MODEL_HELP,
    )
    continued, keep = _start_point(desk)
    device = _device(desk)
    config = {"model": model or "multimodal", **recipe_form.basics(), **recipe_form.advanced()}
    request = TrainingRequest(name, Path(chosen), _without_defaults(config), continued=continued, keep_split=keep)
    problem = desk.name_refused(name)
    try:
        recipe_of(request)
    except InputError as error:
        problem = str(error)
    return request, device, problem


def _free_name(desk: TrainingDesk, name: str) -> str:
    """The name, with a number behind it where a bundle or a training has it."""
    taken = {str(row.parameters.get("name")) for row in desk.runs()}
    names = (name, *(f"{name}-{k}" for k in range(2, 100)))
    return next((n for n in names if n not in taken and not desk.name_refused(n)), name)


def _without_defaults(config: Json) -> Json:
    return {k: v for k, v in config.items() if not (k == "model" and v == "multimodal")}


def _start_point(desk: TrainingDesk) -> tuple[bool, bool]:
    """From scratch or from the promoted bundle, and whether its test patients stay apart."""
    promoted = desk.promoted()
    if promoted is None:
        st.caption("No bundle is promoted: the training starts from scratch.")
        return False, True
    left, right = st.columns(2, vertical_alignment="bottom")
    start = left.radio(
        "Start",
        ["scratch", "continue"],
        format_func=lambda k: "From scratch" if k == "scratch" else f"Continue {plain(promoted)}",
        key="training_start",
        horizontal=True,
        help="Continuing begins with weights and scaling of the promoted bundle and trains its encoders slowly.",
    )
    keep = right.toggle(
        "Keep its test patients apart",
        value=True,
        key="training_keep",
        help=(
            "Patients that the promoted bundle knows stay in the part that they were in; the others are split "
            "70:10:20. Without it the seed decides, and a split that trains on its test patients is refused."
        ),
    )
    return start == "continue", keep


def _device(desk: TrainingDesk) -> Device | None:
    devices = {d.key: d for d in desk.devices()}
    key = st.radio(
        "Device",
        list(devices),
        format_func=lambda k: plain(f"{devices[k].name}") if k in devices else k,
        captions=[device_line(d) for d in devices.values()],
        key="training_device",
        horizontal=True,
        help="One training runs at a time on each device; others wait. Scoring goes on meanwhile.",
    )
    return devices.get(key or "")


def _brakes(desk: TrainingDesk, request: TrainingRequest | None, device: Device | None, problem: str) -> None:
    """The preflight and, once it found nothing against it, the button that starts."""
    if request is None or device is None:
        return
    job = desk.checked(request)
    found = result_of(job)
    buttons = st.container(horizontal=True)
    message = st.container()
    ready = bool(found is not None and not found["problems"] and not problem)
    if buttons.button(
        "Check the study" if found is None else "Check again",
        type="secondary" if ready else "primary",
        icon=":material/fact_check:",
        disabled=bool(job is not None and job.active),
        key="training_check",
    ):
        with message:
            ask_check(desk, request)
    short = ""
    if ready and found is not None:
        short = too_little(desk, recipe_of(request), found)
    start = buttons.button(
        "Start training",
        type="primary",
        icon=":material/play_arrow:",
        disabled=not ready or bool(short),
        key="training_start_button",
        help=None if ready else "Works once the study has been checked and nothing speaks against it.",
    )
    with message:
        if problem or short:
            error_line(problem or short)
        if start:
            _start(desk, request, device.key)
    if job is not None and job.active:
        wait_for_check(desk, job.job_id)
    elif job is not None and job.result is None:
        error_line(job.error or "the check was stopped")
    elif found is None:
        st.caption(
            "The check reads the study as training will: labels, modalities, balance, duplicates, test patients."
        )
    if found is not None:
        _show(desk, request, found, problem=problem)


def _show(desk: TrainingDesk, request: TrainingRequest, found: Json, *, problem: str) -> None:
    if "parts" in found and not problem:
        st.html(estimate_table(desk, request, recipe_of(request), found))
    st.html(findings(found))


def _start(desk: TrainingDesk, request: TrainingRequest, device: str) -> None:
    try:
        job = desk.start(request, device=device)
    except InputError as error:
        error_line(str(error))
        return
    open_run(job.job_id)


def open_run(job_id: str) -> None:
    """Show a training."""
    st.query_params[RUN] = job_id
    session.put(NEXT_VIEW, RUNS)
    st.rerun()
