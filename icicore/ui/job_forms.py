"""Starting a job of any kind that has no page of its own: each form says first what stands against it."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from icicore.errors import InputError
from icicore.ui import session
from icicore.ui.jobs_desk import JobsDesk
from icicore.ui.text import plain
from icicore.ui.training_checks import ask_check, findings, result_of, wait_for_check
from icicore.ui.training_desk import TrainingDesk
from icicore.ui.training_words import MODELS, device_name
from icicore.ui.widgets import error_line
from icicore.workflows.candidates import TrainingRequest

EMBED, SCORE, REPORT, TUNE, EVALUATE = (
    "Embed a slide", "Score a case", "Report of a case", "Search for a recipe", "Test models",
)  # fmt: skip
KINDS = (EMBED, SCORE, REPORT, TUNE, EVALUATE)
_STARTED = "_job_started"
MEANS = {
    EMBED: "Encodes the tissue tiles of a slide; what is encoded once is not encoded again when its case is scored.",
    SCORE: "Scores and explains a case with the promoted model. For many cases tick them on the work list.",
    REPORT: "One page for the tumour board, as PDF or JSON, from the result on record.",
    TUNE: "Trains with one recipe after the other and keeps the best on the selection patients; test patients are not "
    "looked at. The recipe is then a file for <code>icicore train --config</code>.",
    EVALUATE: "All figures of the chosen models on their held-out patients of a study, side by side.",
}


def start_job(desk: JobsDesk, trainings: TrainingDesk) -> None:
    """Choose a kind and start it."""
    if not desk.may_work:
        st.caption("A reviewer can start and stop jobs.")
        return
    kind = st.segmented_control("Start", KINDS, default=KINDS[0], key="job_kind", required=True)
    st.html(f'<p class="i-note">{MEANS[kind]} A training starts under <b>New training</b>.</p>')
    if kind == TUNE:
        _tune(desk, trainings)
    elif kind == EVALUATE:
        _evaluate(desk, trainings)
    else:
        {EMBED: _embed, SCORE: _score, REPORT: _report}[kind](desk)
    if told := session.take(_STARTED):
        st.success(plain(told), icon=":material/check:")


def _embed(desk: JobsDesk) -> None:
    field, button = st.columns([6, 1], vertical_alignment="bottom")
    path = field.text_input("Path of the slide", key="embed_slide", placeholder="/data/slides/A-1.svs").strip()
    problem = desk.slide_refused(path)
    if button.button("Embed", key="embed_start", type="primary", disabled=bool(problem) or not path, width="stretch"):
        _start(lambda: desk.embed(path), "The slide waits to be embedded.")
    if problem:
        error_line(problem)


def _score(desk: JobsDesk) -> None:
    field, button = st.columns([6, 1], vertical_alignment="bottom")
    case = field.text_input("Case", key="score_case", placeholder="id of a case on the work list").strip()
    row = desk.case_named(case) if case else None
    if button.button("Score", key="score_start", type="primary", disabled=row is None, width="stretch"):
        _start(lambda: desk.score(row), f"{case} waits to be scored.")  # type: ignore[arg-type]
    _unknown(case, known=row is not None)


def _report(desk: JobsDesk) -> None:
    field, kinds, button = st.columns([5, 1.4, 1], vertical_alignment="bottom")
    case = field.text_input("Case", key="report_case", placeholder="id of a case on the work list").strip()
    kind = kinds.segmented_control("File", ["pdf", "json"], default="pdf", format_func=str.upper, required=True)
    row = desk.case_named(case) if case else None
    scored = row is not None and row.probability is not None
    if button.button("Make it", key="report_start", type="primary", disabled=not scored, width="stretch"):
        _start(lambda: desk.report(row, kind), f"The report of {case} waits to be drawn.")  # type: ignore[arg-type]
    if row is not None and not scored:
        error_line(f"{case}: has no result to report; score the case first")
    _unknown(case, known=row is not None)


def _unknown(case: str, *, known: bool) -> None:
    if case and not known:
        error_line(f"{case}: no such case on the work list; write its id as the work list shows it")


def _evaluate(desk: JobsDesk, trainings: TrainingDesk) -> None:
    studies = {str(s.folder): s.name for s in trainings.studies()}
    if not studies:
        st.caption("No study to test on: import one with `icicore import STUDY`.")
        return
    study_side, bundle_side, draws, button = st.columns([2, 3, 1.2, 1], vertical_alignment="bottom")
    study = study_side.selectbox("Study", list(studies), format_func=lambda f: plain(studies[f]), key="evaluate_study")
    names = bundle_side.multiselect(
        "Models", desk.bundles(), key="evaluate_bundles", format_func=plain, placeholder="one or more"
    )
    n = draws.number_input("Bootstrap resamples", 100, 10_000, 1000, 100, key="evaluate_draws")
    if button.button("Test", key="evaluate_start", type="primary", disabled=not names, width="stretch"):
        _start(lambda: desk.evaluate(names, Path(study), bootstrap=int(n)), "The test waits for the CPU.")


def _tune(desk: JobsDesk, trainings: TrainingDesk) -> None:
    studies = {str(s.folder): s.name for s in trainings.studies()}
    if not studies:
        st.caption("No study to search on: import one with `icicore import STUDY`.")
        return
    places = st.columns([2, 2, 1.6, 1, 1.6], vertical_alignment="bottom")
    study = places[0].selectbox("Study", list(studies), format_func=lambda f: plain(studies[f]), key="tune_study")
    name = places[1].text_input("Name of the recipe", value=f"{studies[study]}-recipe"[:64], key=f"tune_name_{study}")
    model = places[2].selectbox("Model", list(MODELS), format_func=lambda k: MODELS[k], key="tune_model")
    trials = places[3].number_input("Trials", 2, 500, 20, key="tune_trials")
    devices = [d.key for d in trainings.devices()]
    device = places[4].selectbox("Device", devices, index=len(devices) - 1, key="tune_device", format_func=_device)
    request = TrainingRequest("check", Path(study))
    job = trainings.checked(request)
    found = result_of(job)
    problem = trainings.name_refused(name.strip())
    line = st.container(horizontal=True)
    if line.button("Check the study", key="tune_check", disabled=bool(job is not None and job.active)):
        ask_check(trainings, request)
    ready = found is not None and not found["problems"] and not problem
    if line.button("Search", key="tune_start", type="primary", disabled=not ready, help="Works after the check"):
        _start(
            lambda: desk.tune(name.strip(), Path(study), trials=int(trials), model=model, device=device),
            f"The search waits for {'the CPU' if device == 'cpu' else device}.",
        )
    if problem:
        error_line(problem)
    if job is not None and job.active:
        wait_for_check(trainings, job.job_id)
    elif found is not None:
        st.html(findings(found))


def _device(key: str) -> str:
    return device_name(key, {})


def _start(action: Callable[[], object], told: str) -> None:
    try:
        action()
    except InputError as error:
        error_line(str(error))
        return
    session.put(_STARTED, told)
    st.rerun()
