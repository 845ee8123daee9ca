"""Pathways by attribution, each unfolding into its genes: state, change or percentile, attention with its range."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from icicore.ui.charts import ENDS, diverging, gene_title, kind_word, nice_limit, pathway_dot
from icicore.ui.genes import NOT_MEASURED
from icicore.ui.text import esc

MOST_PATHWAYS, MOST_GENES = 14, 12


def pathway_rows(table: pd.DataFrame, sums: pd.DataFrame) -> str:
    """HTML of the pathways of a gene table.

    Parameters
    ----------
    table, sums : of ``genes.gene_table`` and ``genes.pathway_sums``; a gene counts in its first pathway
    """
    shown = sums.head(MOST_PATHWAYS)
    order = list(sums["pathway"])
    limit = nice_limit(float(shown["attribution"].abs().max()) if len(shown) else 0.0)
    rows = [_pathway(row, table, order, limit) for row in shown.to_dict("records")]
    head = f'<div class="i-gene i-head"><span>Pathway</span>{ENDS}<span class="i-right">measured</span></div>'
    return f'<div class="i-genes i-wide i-unfold">{head}{"".join(rows)}</div>'


def _pathway(row: Mapping[Hashable, Any], table: pd.DataFrame, order: list[str], limit: float) -> str:
    genes = table[(table["pathway"] == row["pathway"]) & table["attribution"].notna()]
    lacking = int(((table["pathway"] == row["pathway"]) & (table["state"] == NOT_MEASURED)).sum())
    summary = (
        f'<span class="i-path">{pathway_dot(str(row["pathway"]), order)}{esc(row["pathway"])}</span>'
        f'{diverging(row["attribution"], limit)}<span class="i-right">{row["n"]} of {row["n"] + lacking}</span>'
    )
    top = genes.head(MOST_GENES).to_dict("records")
    inside = "".join(_gene(gene, limit) for gene in top)
    more = len(genes) - len(top)
    rest = f'<p class="i-note">and {more} more, in the table below</p>' if more > 0 else ""
    return f'<details><summary class="i-gene">{summary}</summary><div class="i-inside">{inside}{rest}</div></details>'


def _gene(gene: Mapping[Hashable, Any], limit: float) -> str:
    spread = str(gene.get("spread") or "")
    return (
        f'<div class="i-gene" title="{esc(gene_title(gene))}"><span class="i-symbol">{esc(gene["symbol"])}'
        f"<small>{kind_word(gene)}</small></span>{diverging(gene['attribution'], limit)}"
        f'<span class="i-right i-dim">{esc(spread)}</span></div>'
    )
