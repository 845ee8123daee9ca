"""What the preflight found, as the page shows it before a training can be started."""

from collections.abc import Sequence

import streamlit as st

from icicore.devices import Device
from icicore.errors import InputError
from icicore.store.jobs import JobRow
from icicore.training.config import TrainConfig
from icicore.types import Json
from icicore.ui import charts
from icicore.ui.text import TUMOUR_NAMES, count, esc, percent, sentence
from icicore.ui.training_desk import TrainingDesk
from icicore.ui.training_words import MODALITIES, duration, memory
from icicore.ui.widgets import error_line
from icicore.workflows.candidates import TrainingRequest
from icicore.workflows.estimates import needs, seconds_at_most

_MOST_IDS = 40
_MOST_SITES = 8


def findings(found: Json) -> str:
    """Patients, modalities, balance, parts, duplicates, and what speaks against it; HTML."""
    problems = _lines("bad", "It cannot start.", found["problems"]) + _leak(found)
    if "patients" not in found:
        return problems
    return (
        problems
        + _lines("warn", "Note.", found["warnings"])
        + charts.card("Patients", _patients(found), _groups(found), _parts(found), _others(found))
    )


def _lines(look: str, lead: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    items = "".join(f"<span>{esc(sentence(line))}</span>" for line in lines)
    return f'<div class="i-reasons {look}" role="note"><b>{lead}</b>{items}</div>'


def _leak(found: Json) -> str:
    leak = found.get("leak")
    if not leak:
        return ""
    ids = leak["patients"]
    more = f" and {len(ids) - _MOST_IDS} more" if len(ids) > _MOST_IDS else ""
    listed = ", ".join(esc(i) for i in ids[:_MOST_IDS])
    return charts.card(
        f"{count(len(ids), 'test patient')} of {esc(leak['bundle'])} would be trained on",
        f'<p class="i-note i-ids">{listed}{more}</p>',
    )


def _patients(found: Json) -> str:
    n, modalities = found["patients"], found["modalities"]
    rows = [
        ("With a response", f"{n:,} of {found['listed']:,} listed"),
        ("Responders", f"{found['responders']:,} ({percent(found['responders'] / n)})"),
        ("Endpoint", found["endpoint"]),
        *((MODALITIES[k], f"{v:,} ({percent(v / n)})") for k, v in modalities.items()),
    ]
    return charts.facts(rows)


def _groups(found: Json) -> str:
    head = "<tr><th>Group</th><th>Patients</th><th>Responders</th></tr>"
    tumours = [(TUMOUR_NAMES.get(g["name"], g["name"]), g) for g in found["tumour_types"]]
    sites = [(f"Site: {g['name']}", g) for g in found["sites"][:_MOST_SITES]]
    cells = "".join(
        f"<tr><td>{esc(name)}</td><td>{g['n']:,}</td>"
        f"<td>{g['responders']:,} ({percent(g['responders'] / g['n'])})</td></tr>"
        for name, g in (*tumours, *sites)
    )
    left = len(found["sites"]) - len(sites)
    more = charts.note(f"and {count(left, 'smaller site')}") if left else ""
    return f'<table class="i-table i-apart">{head}{cells}</table>{more}'


def _parts(found: Json) -> str:
    parts = found.get("parts")
    if not parts:
        return ""
    names = {"train": "training", "val": "validation", "test": "test"}
    said = " · ".join(f"{names[k]} <b>{p['n']:,}</b> ({p['responders']:,} responders)" for k, p in parts.items())
    known = (
        f" {found['known']:,} of them are known to {esc(found['promoted'])}; its test patients are not trained on."
        if found.get("known")
        else ""
    )
    return charts.note(f"Parts: {said}.{known}")


def _others(found: Json) -> str:
    twice = found["duplicates"]
    said = "none found" if not twice else "; ".join(esc(line) for line in twice)
    notes = "".join(charts.note(f"{esc(line[0].upper() + line[1:])}.") for line in found["notes"])
    return charts.note(f"Duplicate patients: {said}.") + notes


def device_line(device: Device) -> str:
    """What a device is and has free, as plain text."""
    load = "" if device.load is None else f" · {percent(device.load)} busy"
    if device.key == "cpu":
        return f"{device.cores} cores · {memory(device.free_mib)} of {memory(device.total_mib)} free{load}"
    return f"{memory(device.free_mib)} of {memory(device.total_mib)} free{load}"


def estimate_table(desk: TrainingDesk, request: TrainingRequest, config: TrainConfig, found: Json) -> str:
    """Time per device, memory and disk; HTML."""
    need, rates = needs(config, found), desk.rates()
    head = "<tr><th>Device</th><th>Time, at most</th><th>Memory</th><th>Rests on</th></tr>"
    rows = []
    for device in desk.devices():
        own = rates.get(device.name)
        factor = float(own["factor"]) if own else 1.0 if device.key == "cpu" else None
        seconds = None if factor is None else seconds_at_most(config, found, factor, continued=request.continued)
        source = (
            f"{own['epochs']} epochs measured here on {str(own['when'])[:10]}"
            if own
            else "one core of a cloud server, November 2026"
            if device.key == "cpu"
            else "nothing yet: the first run measures it"
        )
        wanted = need.memory_mib if device.key == "cpu" else need.gpu_mib
        look = "" if wanted <= device.free_mib or not device.free_mib else ' class="i-short"'
        rows.append(
            f"<tr><td>{esc('CPU' if device.key == 'cpu' else device.name)}</td><td>{duration(seconds)}</td>"
            f"<td{look}>{memory(wanted)} of {memory(device.free_mib)} free</td><td>{esc(source)}</td></tr>"
        )
    disk = f"Disk: {memory(need.disk_mib)} of {memory(desk.free_disk_mib())} free. "
    note = (
        "A member stops earlier when its selection loss no longer improves. On a GPU the study itself stays in memory"
    )
    table = f'<table class="i-table">{head}{"".join(rows)}</table>'
    return charts.card("Time and memory", table, charts.note(f"{disk}{note} ({memory(need.memory_mib)})."))


def too_little(desk: TrainingDesk, config: TrainConfig, found: Json) -> str:
    """Why the training cannot run on this machine; too little memory of a GPU halves the batch and is no reason."""
    need, host = needs(config, found), next((d for d in desk.devices() if d.key == "cpu"), None)
    if host is not None and host.free_mib and need.memory_mib > host.free_mib:
        return f"about {memory(need.memory_mib)} of memory are needed, {memory(host.free_mib)} are free"
    if need.disk_mib > desk.free_disk_mib():
        return f"{memory(need.disk_mib)} of disk are needed, {memory(desk.free_disk_mib())} are free"
    return ""


@st.fragment(run_every=1.0)
def wait_for_check(_desk: TrainingDesk, job_id: str) -> None:
    """Progress of a preflight; the page runs again when it has ended."""
    job = _desk.run(job_id)
    if job is None or not job.active:
        st.rerun()
    share = min(1.0, job.done / job.total) if job.total else 0.0
    steps = f" · {job.done:,} of {job.total:,}" if job.total else ""
    st.progress(share, text=f"Checking the study: {job.message}{steps}")


def ask_check(desk: TrainingDesk, request: TrainingRequest) -> None:
    """Queue the preflight; what forbids it is said in place."""
    try:
        desk.check(request)
    except InputError as error:
        error_line(str(error))
        return
    st.rerun()


def result_of(job: JobRow | None) -> Json | None:
    """What a preflight found; None until it has."""
    return None if job is None or job.active else job.result
