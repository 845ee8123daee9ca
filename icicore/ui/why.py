"""Why the model says so: modalities by weight and contribution, then the ranked findings."""

import streamlit as st

from icicore.types import Json
from icicore.ui import charts, findings, genes
from icicore.ui.backend import Pathways
from icicore.ui.results import load_features
from icicore.ui.text import percent
from icicore.workflows.cases import CaseResult

TOP = 12
DIFFERENCE = (
    "<b>Weight</b> is the share that the fusion gave a modality; <b>contribution</b> is how far that modality moved "
    "this patient's logit from the base rate (exact Shapley value). A heavily weighted modality can still contribute "
    "little, or speak against response."
)
READING = (
    "The words say how unusual a finding is, the bar how far it moved this score from the training mean; the two need "
    "not agree. Typical: 25th to 75th percentile; very low or very high: beyond the 5th or 95th."
)
READABLE = (
    "of the tiles of this case can be read: the tile-class head sees neither necrosis nor artefact in them. The fusion "
    "takes histology as present to that share."
)
NO_REFERENCE = "This model keeps no distribution of its training patients: findings have no percentile."
SCORE_AGAIN = "Percentiles appear when the case is scored again."


def why_panel(result: CaseResult, pathways: Pathways) -> None:
    """Modalities side by side, then what counted most, over all modalities."""
    prediction = result.prediction
    notes = charts.note(DIFFERENCE) + readable_note(prediction)
    modalities = charts.modality_table(prediction), charts.balance_line(prediction), notes
    st.html(charts.card("Modalities", *modalities, detail="weight and contribution"))
    features = load_features(result)[:TOP]
    if features:
        chart = findings.findings_chart(features, prediction)
        notes = charts.note(f"{findings.modality_key()} {READING} {_reference_note(result)}")
        st.html(charts.card("What counted most", chart, notes, detail="findings over all modalities"))
        return
    table = genes.gene_table(prediction.get("genes") or [], pathways)
    top = genes.top_genes(table, TOP)
    if len(top):
        chart = charts.gene_chart(top, list(genes.pathway_sums(table)["pathway"]))
        st.html(charts.card("Genes that counted most", chart, detail="attribution"))


def readable_note(prediction: Json) -> str:
    """How much of the slides can be read, where the model weighs histology by it."""
    share = prediction.get("readable_tiles")
    return "" if share is None else charts.note(f"<b>{percent(share)}</b> {READABLE}")


def _reference_note(result: CaseResult) -> str:
    training = result.prediction.get("training")
    if training is None:
        return f"<b>{SCORE_AGAIN}</b>"
    return "" if training.get("reference") else f"<b>{NO_REFERENCE}</b>"
