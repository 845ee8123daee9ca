"""Genes by attribution and pathway, and the searchable table of all of them."""

import pandas as pd
import streamlit as st

from icicore.ui import charts, genes, session
from icicore.ui.backend import Pathways
from icicore.ui.pathway_rows import pathway_rows
from icicore.ui.text import DASH, count
from icicore.workflows.cases import CaseResult

TOP_IN_GENES = 16
VALUE_MEANS = "Mutation: 0 or 1; RNA: log2, upper-quartile normalised; TMB: mutations per Mb"
PERCENTILE_MEANS = "Of expression and TMB among the training patients in whom the gene was measured"
SHARE_MEANS = "Share of the training patients with a protein-changing mutation of this gene"
SPREAD_MEANS = "Least and greatest attention that any model of the ensemble gives this gene"
CHANGE_MEANS = "Protein change and class of each mutation, as in the mutation file"


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
    st.html(charts.card("", pathway_rows(table, sums) if view == "By pathway" else by_gene, _gene_note(table)))
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
        f"<b>{n[genes.NOT_MEASURED]} not measured</b>, which is not wild type. A pathway opens into its genes, with "
        "the range of attention that the models of the ensemble give each."
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
        column_order=[
            *("symbol", "kind", "state", "change", "value", "percentile", "share", "attribution"),
            *("attention", "spread", "n", "pathways"),
        ],
        column_config={
            "symbol": column.TextColumn("Gene", width=80),
            "kind": column.TextColumn("Kind", width=70),
            "state": column.TextColumn("State", width=95, help="Not measured: the assay did not cover the gene"),
            "change": column.TextColumn("Change", width=130, help=CHANGE_MEANS),
            "value": column.NumberColumn("Value", format="%.2f", width=60, help=VALUE_MEANS),
            "percentile": column.NumberColumn("Percentile", format="%.0f", width=75, help=PERCENTILE_MEANS),
            "share": column.NumberColumn("Mutated in", format="percent", width=75, help=SHARE_MEANS),
            "attribution": column.NumberColumn(
                "Attribution", format="%+.3f", width=80, help="Logit; + is for response"
            ),
            "attention": column.NumberColumn("Attention", format="%.4f", width=75, help="Share of the gene attention"),
            "spread": column.TextColumn("Attention, range", width=115, help=SPREAD_MEANS),
            "n": column.NumberColumn("Training n", format="%d", width=75, help="Training patients with this gene"),
            "pathways": column.TextColumn("Pathway", width=170),
        },
    )
