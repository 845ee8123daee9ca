"""Jobs of every kind: state, progress, and what can be done with each; polled while something is under way."""

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from icicore.errors import InputError
from icicore.store.jobs import JobRow
from icicore.ui import charts, session
from icicore.ui.jobs_desk import JobsDesk
from icicore.ui.text import DASH, ago, esc, number, plain
from icicore.ui.training_list import bar
from icicore.ui.training_live import state_of
from icicore.ui.training_words import doing
from icicore.ui.widgets import empty, error_line
from icicore.workflows.job_files import log_path, tail

POLL_SECONDS = 2.0
KINDS = {
    "score": "Scoring of a case",
    "score_batch": "Scoring of cases",
    "score_with": "Scoring under a second model",
    "tile_cam": "Grad-CAM of a tile",
    "embed": "Embedding of a slide",
    "report": "Report of a case",
    "demo": "Demonstration cases",
    "import_cases": "Import",
    "train": "Training",
    "tune": "Search for a recipe",
    "evaluate": "Test of models",
    "preflight": "Check of a study",
    "compare": "Comparison of models",
}
_QUIET = ("preflight", "tile_cam")
"""Kinds that are listed only on request: they are many, short, and show in their own place."""
_WIDTHS = [3.4, 1.2, 2.6, 1.6, 1.5]
_PROBLEM, _OPEN, _ALL = "_job_problem", "_job_open", "jobs_all"
NBSP = "\N{NO-BREAK SPACE}"
"""Keeps the line of a row that says nothing as high as one that does."""
"""Keeps a line of a row that says nothing as high as one that does."""
_MIME = {".pdf": "application/pdf", ".json": "application/json", ".html": "text/html"}


def job_list(desk: JobsDesk, home: Path) -> None:
    """The list, and the job that was opened."""
    if problem := session.take(_PROBLEM):
        error_line(problem)
    everything = st.toggle("Also checks and Grad-CAMs", key=_ALL)
    rows = _listed(desk, everything=everything)
    if not rows:
        empty("No job yet", "Start one above; what is asked for on other pages is listed here too.")
        return
    with st.container(border=True):
        if any(row.active for row in rows):
            _watch(desk, [(r.job_id, r.state) for r in rows], everything)
        else:
            _table(desk, rows)
    opened = next((row for row in rows if row.job_id == session.get(_OPEN)), None)
    if opened is not None:
        _details(desk, opened, home)


def _listed(desk: JobsDesk, *, everything: bool) -> list[JobRow]:
    return [row for row in desk.jobs() if everything or row.kind not in _QUIET]


@st.fragment(run_every=POLL_SECONDS)
def _watch(_desk: JobsDesk, known: Sequence[tuple[str, str]], everything: bool) -> None:  # noqa: FBT001 - a fragment
    """The list while something is under way; the page runs again when a state has changed."""
    rows = _listed(_desk, everything=everything)
    if [(r.job_id, r.state) for r in rows] != list(known):
        st.rerun()
    _table(_desk, rows)


def _table(desk: JobsDesk, rows: Sequence[JobRow]) -> None:
    for row in rows:
        what, state, progress, who, buttons = st.columns(_WIDTHS, vertical_alignment="center")
        subject = about(desk, row)
        what.html(
            f'<div class="i-cut" title="{esc(subject)}"><b>{esc(KINDS.get(row.kind, row.kind))}</b>'
            f"{' · ' + esc(subject) if subject else ''}</div>"
        )
        state.html(state_of(row))
        said = (row.error if row.state == "failed" else doing(row.message) if row.active else "") or NBSP
        progress.html(f'{bar(row)}<div class="i-cut i-dim" title="{esc(said)}">{esc(said)}</div>')
        who.html(f'<div class="i-cut i-dim">{esc(row.owner or DASH)} · {ago(row.created)}</div>')
        _buttons(desk, row, buttons.container(horizontal=True, gap="small", horizontal_alignment="right"))


def about(desk: JobsDesk, row: JobRow) -> str:
    """What a job works on, in a few words."""
    asked = row.parameters
    if row.case_key is not None:
        return desk.case_name(row)
    study = str(asked.get("study") or "").rstrip("/").rpartition("/")[2]
    names = [str(asked[key]) for key in ("name", "bundle") if asked.get(key)]
    names += [", ".join(map(str, asked["bundles"]))] if asked.get("bundles") else []
    names += [Path(str(asked[key])).name for key in ("slide", "path") if asked.get(key)]
    return " · ".join(part for part in (*names, study) if part)


def _buttons(desk: JobsDesk, row: JobRow, place: "st.delta_generator.DeltaGenerator") -> None:
    if row.active:
        _button(place, desk, "stop", row, desk.stop, "Stop; what is finished is kept", disabled=row.cancel)
        return
    if desk.may_continue(row):
        _button(place, desk, "resume", row, desk.go_on, "Continue from what is finished")
    _button(place, desk, "delete", row, desk.delete, "Forget this job and its log; results stay")
    place.button(
        "", icon=":material/expand_content:", key=f"open_{row.job_id}", on_click=session.put, args=(_OPEN, row.job_id),
        help="Result, files and log",
    )  # fmt: skip


def _button(
    place: "st.delta_generator.DeltaGenerator", desk: JobsDesk, icon: str, row: JobRow, action: Callable[[str], None],
    words: str, *, disabled: bool = False,
) -> None:  # fmt: skip
    place.button(
        "", icon=f":material/{icon}:", key=f"{icon}_{row.job_id}", on_click=_acted, args=(action, row.job_id),
        help=words, disabled=disabled or not desk.may_work,
    )  # fmt: skip


def _acted(action: Callable[[str], None], job_id: str) -> None:
    try:
        action(job_id)
    except InputError as error:
        session.put(_PROBLEM, str(error))


def _details(desk: JobsDesk, row: JobRow, home: Path) -> None:
    """What a job came to, its files, and the end of its log."""
    with st.container(border=True):
        st.html(f'<h2 class="i-run">{esc(KINDS.get(row.kind, row.kind))} · {esc(about(desk, row))}</h2>')
        if row.state == "failed" and row.error:
            error_line(row.error)
        if facts := _facts(row):
            st.html(charts.facts(facts))
        line = st.container(horizontal=True, gap="small")
        for path in desk.files(row):
            line.download_button(
                plain(path.name), data=path.read_bytes, file_name=path.name, key=f"file_{row.job_id}_{path.name}",
                mime=_MIME.get(path.suffix, "application/octet-stream"), icon=":material/download:", on_click="ignore",
            )  # fmt: skip
        line.button("Close", key="job_close", on_click=session.take, args=(_OPEN,))
        log = "\n".join(tail(log_path(home, row.job_id)))
        st.code(log or "The log is empty.", language=None, height=180)


def _facts(row: JobRow) -> list[tuple[str, str]]:
    """The result as lines; lists of models with their AUC, single values, nothing nested deeper."""
    found = []
    for key, value in (row.result or {}).items():
        if key == "models" and isinstance(value, list):
            found += [(f"AUC-ROC of {esc(m['name'])}, n {m['n']} patients", _auc(m["auc_roc"])) for m in value]
        elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
            shown = number(value, 3) if isinstance(value, float) else value
            found.append((key.replace("_", " ").capitalize(), str(shown)))
    return found


def _auc(value: object) -> str:
    from icicore.reports.numbers import estimate

    return estimate(value) if isinstance(value, dict) else DASH
