"""The scored patients on the cohort page: gene attention as a heatmap, and the map of their slides with a lasso."""

from collections.abc import Sequence

import streamlit as st

from icicore.ui import charts, session, theme, worklist_state
from icicore.ui.cohort_map_figures import attention_plot, map_plot
from icicore.ui.places import CASES, COMPARE
from icicore.ui.plotly_style import CONFIG
from icicore.ui.text import count, esc, plain
from icicore.ui.widgets import empty
from icicore.ui.worklist import open_review
from icicore.ui.worklist_actions import MOST_COMPARED
from icicore.workflows.cohort_map import FEWEST_FOR_MAP, EmbeddingMap, ScoredCohort, embedding_map, gene_attention
from icicore.workflows.services import BundleRef

KINDS = {"Mutations": ("mutation",), "RNA": ("expression",), "All": ("mutation", "expression", "tmb")}
SHARE, AGAINST = "Share of attention", "Against the mean of the gene"
MAP = "cohort_map"
_LISTED = 12


def nobody(name: str) -> None:
    """What to do when the bundle has scored no case."""
    empty(
        "No case scored by this model yet",
        f"The model <b>{esc(name)}</b> has scored none of the cases on the work list in its present state. Score cases "
        "there; they appear here at once.",
    )
    st.page_link(CASES, label="Open the work list", icon=":material/list:")


def source(cohort: ScoredCohort, n: int, what: str, ref: BundleRef) -> str:
    """How many cases a figure shows, of how many, and under which model; HTML."""
    newest = (
        "" if cohort.total == len(cohort.rows) else f" (the newest {len(cohort.rows):,} of {cohort.total:,} scored)"
    )
    return f"n {n:,} {what}{newest}. Source: results under {esc(ref.name)} {esc(ref.digest[:12])} on the work list."


def heatmap(cohort: ScoredCohort, ref: BundleRef) -> None:
    """Gene attention over the scored patients."""
    genes, scale = st.columns([1, 3], gap="small")
    kind = genes.segmented_control("Genes", list(KINDS), default="All", required=True, key="cohort_genes")
    shown = scale.segmented_control("Colour", [SHARE, AGAINST], default=SHARE, required=True, key="cohort_scale")
    table = gene_attention(cohort, kinds=KINDS[str(kind or "All")])
    if not table.rows:
        st.html(charts.card("Gene attention", charts.note("None of the scored cases rests on genes.")))
        return
    with st.container(border=True, key="card_attention"):
        st.markdown("**Gene attention by patient**")
        figure = attention_plot(table, theme.palette(), relative=shown == AGAINST)
        st.plotly_chart(figure, key="cohort_attention", config=dict(CONFIG), theme=None, width="stretch")
        words = (
            f"Share of the attention of the genomic encoder; the {len(table.genes)} of {table.tokens:,} genes with "
            "the largest mean. Patients from the lowest to the highest probability (line above). Colours end at "
            "the 99th percentile; blank: not measured. Attention says where the model looks, not in which direction. "
        )
        st.html(charts.note(words + source(cohort, len(table.rows), "cases with genes", ref)))


def slide_map(cohort: ScoredCohort, ref: BundleRef) -> None:
    """Map of the slide embeddings; a lasso lists the cases in it."""
    found = embedding_map(cohort)
    if found is None:
        words = f"A map needs at least {FEWEST_FOR_MAP} scored cases with a slide; there are fewer."
        st.html(charts.card("Slide embeddings", charts.note(words)))
        return
    fields = list(dict.fromkeys(name for values in found.values for name in values))
    field = st.selectbox("Colour by", fields, key="cohort_field", width=420)
    with st.container(border=True, key="card_map"):
        st.markdown("**Slide embeddings, principal components**")
        picked = st.plotly_chart(
            map_plot(found, str(field), theme.palette()), key=MAP, config=dict(CONFIG), theme=None, width="stretch",
            on_select="rerun", selection_mode=("lasso", "box", "points"),
        )  # fmt: skip
        words = (
            "Each point is a case; cases whose slides look alike to the model lie close together. Components of the "
            "slide embeddings of all members of the ensemble, centred, linear, without a seed: the same cases give the "
            "same picture. Draw a lasso to list cases. "
        )
        st.html(charts.note(words + source(cohort, len(found.rows), "cases with a slide", ref)))
    _picked(found, _chosen(picked))


def _chosen(event: object) -> tuple[str, ...]:
    """Keys of the cases in the lasso; the session keeps them, so that they are still there after another page."""
    selection = getattr(event, "selection", None)
    points = [] if selection is None else list(selection["points"])
    if points:
        keys = (str(p.get("customdata")).strip("[]'\" ") for p in points)
        session.put(session.PICKED, tuple(dict.fromkeys(keys)))
    return tuple(session.get(session.PICKED) or ())


def _picked(found: EmbeddingMap, keys: Sequence[str]) -> None:
    """The cases in the lasso, and where to take them."""
    rows = {row.case_key: row for row in found.rows}
    chosen = [rows[key] for key in keys if key in rows]
    if not chosen:
        return
    line = st.container(horizontal=True, vertical_alignment="center", gap="small", key="cohort_picked")
    line.markdown(f"**{count(len(chosen), 'case')} chosen**")
    line.button("Forget", key="picked_forget", type="tertiary", on_click=session.take, args=(session.PICKED,))
    if line.button("Show in the work list", key="picked_list", icon=":material/list:", type="primary"):
        worklist_state.show_keys(tuple(row.case_key for row in chosen))
        st.switch_page(CASES)
    if 2 <= len(chosen) <= MOST_COMPARED and line.button("Compare", key="picked_compare", icon=":material/compare:"):
        st.switch_page(COMPARE, query_params={session.CASES: ",".join(row.case_key for row in chosen)})
    names = st.container(horizontal=True, gap="small")
    for row in chosen[:_LISTED]:
        if names.button(plain(row.case_id), key=f"picked_{row.case_key}", help="Open the case review"):
            open_review(row.case_key)
    if len(chosen) > _LISTED:
        names.caption(f"and {len(chosen) - _LISTED:,} more")
