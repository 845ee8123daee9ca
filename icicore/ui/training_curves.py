"""Curves of a training as Vega-Lite: the specification stays the same while values are added, so they grow in place."""

from collections.abc import Mapping, Sequence

import pandas as pd

from icicore.training.journal import RunLog
from icicore.types import Json
from icicore.ui.theme import PATHWAY_COLOURS, Palette
from icicore.ui.training_progress import lines_of

_DASHES: tuple[tuple[int, ...], ...] = ((1, 0), (7, 4), (2, 3), (7, 3, 2, 3), (12, 4))
_CSS = ("solid", "dashed", "dotted", "dashed", "dashed")
_HEIGHT = 230
_TITLES: Mapping[str, str] = {
    "train_loss": "Training loss (all heads)",
    "loss": "Selection loss (balanced classes)",
    "auc": "AUC-ROC on selection patients",
    "rate": "Learning rate",
}
_KEPT = ("loss", "auc")


def table(log: RunLog, kind: str, name: str) -> pd.DataFrame:
    """Columns epoch (from 1), value, member (from 1, as text) and kept (the epoch whose weights are kept)."""
    rows = []
    for member, epochs, values in lines_of(log, kind, name):
        best = log.members[f"{kind}-{member}"].best_epoch
        for epoch, value in zip(epochs, values, strict=True):
            kept = name in _KEPT and best is not None and epoch == best + 1
            rows.append((epoch, value, str(member + 1), kept))
    columns = {"epoch": "int64", "value": "float64", "member": "str", "kept": "bool"}
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def specification(name: str, *, members: int, epochs: int, colours: Palette) -> Json:
    """One value over the epochs, a line per member; colour and dash tell the members apart."""
    names = [str(k + 1) for k in range(members)]
    look = {
        "color": {"field": "member", "type": "nominal", "legend": None,
                  "scale": {"domain": names, "range": _cycled(PATHWAY_COLOURS, members)}},
        "tooltip": [
            {"field": "member", "type": "nominal", "title": "member"},
            {"field": "epoch", "type": "quantitative"},
            {"field": "value", "type": "quantitative", "format": ".4~g", "title": _TITLES[name]},
        ],
        "x": {"field": "epoch", "type": "quantitative", "title": "epoch",
              "scale": {"domain": [1, max(2, epochs)], "nice": False}, "axis": {"format": "d", "tickMinStep": 1}},
        "y": {"field": "value", "type": "quantitative", "title": None, "scale": {"zero": False},
              "axis": {"format": ".1e" if name == "rate" else ".3~g", "tickCount": 5}},
    }  # fmt: skip
    dash = {"field": "member", "type": "nominal", "legend": None,
            "scale": {"domain": names, "range": _cycled(_DASHES, members)}}  # fmt: skip
    ring = {"type": "point", "size": 130, "filled": False, "strokeWidth": 2.5}
    return {
        "title": {"text": _TITLES[name], "anchor": "start", "fontSize": 13, "fontWeight": 500, "color": colours.text},
        "height": _HEIGHT,
        "encoding": look,
        "layer": [
            {"mark": {"type": "line", "strokeWidth": 2}, "encoding": {"strokeDash": dash}},
            {"mark": {"type": "point", "size": 26, "filled": True}},
            {"mark": ring, "transform": [{"filter": "datum.kept"}]},
        ],
        "config": _config(colours),
    }


def _config(colours: Palette) -> Json:
    axis = {
        "labelColor": colours.muted,
        "titleColor": colours.muted,
        "gridColor": colours.border,
        "domainColor": colours.border,
        "tickColor": colours.border,
        "titleFontWeight": 400,
    }
    return {"axis": axis, "background": "transparent", "view": {"stroke": None}, "font": "Inter, sans-serif"}


def _cycled(values: Sequence[object], n: int) -> list[object]:
    return [list(v) if isinstance(v, tuple) else v for v in (values[k % len(values)] for k in range(n))]


def legend(members: int) -> str:
    """The members with their colours and dashes, for all curves; HTML."""
    items = [
        f'<span><i style="border-top:3px {_CSS[k % len(_CSS)]} {PATHWAY_COLOURS[k % len(PATHWAY_COLOURS)]}"></i>'
        f"member {k + 1}</span>"
        for k in range(members)
    ]
    return f'<div class="i-members">{"".join(items)}<span>◯ epoch that is kept</span></div>'
