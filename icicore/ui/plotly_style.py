"""What the interactive figures share: type, axes, colours of the theme, whiskers."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from icicore.types import Json
from icicore.ui.theme import Palette

CONFIG: Mapping[str, Any] = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["autoScale2d", "toggleSpikelines"],
    "toImageButtonOptions": {"format": "svg", "scale": 1},
}


def figure_with(colours: Palette, x: str, y: str) -> go.Figure:
    """An empty figure with axis titles."""
    figure = go.Figure()
    styled(figure, colours)
    figure.update_xaxes(title_text=x)
    figure.update_yaxes(title_text=y)
    return figure


def styled(figure: go.Figure, colours: Palette) -> None:
    """Give a figure the colours and type of the page."""
    figure.update_layout(
        font={"family": "Inter, sans-serif", "size": 13, "color": colours.text},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 60, "r": 16, "t": 16, "b": 50},
        legend={"orientation": "h", "yanchor": "top", "y": -0.16, "x": 0, "font": {"size": 12, "color": colours.text}},
        height=460,
        hoverlabel={"align": "left"},
    )
    axis = {"gridcolor": colours.border, "zeroline": False, "linecolor": colours.muted, "automargin": True}
    text = {"color": colours.muted}
    for change in (figure.update_xaxes, figure.update_yaxes):
        change(**axis, tickfont=text, title_font={"size": 13})


def error_bars(values: Sequence[float], bounds: Sequence[Sequence[float]], colour: str) -> Json:
    """Whiskers from the lower to the upper bound, as plotly wants them."""
    pairs = list(zip(values, bounds, strict=True))
    above, below = [max(0.0, b[1] - v) for v, b in pairs], [max(0.0, v - b[0]) for v, b in pairs]
    look = {"color": colour, "width": 0, "thickness": 1.5}
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below, **look}
