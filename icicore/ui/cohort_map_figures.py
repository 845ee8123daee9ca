"""Figures of the scored patients: gene attention and the map of slide embeddings. Texts from files are escaped."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from icicore.types import F32, Json
from icicore.ui.plotly_style import figure_with, styled
from icicore.ui.text import esc, percent
from icicore.ui.theme import PATHWAY_COLOURS, Palette
from icicore.workflows.cohort_map import AttentionTable, EmbeddingMap

MOST_NAMED = 40
"""More case ids than this below the columns cannot be read; they are in the tooltips."""


def attention_plot(table: AttentionTable, colours: Palette, *, relative: bool) -> go.Figure:
    """Genes by patients, patients by probability, which stands in a line of its own above.

    ``relative`` shows each value against the mean of its gene (doublings), else the share of attention in per cent.
    """
    tall = 150 + 19 * len(table.genes)
    above = 24 / (tall - 110)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[above, 1 - above], vertical_spacing=0.01)
    ids = [esc(row.case_id) for row in table.rows]
    x = list(range(len(ids)))
    chances = np.array([[row.probability or 0.0 for row in table.rows]])
    figure.add_heatmap(
        z=chances, x=x, y=["Probability"], zmin=0, zmax=1, colorscale="RdBu_r", showscale=False, customdata=[ids],
        hovertemplate="%{customdata}<br>probability %{z:.0%}<extra></extra>", row=1, col=1, xgap=1,
    )  # fmt: skip
    z, look, unit = _against_mean(table) if relative else _shares(table, colours)
    figure.add_heatmap(
        z=z, x=x, y=[esc(g) for g in table.genes], xgap=1, ygap=1, customdata=np.tile(ids, (len(table.genes), 1)),
        colorbar={"title": {"text": unit, "side": "right"}, "thickness": 12, "len": 0.9, "y": 0.45},
        hovertemplate="%{customdata}<br>%{y}<br>" + unit + " %{z:.2f}<extra></extra>", row=2, col=1, **look,
    )  # fmt: skip
    styled(figure, colours)
    figure.update_yaxes(autorange="reversed", row=2, col=1)
    figure.update_xaxes(showgrid=False, showticklabels=False, ticks="")
    few = len(ids) <= MOST_NAMED
    figure.update_xaxes(
        showticklabels=few, tickvals=x, ticktext=ids, tickangle=-45 if len(ids) > 12 else 0, row=2, col=1
    )
    figure.update_yaxes(showgrid=False)
    figure.update_layout(height=tall)
    return figure


def _shares(table: AttentionTable, colours: Palette) -> tuple[F32, Json, str]:
    finite = table.values[np.isfinite(table.values)]
    top = 100 * float(np.percentile(finite, 99)) if finite.size else 1.0
    scale = [[0.0, colours.sunken], [0.5, colours.accent], [1.0, colours.text]]
    return 100 * table.values, {"zmin": 0, "zmax": top, "colorscale": scale}, "attention, %"


def _against_mean(table: AttentionTable) -> tuple[F32, Json, str]:
    known = np.isfinite(table.values)
    mean = np.where(known, table.values, 0).sum(axis=1) / np.maximum(1, known.sum(axis=1))
    ratio = np.log2(np.maximum(table.values, 1e-9) / np.maximum(mean, 1e-9)[:, None])
    finite = np.abs(ratio[np.isfinite(ratio)])
    top = max(0.1, float(np.percentile(finite, 99))) if finite.size else 1.0
    return ratio, {"zmin": -top, "zmax": top, "colorscale": "RdBu_r"}, "log2 of attention / mean"


def map_plot(found: EmbeddingMap, field: str, colours: Palette) -> go.Figure:
    """Cases as points; a number is shown on a scale, words as groups with a symbol each."""
    first, second = found.explained
    figure = figure_with(colours, f"PC 1 ({percent(first, 0)} of variance)", f"PC 2 ({percent(second, 0)} of variance)")
    values = [v.get(field) for v in found.values]
    numeric = [isinstance(v, (int, float)) for v in values]
    if any(numeric):
        known = [k for k, ok in enumerate(numeric) if ok]
        unknown = [k for k, ok in enumerate(numeric) if not ok]
        bar = {"title": {"text": esc(field), "side": "right"}, "thickness": 12}
        _points(
            figure,
            found,
            known,
            field,
            "",
            {"color": [values[k] for k in known], "colorscale": "Cividis", "colorbar": bar},
        )
        if unknown:
            _points(figure, found, unknown, field, "not known", {"color": colours.muted, "symbol": "x-thin-open"})
    else:
        groups = sorted({str(v) for v in values if v is not None})
        symbols = ("circle", "diamond", "square", "triangle-up", "cross", "star", "hexagon", "x")
        for g, group in enumerate(groups):
            chosen = [k for k, v in enumerate(values) if str(v) == group]
            look = {"color": PATHWAY_COLOURS[g % len(PATHWAY_COLOURS)], "symbol": symbols[g % len(symbols)]}
            _points(figure, found, chosen, field, f"{esc(group)} (n {len(chosen)})", look)
    figure.update_layout(dragmode="lasso", height=520)
    return figure


def _points(figure: go.Figure, found: EmbeddingMap, chosen: Sequence[int], field: str, name: str, look: Json) -> None:
    if not chosen:
        return
    told = [f"{esc(found.rows[k].case_id)}<br>{esc(field)}: {esc(_shown(found.values[k].get(field)))}" for k in chosen]
    figure.add_scatter(
        x=found.xy[list(chosen), 0], y=found.xy[list(chosen), 1], mode="markers", name=name,
        showlegend=bool(name), customdata=[found.rows[k].case_key for k in chosen],
        hovertext=told, hoverinfo="text",
        marker={"size": 11, "line": {"width": 1, "color": "rgba(128,128,128,.6)"}, **look},
    )  # fmt: skip


def _shown(value: object) -> str:
    return "not known" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
