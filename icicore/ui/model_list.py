"""The list of models, the history of promotions, and bringing a model in."""

import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from icicore.errors import InputError
from icicore.reports.numbers import estimate
from icicore.store.registry import PROMOTED, Promotion
from icicore.ui import charts, session
from icicore.ui.html_table import moment, table
from icicore.ui.model_metrics import metrics_of
from icicore.ui.models_desk import ModelsDesk
from icicore.ui.text import DASH, ago, esc, plain, short_digest
from icicore.ui.widgets import badge, error_line
from icicore.workflows.registry_entries import Listed

MODEL = "model"
"""Query parameter: name of the model that is shown."""
STATES = {"promoted": "Promoted", "candidate": "Candidate", "retired": "Retired", "refused": "Refused"}
_COLOURS = {"Promoted": "green", "Candidate": "blue", "Retired": "gray", "Refused": "red"}
_LOOK = {"promoted": ("ok", "✓"), "candidate": ("", ""), "retired": ("line", ""), "refused": ("bad", "×")}
_TABLE = "model_table"
_DONE, _PROBLEM = "_model_done", "_model_problem"


def state_badge(model: Listed) -> str:
    """The state of a model as a badge."""
    look, mark = _LOOK.get(model.row.state, ("line", ""))
    return badge(STATES.get(model.row.state, model.row.state), look, mark, title=model.row.reason)


def model_table(models: Sequence[Listed]) -> pd.DataFrame:
    """One row per model, in the given order."""
    metrics = [metrics_of(m).values for m in models]
    return pd.DataFrame(
        {
            "Model": [m.row.name for m in models],
            "State": [[STATES.get(m.row.state, m.row.state)] for m in models],
            "AUC, 95 %": [estimate(x.get("auc_roc")) for x in metrics],
            "n": [x.get("n") for x in metrics],
            "Trained on": [m.row.study or DASH for m in models],
            "Cases": [m.n_cases for m in models],
            "Entered": [ago(m.row.created) for m in models],
            "Last decision by": [m.row.who for m in models],
            "Reason": [m.problem or m.row.reason for m in models],
        }
    )


def choose(models: Sequence[Listed]) -> Listed:
    """Show the table; a click on a row chooses the model. The address keeps the choice; the promoted one is first."""
    column = st.column_config
    event = st.dataframe(
        model_table(models),
        key=_TABLE,
        hide_index=True,
        row_height=38,
        height="auto" if len(models) < 9 else 360,
        placeholder=DASH,
        on_select="rerun",
        selection_mode="single-cell",
        alt="Models: one row per bundle",
        column_config={
            "Model": column.TextColumn(width=220, help="Click to see card, comparison and lineage below"),
            "State": column.MultiselectColumn(
                width=100,
                options=list(_COLOURS),
                color=list(_COLOURS.values()),
                help="Promoted: scores the cases. Candidate: may be promoted after a comparison. Refused: a comparison "
                "spoke against it",
            ),
            "AUC, 95 %": column.TextColumn(width=140, help="Patients it was not trained or tuned on"),
            "n": column.NumberColumn(width=55, format="%d", help="Test patients"),
            "Trained on": column.TextColumn(width=140),
            "Cases": column.NumberColumn(width=60, format="%d", help="Cases whose newest result is this model's"),
            "Entered": column.TextColumn(width=90),
            "Last decision by": column.TextColumn(width=120),
        },
    )
    cells = event.selection.cells
    if cells and cells[0][0] < len(models):
        st.query_params[MODEL] = models[cells[0][0]].row.name
    wanted = st.query_params.get(MODEL)
    return next((m for m in models if m.row.name == wanted), models[0])


def messages() -> None:
    """What the last action did, or why it could not; shown once."""
    if problem := session.take(_PROBLEM):
        error_line(problem)
    if done := session.take(_DONE):
        st.success(plain(done), icon=":material/check:")


def act(action: Callable[[], object], done: str) -> None:
    """Run an action that a person asked for, then show its outcome on the next run of the page."""
    try:
        action()
    except InputError as error:
        session.put(_PROBLEM, str(error))
    except OSError as error:
        session.put(_PROBLEM, f"{Path(str(error.filename or 'file')).name}: {error.strerror or error}")
    else:
        session.put(_DONE, done)
    st.rerun()


def history(desk: ModelsDesk, models: Sequence[Listed]) -> None:
    """Who promoted what and why, newest first, and the way back."""
    rows, before = desk.history(), desk.previous()
    promoted = next((m for m in models if m.row.state == PROMOTED), None)
    if before is not None and promoted is not None:
        line = st.container(horizontal=True, vertical_alignment="center", gap="small")
        label = f"Roll back to {before.name}"
        if line.button(plain(label), icon=":material/undo:", key="roll_back"):
            act(desk.roll_back, f"{before.name} scores the cases again in place of {promoted.row.name}.")
        line.caption("Takes effect at once for every case scored from now on; results on record stay as they are.")
    if not rows:
        name = promoted.row.name if promoted else DASH
        st.html(
            charts.card("History", charts.note(f"Nothing was promoted here. <b>{esc(name)}</b> came with icicore."))
        )
        return
    st.html(charts.card("History", history_table(rows), charts.note("Nobody can change or remove a line.")))


def history_table(rows: Sequence[Promotion]) -> str:
    """The history as an HTML table."""
    words = {"promote": "promoted", "rollback": "rolled back to"}
    body = [
        (
            esc(moment(r.at)),
            esc(r.who),
            f"{words.get(r.action, esc(r.action))} <b>{esc(r.name)}</b> "
            f"<span class='i-dim'>{short_digest(r.digest)}</span>",
            esc(r.previous_name),
            esc(r.reason),
        )
        for r in rows
    ]
    return table(("When", "Who", "What", "In place of", "Reason"), body)


def bring_in(desk: ModelsDesk) -> None:
    """Import a model from one file."""
    with st.form("import_model", border=False, clear_on_submit=True):
        file = st.file_uploader("File of a model (.bundle.zip)", type="zip", key="model_file")
        name, button = st.columns([5, 1], vertical_alignment="bottom")
        chosen = name.text_input("Another name for it here (optional)", key="model_name", max_chars=100)
        sent = button.form_submit_button("Import", width="stretch")
    st.caption("Only safetensors, JSON and the card are taken; every digest is checked. It becomes a candidate.")
    if sent and file is not None:
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / (re.sub(r"[^A-Za-z0-9._-]", "_", file.name).lstrip(".")[-100:] or "upload.zip")
            path.write_bytes(file.getbuffer())
            act(lambda: desk.bring_in(path, chosen.strip() or None), "The model was imported; it is a candidate.")
