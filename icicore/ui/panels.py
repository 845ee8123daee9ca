"""Right side of the case page under the answer: slides and record."""

import streamlit as st

from icicore.types import Json
from icicore.ui import charts
from icicore.ui.backend import Backend
from icicore.ui.text import (
    DASH,
    MODALITY_NAMES,
    esc,
    file_name,
    number,
    percent,
    short_digest,
)
from icicore.workflows.cases import CaseResult

ARTEFACTS = (("Blur", "blur_fraction"), ("Pen", "pen_fraction"), ("Folds", "fold_fraction"))
VIRTUAL_TRAINING = "virtual_training"
UNCERTAIN = "uncertain"


def slides_panel(result: CaseResult) -> None:
    """Quality of each slide."""
    slides = result.prediction.get("slides") or []
    if not slides:
        st.html(charts.card("", charts.note("No slide was given.")))
    for slide in slides:
        qc = slide.get("qc") or {}
        bars = charts.quality_bars([(name, qc.get(key)) for name, key in ARTEFACTS])
        name = esc(file_name(slide.get("path", "slide")))
        share = charts.note("Share of the tissue area.")
        st.html(charts.card(name, charts.facts(_slide_facts(slide, qc)), "<p></p>", bars, share))


def _slide_facts(slide: Json, qc: Json) -> list[tuple[str, str]]:
    tiles = f"{slide.get('n_tiles', DASH)} of 256 px at 0.5 µm/px; {qc.get('unreadable_tiles', 0)} unreadable"
    return [
        ("Pixel size", f"{number(slide.get('mpp'), 4)} µm"),
        ("Tiles", tiles),
        ("Tissue", f"{number(qc.get('tissue_mm2'))} mm²"),
        ("Stain", f"{qc.get('stain_kind', DASH)}, normalisation {qc.get('stain_method', DASH)}"),
        ("Digest", short_digest(str(slide.get("digest", DASH)))),
    ]


def record_panel(backend: Backend, result: CaseResult) -> None:
    """What made this result: bundle, backbone, versions, input digests, time."""
    prediction = result.prediction
    bundle = prediction.get("bundle") or {}
    made = [(k.replace("_", " ").capitalize(), str(v)) for k, v in bundle.items()]
    st.html(charts.card("Model", charts.facts(made, mono=True)))
    files = [(file_name(s.get("path", "")), str(s.get("digest", ""))) for s in prediction.get("slides") or []]
    files += [(file_name(name), str(digest)) for name, digest in (prediction.get("files") or {}).items()]
    st.html(charts.card("Input files, SHA-256", charts.facts(files, mono=True)))
    seconds = [(MODALITY_NAMES.get(k, k), f"{float(v):.2f} s") for k, v in (prediction.get("seconds") or {}).items()]
    versions = [(str(k), str(v)) for k, v in (prediction.get("versions") or {}).items()]
    st.html(charts.card("Time", charts.facts(seconds)))
    st.html(charts.card("Versions", charts.facts(versions, mono=True)))


def threshold_words(prediction: Json) -> str:
    """Why there is no call."""
    codes = {str(r.get("code")) for r in prediction.get("reasons") or []}
    if VIRTUAL_TRAINING in codes:
        return "a model that has only seen virtual patients makes no call on a real one"
    threshold = prediction.get("threshold")
    if threshold is None:
        return "the bundle has no operating threshold"
    if UNCERTAIN in codes:
        return f"the interval holds the threshold of {percent(threshold)}"
    if prediction.get("status") == "limited":
        return f"limited result; threshold {percent(threshold)}"
    return f"threshold {percent(threshold)}"
