"""Import of cases, and what to do when there are none."""

from pathlib import Path

import streamlit as st

from icicore.errors import InputError
from icicore.ui import charts, session
from icicore.ui.backend import Backend
from icicore.ui.text import count, esc, plain
from icicore.ui.widgets import empty, error_line
from icicore.ui.work_desk import BatchQueue
from icicore.workflows.import_report import ImportReport

_SHOWN = 200


def import_part(backend: Backend, queue: BatchQueue) -> None:
    """Open a case folder, a folder of cases or a study by its path, or by one click where one was found."""
    if not backend.work.may_work:
        st.caption("A reviewer can import cases.")
        return
    with st.form("open_folder", border=False, clear_on_submit=False):
        field, button = st.columns([6, 1], vertical_alignment="bottom")
        path = field.text_input(
            "Path of the case folder, of a folder of cases, or of a cBioPortal study with slides.tsv",
            placeholder="/data/cases",
            key="case_folder",
        )
        if button.form_submit_button("Open", width="stretch") and path.strip():
            _import(backend, queue, Path(path.strip()))
    if message := session.take(session.OPEN_ERROR):
        error_line(message)
    _found(backend, queue)
    st.caption("Nothing is uploaded. Cases may be opened from: " + " · ".join(plain(root) for root in backend.roots))


def _import(backend: Backend, queue: BatchQueue, folder: Path) -> None:
    session.put(session.OPENING, True)  # noqa: FBT003 - a session value
    try:
        if backend.work.kind_of(folder) == "case" or not folder.is_dir():
            backend.open_case(folder)
        else:
            session.put(session.IMPORT_JOB, backend.work.submit_import(queue, folder).job_id)
    except InputError as error:
        session.put(session.OPEN_ERROR, str(error))
    st.rerun()


def _found(backend: Backend, queue: BatchQueue, most: int = 8) -> None:
    folders = backend.folders()
    if not folders:
        return
    st.caption(f"{count(len(folders), 'case folder')} found there and not on the work list yet")
    line = st.container(horizontal=True, gap="small")
    for folder in folders[:most]:
        if line.button(plain(folder.name), key=f"open_{folder}", help=plain(folder), icon=":material/folder_open:"):
            _import(backend, queue, folder)
    parents = {folder.parent for folder in folders}
    if (
        len(folders) > 1
        and len(parents) == 1
        and line.button(f"Open all {len(folders)}", key="open_all", type="tertiary")
    ):
        _import(backend, queue, parents.pop())


def import_result(backend: Backend) -> None:
    """What the import that this session asked for has done, until it is closed."""
    job_id = session.get(session.IMPORT_JOB)
    job = None if job_id is None else backend.job(job_id)
    if job is None or job.active:
        return
    report = backend.work.import_report(job_id)
    line, close = st.columns([12, 1], vertical_alignment="center")
    with line:
        if report is not None:
            st.html(report_html(report))
        else:
            error_line(job.error or "The import was cancelled; what had been read stays on the work list.")
    close.button("Close", key="import_close", on_click=session.take, args=(session.IMPORT_JOB,), width="stretch")


def report_html(report: ImportReport) -> str:
    """The outcome of an import; names and lines from files are escaped."""
    new = f"{report.new:,} of them new" if report.new else "none of them new"
    head = f"<b>{esc(report.source)}</b>: {count(report.imported, 'case')} on the work list, {new}."
    told = list(dict.fromkeys(report.notes))
    notes = "".join(f"<li>{esc(line)}</li>" for line in told)
    refused = "".join(f"<li><b>{esc(name)}</b> {esc(line)}</li>" for name, line in report.refused[:_SHOWN])
    more = f"<li>and {len(report.refused) - _SHOWN:,} more</li>" if len(report.refused) > _SHOWN else ""
    parts = [f'<p class="i-lead">{head}</p>']
    if notes:
        parts.append(f"<details><summary>{count(len(told), 'note')}</summary><ul>{notes}</ul></details>")
    if refused:
        lines = f'<ul class="i-left-out">{refused}{more}</ul>'
        parts.append(f"<details open><summary>{len(report.refused):,} left out</summary>{lines}</details>")
    return charts.card("Import", *parts)


def empty_list(backend: Backend) -> None:
    """What to do when the work list is empty."""
    if not backend.work.may_work:
        empty("No cases in sight", "A reviewer imports cases; you see those of your sites.")
        return
    empty(
        "No cases yet",
        "A case is a folder with <code>case.json</code> and any of: <code>slides/</code>, <code>mutations.maf</code> "
        "or <code>.vcf</code>, <code>expression.tsv</code>. Import one below by its path, or a folder of them, or a "
        "cBioPortal study; nothing is uploaded.",
        "To look around first, build the demonstration cases: virtual patients with rendered slides and known truth. "
        "The button does the same as <code>icicore demo</code>; it needs no network and takes a few minutes.",
    )
    if st.button("Build the demonstration cases", type="primary", icon=":material/science:"):
        try:
            backend.submit_demo()
        except InputError as error:
            session.put(session.OPEN_ERROR, str(error))
        st.rerun()
