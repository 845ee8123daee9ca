"""Figures of the test of a bundle. Pure: numbers in, a plotly figure out; texts from files are escaped."""

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from icicore.types import Json
from icicore.ui.plotly_style import error_bars, figure_with, styled
from icicore.ui.text import esc, percent
from icicore.ui.theme import PATHWAY_COLOURS, Palette

MOST_CURVES, BANDS = 5, 3
_GROUPS = {"nsclc": "NSCLC"}
_TENTHS = [0, 0.2, 0.4, 0.6, 0.8, 1]


def model_colours(report: Json, colours: Palette) -> dict[str, str]:
    """Colour of each model, the same in all figures; the main model has the accent, what is left over is grey."""
    names = [report["main"], *(m["name"] for m in report["models"] if m["name"] != report["main"])]
    wheel = [colours.accent, *PATHWAY_COLOURS[1:7]]
    return {name: wheel[k] if k < len(wheel) else colours.muted for k, name in enumerate(names)}


def shown_curves(report: Json) -> list[str]:
    """Models whose ROC is drawn: the main one, then the other models of the same test."""
    models = [m["name"] for m in report["models"] if m["kind"] == "model" and m["name"] in report["curves"]]
    models.sort(key=lambda name: name != report["main"])
    return models[:MOST_CURVES]


def roc_plot(report: Json, colours: Palette) -> go.Figure:
    """ROC curves with pointwise 95 % bands."""
    figure, palette = figure_with(colours, "1 − specificity", "Sensitivity"), model_colours(report, colours)
    rows = {m["name"]: m for m in report["models"]}
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": colours.muted, "width": 1.2}, name="chance",
        hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    names = shown_curves(report)
    for k, name in enumerate(names):
        curve, auc = report["curves"][name]["roc"], rows[name]["auc_roc"]
        if k < BANDS:
            _band(figure, curve["grid"], curve["low"], curve["high"], palette[name])
        low, high = auc["interval95"]
        figure.add_scatter(
            x=curve["x"], y=curve["y"], mode="lines", line={"color": palette[name], "width": 2.6 if k == 0 else 1.6},
            name=f"{esc(name)}: AUC {auc['value']:.2f} ({low:.2f}–{high:.2f}), n {rows[name]['n']}",
            hovertemplate=f"{esc(name)}<br>sensitivity %{{y:.2f}}<br>specificity %{{customdata:.2f}}<extra></extra>",
            customdata=[1 - x for x in curve["x"]],
        )  # fmt: skip
    return _square(figure)


def _band(figure: go.Figure, x: Sequence[float], low: Sequence[float], high: Sequence[float], colour: str) -> None:
    figure.add_scatter(
        x=[*x, *reversed(x)], y=[*high, *reversed(low)], fill="toself", fillcolor=colour, opacity=0.13,
        line={"width": 0}, mode="lines", hoverinfo="skip", showlegend=False,
    )  # fmt: skip


def calibration_plot(found: Json, colours: Palette, *, name: str) -> go.Figure:
    """Observed response rate by predicted probability with 95 % intervals; below, patients per bin."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.78, 0.22], vertical_spacing=0.03)
    bins, accent = found["bins"], colours.accent
    x, y, n = ([b[k] for b in bins] for k in ("predicted", "observed", "n"))
    bounds = [b["interval95"] for b in bins]
    hover = [
        f"predicted {percent(b['predicted'], 1)}<br>observed {percent(b['observed'], 1)} "
        f"({percent(lo, 0)} to {percent(hi, 0)})<br>n {b['n']}"
        for b, (lo, hi) in zip(bins, bounds, strict=True)
    ]
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": colours.muted, "width": 1.2},
        hoverinfo="skip", showlegend=False, row=1, col=1,
    )  # fmt: skip
    figure.add_scatter(
        x=x, y=y, mode="markers", marker={"size": 9, "color": accent}, name=esc(name), hovertext=hover,
        hoverinfo="text", showlegend=False, row=1, col=1,
        error_y=error_bars(y, bounds, accent),
    )  # fmt: skip
    figure.add_bar(
        x=[(b["low"] + b["high"]) / 2 for b in bins], y=n, width=[0.92 * (b["high"] - b["low"]) for b in bins],
        marker={"color": colours.muted, "opacity": 0.55}, text=[str(v) for v in n], textposition="outside",
        cliponaxis=False, hovertemplate="n %{y}<extra></extra>", showlegend=False, row=2, col=1,
    )  # fmt: skip
    styled(figure, colours)
    figure.update_xaxes(range=[0, 1], tickvals=_TENTHS, tickformat=".0%")
    figure.update_xaxes(title_text="Predicted probability (mean of the bin)", row=2, col=1)
    figure.update_yaxes(title_text="Observed response rate", range=[0, 1.02], tickformat=".0%", row=1, col=1)
    figure.update_yaxes(title_text="n", range=[0, 1.35 * max(n, default=1)], nticks=3, row=2, col=1)
    return figure


def decision_plot(report: Json, colours: Palette) -> go.Figure:
    """Net benefit of each model against treating everybody and nobody."""
    found, palette = report["decision_curve"], model_colours(report, colours)
    figure = figure_with(colours, "Threshold probability", "Net benefit per patient")
    top = max([0.05, *found["treat_all"], *(v for line in found["models"].values() for v in line)])
    for name, values, dash in (
        ("treat all", found["treat_all"], "dot"),
        ("treat none", [0] * len(found["treat_all"]), "dash"),
    ):
        figure.add_scatter(
            x=found["thresholds"], y=values, mode="lines", name=name,
            line={"dash": dash, "color": colours.muted, "width": 1.3},
            hovertemplate=f"{name} %{{y:.3f}}<extra></extra>",
        )  # fmt: skip
    for name in sorted(found["models"], key=lambda n: n != report["main"]):
        main = name == report["main"]
        figure.add_scatter(
            x=found["thresholds"], y=found["models"][name], mode="lines", name=esc(name),
            line={"color": palette.get(name, colours.muted), "width": 2.6 if main else 1.4},
            hovertemplate=f"{esc(name)}<br>threshold %{{x:.0%}}<br>net benefit %{{y:.3f}}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(tickformat=".0%", range=[0.05, 0.8])
    figure.update_yaxes(range=[-0.06, 1.08 * top])
    return figure


def forest_plot(report: Json, colours: Palette) -> go.Figure:
    """AUC of the main model by subgroup with 95 % interval, n and responders."""
    rows = [r for r in report["subgroups"] if r["auc_roc"]["value"] is not None][::-1]
    main = next(m for m in report["models"] if m["name"] == report["main"])
    labels = [
        f"{esc(r['grouping'])}: {esc({'nsclc': 'NSCLC'}.get(r['group'], r['group']))}  ({r['responders']}/{r['n']})"
        for r in rows
    ]
    values, bounds = [r["auc_roc"]["value"] for r in rows], [r["auc_roc"]["interval95"] for r in rows]
    figure = figure_with(colours, "AUC-ROC, 95 % interval", "")
    figure.add_vline(x=main["auc_roc"]["value"], line={"dash": "dot", "color": colours.muted, "width": 1.2})
    figure.add_scatter(
        x=values, y=labels, mode="markers", showlegend=False,
        marker={"size": 9, "color": [PATHWAY_COLOURS[1] if r["worst"] else colours.accent for r in rows],
                "symbol": ["diamond" if r["worst"] else "circle" for r in rows]},
        error_x=error_bars(values, bounds, colours.muted),
        hovertext=[f"AUC {v:.2f} ({b[0]:.2f}–{b[1]:.2f}), n {r['n']}, {r['responders']} responders"
                   for v, b, r in zip(values, bounds, rows, strict=True)],
        hoverinfo="text",
    )  # fmt: skip
    figure.update_xaxes(range=[min([0.5, *(b[0] for b in bounds)]) - 0.02, 1.0])
    figure.update_layout(height=90 + 26 * len(rows), margin={"l": 10})
    return figure


def biomarker_plot(rows: Sequence[Json], colours: Palette) -> go.Figure:
    """Loss of AUC when a feature is shuffled among patients, with the range over the shuffles; planted ones marked."""
    shown = list(rows)[::-1]
    kind = {"histology": colours.histology, "genomics": colours.genomics, "clinical": colours.clinical}
    values, bounds = [r["importance"] for r in shown], [r["shuffle95"] or [r["importance"]] * 2 for r in shown]
    names = [f"{r['rank']}. {esc(r['name'])}{'  ◆' if r['planted'] else ''}" for r in shown]
    figure = figure_with(colours, "Importance: loss of AUC-ROC when shuffled (bar: 95 % of the shuffles)", "")
    figure.add_bar(
        x=values, y=names, orientation="h", marker={"color": [kind.get(r["modality"], colours.muted) for r in shown]},
        error_x=error_bars(values, bounds, colours.muted),
        hovertext=[f"{esc(r['name'])} ({r['modality']})<br>importance {r['importance']:.4f}"
                   + ("" if r["attribution"] is None else f"<br>mean attribution {r['attribution']:.2f} logit")
                   + {True: "<br>planted cause", False: "<br>not planted", None: ""}[r["planted"]] for r in shown],
        hoverinfo="text", showlegend=False,
    )  # fmt: skip
    figure.update_layout(height=90 + 22 * len(shown), bargap=0.35)
    return figure


def _square(figure: go.Figure) -> go.Figure:
    figure.update_xaxes(range=[0, 1], tickvals=_TENTHS)
    figure.update_yaxes(range=[0, 1.01], tickvals=_TENTHS)
    return figure
