"""Right side of the case page under the answer: why, genes, clinical values, slides, record."""

import pandas as pd
import streamlit as st

from icicore.domain import CLINICAL, ClinicalValues
from icicore.types import Json
from icicore.ui import charts, genes, session
from icicore.ui.backend import Backend, Pathways
from icicore.ui.results import load_features
from icicore.ui.text import (
    CLINICAL_ROWS,
    DASH,
    MODALITY_NAMES,
    count,
    esc,
    file_name,
    number,
    percent,
    short_digest,
    signed,
)
from icicore.workflows.cases import CaseResult

TOP_IN_WHY, TOP_IN_GENES = 10, 16
ARTEFACTS = (("Blur", "blur_fraction"), ("Pen", "pen_fraction"), ("Folds", "fold_fraction"))
VIRTUAL_TRAINING = "virtual_training"
UNCERTAIN = "uncertain"
VALUE_MEANS = "Mutation: 0 or 1; RNA: log2, upper-quartile normalised; TMB: mutations per Mb"
DIFFERENCE = (
    "<b>Weight</b> is the share that the fusion gave a modality; <b>contribution</b> is how far that modality moved "
    "this patient's logit from the base rate (exact Shapley value). A heavily weighted modality can still contribute "
    "little, or speak against response."
)


def why_panel(result: CaseResult, pathways: Pathways) -> None:
    """Modalities side by side, then the genes that counted most."""
    prediction = result.prediction
    modalities = charts.modality_table(prediction), charts.balance_line(prediction), charts.note(DIFFERENCE)
    st.html(charts.card("Modalities", *modalities, detail="weight and contribution"))
    features = load_features(result)[:TOP_IN_WHY]
    if features:
        chart = charts.feature_chart(features)
        st.html(charts.card("What counted most", chart, detail="attribution over all modalities"))
        return
    table = genes.gene_table(prediction.get("genes") or [], pathways)
    top = genes.top_genes(table, TOP_IN_WHY)
    if len(top):
        chart = charts.gene_chart(top, list(genes.pathway_sums(table)["pathway"]))
        st.html(charts.card("Genes that counted most", chart, detail="attribution"))


def genes_panel(result: CaseResult, pathways: Pathways) -> None:
    """Chart of the largest attributions, by gene or by pathway, and the searchable table of all tokens."""
    table = genes.gene_table(result.prediction.get("genes") or [], pathways)
    if table.empty or not table["attribution"].notna().any():
        st.html(charts.card("", charts.note("No gene was measured in this case.")))
        return
    view = st.segmented_control(
        "Chart",
        ["By gene", "By pathway"],
        default="By gene",
        required=True,
        key="gene_view",
        label_visibility="collapsed",
    )
    sums = genes.pathway_sums(table)
    by_gene = charts.gene_chart(genes.top_genes(table, TOP_IN_GENES), list(sums["pathway"]))
    st.html(charts.card("", charts.pathway_chart(sums) if view == "By pathway" else by_gene, _gene_note(table)))
    words, states = st.columns([1.2, 1], vertical_alignment="bottom")
    text = words.text_input("Search gene or pathway", key=session.GENE_SEARCH, placeholder="CXCL9, interferon …")
    kept = states.multiselect("State", genes.STATES, key=session.GENE_STATE, placeholder="All states")
    found = genes.search(table, text, kept)
    _gene_table(found)
    st.caption(f"{count(len(found), 'token')} of {len(table)}")


def _gene_note(table: pd.DataFrame) -> str:
    n = genes.measured_counts(table)
    return charts.note(
        f"Integrated gradients of the calibrated logit against wild type and mean expression. "
        f"{n[genes.MUTATED]} mutated, {n[genes.WILD_TYPE]} wild type, {n[genes.MEASURED]} expression and TMB values; "
        f"<b>{n[genes.NOT_MEASURED]} not measured</b>, which is not wild type."
    )


def _gene_table(found: pd.DataFrame) -> None:
    column = st.column_config
    st.dataframe(
        found,
        hide_index=True,
        height=330,
        row_height=30,
        placeholder=DASH,
        key="gene_table",
        alt="All gene tokens",
        column_order=["symbol", "kind", "state", "value", "attribution", "attention", "pathways"],
        column_config={
            "symbol": column.TextColumn("Gene", width=80),
            "kind": column.TextColumn("Kind", width=70),
            "state": column.TextColumn("State", width=95, help="Not measured: the assay did not cover the gene"),
            "value": column.NumberColumn("Value", format="%.2f", width=60, help=VALUE_MEANS),
            "attribution": column.NumberColumn(
                "Attribution", format="%+.3f", width=80, help="Logit; + is for response"
            ),
            "attention": column.NumberColumn("Attention", format="%.4f", width=75, help="Share of the gene attention"),
            "pathways": column.TextColumn("Pathway", width=170),
        },
    )


def clinical_panel(result: CaseResult, values: ClinicalValues | None) -> None:
    """The four clinical values with unit, and how far each moved the logit where the result says so."""
    scores = {str(f["name"]): float(f["importance"]) for f in load_features(result) if f["modality"] == CLINICAL}
    head = "<th></th><th>Value</th><th>Measured</th>" + ("<th>Attribution, logit</th>" if scores else "")
    rows = []
    for field, name, unit in CLINICAL_ROWS:
        value = getattr(values, field, None)
        known = (
            f"<td><b>{esc(_clinical(value))}</b> <span class='i-dim'>{unit if value is not None else ''}</span></td>"
        )
        attribution = f"<td>{signed(scores.get(field))}</td>" if scores else ""
        measured = "yes" if value is not None else "not measured"
        rows.append(f"<tr><td>{name}</td>{known}<td>{measured}</td>{attribution}</tr>")
    st.html(charts.card("", f'<table class="i-table"><tr>{head}</tr>{"".join(rows)}</table>'))
    _comparators(result.prediction.get("comparators") or {})


def _clinical(value: object) -> str:
    if value is None:
        return DASH
    return {"F": "female", "M": "male"}.get(str(value), number(value, 4) if isinstance(value, float) else str(value))


def _comparators(comparators: Json) -> None:
    known = {
        "tmb": ("TMB", "mutations per Mb"),
        "pdl1": ("CD274 (PD-L1) expression", "log2"),
        "loris": ("LORIS", "score"),
    }
    rows = []
    for key, (name, unit) in known.items():
        value = comparators.get(key)
        value = value.get("value") if isinstance(value, dict) else value
        rows.append((name, f"{number(float(value))} {unit}" if value is not None else "inputs missing"))
    st.html(charts.card("Established markers", charts.facts(rows)))


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
