"""A training as it runs: numbers, curves and log, polled; nothing is mounted anew while they change."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from icicore.errors import InputError
from icicore.store.jobs import JobRow
from icicore.training.journal import RunLog
from icicore.types import Json
from icicore.ui import charts
from icicore.ui.text import DASH, ago, esc, number, percent, plain
from icicore.ui.training_curves import legend, show_curves
from icicore.ui.training_desk import TrainingDesk
from icicore.ui.training_progress import Standing, kinds_begun, standing
from icicore.ui.training_words import LOOKS, MODELS, STATES, device_name, doing, duration, member_name, memory
from icicore.ui.widgets import badge, error_line
from icicore.workflows.candidates import TrainingRequest, recipe_of
from icicore.workflows.estimates import kinds_of

POLL_SECONDS = 1.5
_NEWEST = "Under way"


@dataclass(frozen=True)
class _Recipe:
    """What of a recipe the curves need, before the journal says so."""

    kinds: tuple[str, ...] = ()
    members: int = 1
    epochs: int = 10


def state_of(job: JobRow) -> str:
    """The badge of a training."""
    look, mark = LOOKS.get(job.state, ("line", ""))
    if job.active and job.cancel:
        return badge("Stopping", "warn", "■")
    return badge(STATES.get(job.state, job.state), look, mark)


def show_run(desk: TrainingDesk, job: JobRow) -> None:
    """One training with its actions; polls only while it is active."""
    st.html(_head(desk, job))
    _actions(desk, job)
    if job.active:
        _watch(desk, job.job_id)
    else:
        _body(desk, job)


@st.fragment(run_every=POLL_SECONDS)
def _watch(_desk: TrainingDesk, job_id: str) -> None:
    job = _desk.run(job_id)
    if job is None or not job.active:
        st.rerun()
    _body(_desk, job)


def _head(desk: TrainingDesk, job: JobRow) -> str:
    names = {d.key: d.name for d in desk.devices()}
    asked = job.parameters
    start = "continues the promoted bundle" if asked.get("continued") else "from scratch"
    facts = [
        str(asked["study"]).rsplit("/", 1)[-1],
        MODELS.get(str(asked.get("config", {}).get("model", "multimodal")), "Multimodal"),
        start,
        device_name(job.device, names),
        f"asked for by {job.owner or DASH} {ago(job.created)}",
    ]
    return (
        f'<div class="i-top"><h2 class="i-run">{esc(asked["name"])}</h2>{state_of(job)}</div>'
        f'<p class="i-note">{esc(" · ".join(facts))}</p>'
    )


def _actions(desk: TrainingDesk, job: JobRow) -> None:
    row = st.container(horizontal=True, vertical_alignment="center", key="run_actions")
    if job.active:
        row.button(
            "Stop",
            icon=":material/stop:",
            disabled=job.cancel,
            on_click=desk.cancel,
            args=(job.job_id,),
            key="run_stop",
            help="Stops within five seconds; the last finished epoch is kept.",
        )
        return
    if job.state != "succeeded":
        row.button(
            "Continue",
            icon=":material/resume:",
            type="primary",
            on_click=desk.resume,
            args=(job.job_id,),
            key="run_continue",
            help="Goes on after the last finished epoch.",
        )
    with row.popover("Delete", icon=":material/delete:"):
        kept = "The bundle stays." if job.state == "succeeded" else "Its checkpoints are removed."
        st.markdown(f"Forget this training and its log? {kept}")
        st.button("Delete it", on_click=desk.delete, args=(job.job_id,), key="run_delete", type="primary")


def _body(desk: TrainingDesk, job: JobRow) -> None:
    log = desk.journal(job)
    now = standing(log, time.time())
    message = st.container()
    with message:
        if job.error and job.state == "failed":
            error_line(job.error)
        elif job.result:
            st.html(_result(job.result))
    load = next((d.load for d in desk.devices() if d.key == job.device), None) if job.active else None
    st.html(_numbers(job, log, now, load))
    share = min(1.0, now.done / now.total) if now.total else 0.0
    st.progress(1.0 if job.state == "succeeded" else share, text=_where(job, log, now))
    _curves(log, now, _recipe(job))
    with st.expander("Log", icon=":material/terminal:", key="run_log"):
        st.code("\n".join(desk.log_tail(job)) or "nothing yet", language=None, height=220)


def _curves(log: RunLog, now: Standing, recipe: _Recipe) -> None:
    """Curves of one model; by default of the one that is under way."""
    begun, kinds = kinds_begun(log), log.plan.get("kinds") or recipe.kinds
    options = [_NEWEST, *(MODELS.get(k, k) for k in kinds)]
    chosen = st.segmented_control("Model", options, default=_NEWEST, key="run_kind", label_visibility="collapsed")
    current = now.member.rpartition("-")[0] or (begun[-1] if begun else "")
    kind = next((k for k in kinds if MODELS.get(k, k) == chosen), current)
    show_curves(log, kind, epochs=recipe.epochs, key="run_curves")
    st.html(legend(recipe.members) + charts.note(_about(log)))


def _recipe(job: JobRow) -> _Recipe:
    request = TrainingRequest.from_json(job.parameters)
    try:
        config = recipe_of(request)
    except InputError:
        return _Recipe()
    return _Recipe(kinds_of(config, continued=request.continued), config.n_members, config.epochs)


def _about(log: RunLog) -> str:
    patients = log.plan.get("patients") or {}
    n = f"{patients['val']:,} validation patients" if patients else "validation patients"
    return (
        f"Selection patients judge each epoch: {n} and, for each member, the training patients that it leaves out. "
        "Test patients are not looked at. A member stops when its selection loss no longer improves."
    )


def _numbers(job: JobRow, log: RunLog, now: Standing, load: float | None) -> str:
    epoch = DASH if now.epoch is None else f"{now.epoch + 1} of at most {now.epochs}"
    cells = [
        ("Stage", member_name(now.member) if now.member else DASH),
        ("Epoch", epoch),
        ("Epoch ends in", duration(now.epoch_left) if job.active else DASH),
        ("Training ends in, at most", duration(now.left) if job.active else DASH),
        ("Patients per second", DASH if now.samples_per_second is None else f"{now.samples_per_second:,.0f}"),
        ("Learning rate", number(now.rate, 2)),
        ("Memory", memory(now.rss_mib)),
        ("Running for" if job.active else "Ran for", _elapsed(job)),
    ]
    if job.device != "cpu":
        cells += [("GPU memory, peak", memory(now.gpu_mib)), ("GPU busy", percent(load))]
    if not job.active:
        cells = [(name, value) for name, value in cells if value != DASH]
    shown = "".join(f"<div><span>{name}</span><b>{esc(value)}</b></div>" for name, value in cells)
    halved = [n["cases"] for n in log.notes if n["event"] == "halved"]
    said = charts.note(f"GPU memory ran out: {halved[-1]} patients at a time, with the same result.") if halved else ""
    return f'<div class="i-numbers">{shown}</div>{said}'


def _elapsed(job: JobRow) -> str:
    if job.started is None:
        return DASH
    return duration(((job.finished or datetime.now(UTC)) - job.started).total_seconds())


def _where(job: JobRow, log: RunLog, now: Standing) -> str:
    if job.state == "queued":
        waits = f"Waiting for {'the CPU' if job.device == 'cpu' else job.device}"
        return plain(job.message.capitalize() if "continue" in job.message else waits)
    tries = f" · try {job.attempts}" if job.attempts > 1 else ""
    done = f" · {now.done:,} of at most {now.total:,} epochs over all models" if now.total else ""
    return plain(f"{doing(job.message)}{done}{tries}")


def _result(result: Json) -> str:
    """Test metrics of the candidate."""
    found, n = result["metrics"], result["n"]["test"]
    names = {"auc_roc": "AUC-ROC", "sensitivity": "Sensitivity", "specificity": "Specificity", "ece": "ECE"}
    cells = "".join(f"<div><span>{label}</span><b>{_value(found[key])}</b></div>" for key, label in names.items())
    parent = f", continues {esc(result['parent'])}" if result.get("parent") else ""
    lead = (
        f"<b>{esc(result['bundle'])} is a candidate</b>{parent}: measured on {n:,} test patients that it was not "
        "trained on, at the end of the training (95 % intervals). It scores no case until a person promotes it."
    )
    return f'<div class="i-card"><p class="i-note">{lead}</p><div class="i-numbers">{cells}</div></div>'


def _value(estimate: Json) -> str:
    value, bounds = estimate.get("value"), estimate.get("interval95")
    if value is None:
        return DASH
    return f"{value:.2f}" + ("" if bounds is None else f" <small>{bounds[0]:.2f}{DASH}{bounds[1]:.2f}</small>")
