"""The answer first: probability, interval, call, what simpler scores say, and the way to the proof."""

import streamlit as st

from icicore.errors import InputError
from icicore.types import Json
from icicore.ui import charts
from icicore.ui.backend import Backend
from icicore.ui.comparators import comparator_rows, verdict_line
from icicore.ui.panels import threshold_words
from icicore.ui.proof import no_proof_words, proof_dialog
from icicore.ui.text import plain
from icicore.workflows.cases import CaseResult

INTERVAL_MEANS = (
    "<b>The interval</b> shows how far the estimate varies between models trained on resamples of the same cohort. "
    "It does not cover patients unlike that cohort."
)
RATE_MEANS = "response rate by each value alone, in the training patients"


@st.fragment
def answer(_backend: Backend, result: CaseResult) -> None:
    """Card with the answer and a button below it; a fragment of its own, so that the viewer is left alone."""
    prediction = result.prediction
    proof, problem = _proof(_backend, prediction)
    st.html(answer_html(prediction, proof))
    label = "Proof" if proof is None else f"Proof on {proof['n']} test patients"
    pressed = st.button(
        label,
        key="open_proof",
        icon=":material/verified:",
        help="Reliability, ROC and the groups that this patient belongs to",
        width="stretch",
    )
    if pressed and proof is not None:
        proof_dialog(proof, prediction)
    elif pressed:
        without_proof(problem or no_proof_words(str((prediction.get("bundle") or {}).get("name", ""))))


@st.dialog("No proof", width="medium")
def without_proof(message: str) -> None:
    """Say why there is nothing to show, and how to make it."""
    st.info(plain(message), icon=":material/info:")


def answer_html(prediction: Json, proof: Json | None) -> str:
    """The card."""
    card = charts.answer_card(prediction, no_call=threshold_words(prediction))
    placed = any((prediction.get("comparator_places") or {}).values())
    meaning = f' <span class="i-dim">· {RATE_MEANS}</span>' if placed else ""
    below = (
        f'<div class="i-sub">Simpler scores{meaning}</div>'
        f"{comparator_rows(prediction, proof)}{verdict_line(prediction, proof)}"
    )
    return card.removesuffix("</div>") + f'<p class="i-note">{INTERVAL_MEANS}</p>{below}</div>'


def _proof(backend: Backend, prediction: Json) -> tuple[Json | None, str]:
    try:
        return backend.proof(prediction), ""
    except InputError as error:
        return None, str(error)
