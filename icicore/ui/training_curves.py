"""Curves of a training as plotly figures that grow in place."""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from icicore.training.journal import RunLog
from icicore.ui.theme import PATHWAY_COLOURS, Palette
from icicore.ui.training_progress import lines_of

_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
_HEIGHT = 250
_TITLES: Mapping[str, str] = {
    "loss": "Selection loss (balanced classes)",
    "train_loss": "Training loss (all heads)",
    "auc": "AUC-ROC on selection patients",
    "rate": "Learning rate",
}


def curves(log: RunLog, kind: str, name: str, *, colours: Palette) -> Any:  # noqa: ANN401 - plotly has no types
    """One value of all members of a model over the epochs; colour and dash tell the members apart."""
    figure = go.Figure()
    for member, epochs, values in lines_of(log, kind, name):
        colour = PATHWAY_COLOURS[member % len(PATHWAY_COLOURS)]
        figure.add_trace(
            go.Scatter(
                x=list(epochs),
                y=list(values),
                mode="lines+markers",
                name=f"member {member + 1}",
                line={"color": colour, "width": 2, "dash": _DASHES[member % len(_DASHES)]},
                marker={"size": 5},
                hovertemplate="epoch %{x}: %{y:.4g}<extra>%{fullData.name}</extra>",
            )
        )
        best = log.members[f"{kind}-{member}"].best_epoch
        if best is not None and name in ("loss", "auc") and best + 1 in epochs:
            _mark_best(figure, best + 1, values[list(epochs).index(best + 1)], colour, colours)
    figure.update_layout(**_layout(log, name, colours, drawn=bool(figure.data)))
    return figure


def _mark_best(figure: Any, epoch: int, value: float, colour: str, colours: Palette) -> None:  # noqa: ANN401
    figure.add_trace(
        go.Scatter(
            x=[epoch],
            y=[value],
            mode="markers",
            showlegend=False,
            marker={"size": 11, "color": colours.card, "line": {"color": colour, "width": 2.5}},
            hovertemplate="epoch %{x}, kept: %{y:.4g}<extra></extra>",
        )
    )


def _layout(log: RunLog, name: str, colours: Palette, *, drawn: bool) -> dict[str, Any]:
    grid = {"gridcolor": colours.border, "zeroline": False, "linecolor": colours.border, "tickcolor": colours.border}
    epochs = int(log.plan.get("epochs", 10))
    return {
        "title": {
            "text": _TITLES[name],
            "font": {"size": 13, "color": colours.text},
            "x": 0,
            "xref": "paper",
            "y": 0.97,
        },
        "height": _HEIGHT,
        "margin": {"l": 52, "r": 8, "t": 34, "b": 40},
        "font": {"color": colours.muted, "size": 12, "family": "Inter, sans-serif"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "xaxis": {
            **grid,
            "title": {"text": "epoch", "standoff": 6},
            "range": [0.5, epochs + 0.5],
            "tick0": 1,
            "dtick": max(1, -(-epochs // 8)),
        },
        "yaxis": {**grid, "exponentformat": "e", "nticks": 6, "showticklabels": drawn},
        "showlegend": False,
        "annotations": [] if drawn else [_nothing_yet(colours)],
        "uirevision": "kept",  # zoom and hidden lines stay while the curves grow
        "hovermode": "closest",
    }


def _nothing_yet(colours: Palette) -> dict[str, Any]:
    place = {"x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper", "showarrow": False}
    return {"text": "no epoch has ended yet", "font": {"color": colours.muted, "size": 13}, **place}


def legend(log: RunLog, kind: str) -> str:
    """The members of a model with their colours, for all its curves; HTML."""
    items = []
    for member, *_ in lines_of(log, kind, "loss"):
        colour, dash = PATHWAY_COLOURS[member % len(PATHWAY_COLOURS)], _DASHES[member % len(_DASHES)]
        style = {"dot": "dotted", "dashdot": "dashed", "dash": "dashed", "longdash": "dashed"}.get(dash, "solid")
        items.append(f'<span><i style="border-top:3px {style} {colour}"></i>member {member + 1}</span>')
    return f'<div class="i-members">{"".join(items)}<span>◯ epoch that is kept</span></div>'
