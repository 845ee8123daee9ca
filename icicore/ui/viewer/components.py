"""Streamlit side of the viewer and the tile sheet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias

import streamlit as st

from icicore.slides.annotations import CLASSES, VERDICT_CLASSES
from icicore.types import Json
from icicore.ui.viewer.urls import ViewerUrls, slide_id

# The only script that travels with Streamlit's messages. It runs as a blob, which cannot resolve relative addresses.
_LOADER = """
export default async function (component) {
  const module = await import(new URL(component.data.assets + '/%s', window.location.href).href);
  return module.mount(component);
}
"""


SignedColours: TypeAlias = Literal["RdBu", "OrangeBlue"]


@dataclass(frozen=True)
class ViewerEvents:
    """What happened in the viewer.

    Attributes
    ----------
    tile : the tile clicked in this run, ``{"slide", "index", "row", "col"}``, else None; None again in the next run
    layers_state : ``{"slide", "layers": {id: {"visible", "opacity", "threshold", "colormap", "scale"}}}`` as last
        reported by the browser, None before the first report
    """

    tile: Json | None
    layers_state: Json | None


@dataclass(frozen=True)
class SheetEvents:
    """What happened in the tile sheet; ``tile`` as in `ViewerEvents`."""

    tile: Json | None


@cache
def browser_component(name: str, script: str) -> Any:
    """A component whose script lies among the browser files."""
    return st.components.v2.component(name, js=_LOADER % script, isolate_styles=True)


def slide_viewer(
    slides: Sequence[Json],
    *,
    key: str,
    urls: ViewerUrls,
    selected: Json | None = None,
    goto: Json | None = None,
    height: int = 640,
    grows: float = 0,
    signed_colormap: SignedColours = "RdBu",
    faithfulness: Mapping[str, Json] | None = None,
    caption: str = "",
    sync: Json | None = None,
) -> ViewerEvents:
    """Show slides in deep zoom with their explanation layers.

    Keep the elements above the viewer stable from run to run (reserve a container for what comes and goes), or the
    browser builds it anew. Put it in one fragment with what depends on its events.

    Parameters
    ----------
    slides : contents of the layers.json files, one per slide; the viewer has a switch when there are several
    key : identity of the viewer on the page
    urls : from `viewer_urls`, covering all slides
    selected : tile to frame, ``{"slide", "index"}`` or ``{"slide", "row", "col"}``; None frames what the user clicked
    goto : fly to a tile, same form; obeyed once per new value (add a counter ``"seq"`` to fly to the same tile again)
    height : height in CSS px where the window is 900 px high or less
    grows : share of the rest of a higher window that it takes, 0 to 1; without a rerun, as the window changes
    signed_colormap : first colours of signed layers: ``RdBu`` (red towards response) or ``OrangeBlue`` (blue towards)
    faithfulness : by layer id, ``{"value", "interval95", "n"}`` from the evaluation of the bundle
    caption : a line on what is shown, burnt into saved pictures
    sync : ``{"group", "mode"}`` moves this viewer with the others of its group: the same slide exactly, other slides
        with ``mode`` ``magnification``, or ``position`` from where they are now; ``off`` lets each move alone
    """
    data = {
        "assets": urls.assets,
        "viewer_id": key,
        "height": height,
        "grows": grows,
        "slides": [_describe(s, urls, signed_colormap) for s in slides],
        "selected": _tile(selected),
        "goto": _tile(goto),
        "faithfulness": dict(faithfulness or {}),
        "caption": caption,
        "sync": sync,
        "bundle": urls.bundle,
        "user": urls.user,
        "annotation_classes": {name: list(colour) for name, colour in CLASSES.items()},
        "verdict_classes": {v: [label, list(colour)] for v, (label, colour) in VERDICT_CLASSES.items()},
    }
    result = browser_component("icicore_slide_viewer", "viewer.js")(
        key=key, data=data, on_tile_change=report_events, on_layers_state_change=report_events
    )
    return ViewerEvents(result.tile, result.layers_state)


def tile_sheet(
    slide: Json,
    *,
    key: str,
    urls: ViewerUrls,
    selected: Json | None = None,
    height: int = 520,
    grows: float = 0,
    mode: Literal["sheet", "gallery"] = "sheet",
    signed_colormap: SignedColours = "RdBu",
) -> SheetEvents:
    """Show every tissue tile of a slide as a thumbnail, or the top and bottom tiles as two strips.

    A click flies every viewer on the page that shows this slide to the tile, at once and without a rerun; it is also
    reported here.

    Parameters
    ----------
    slide : content of one layers.json
    key : identity of the sheet on the page
    urls : from `viewer_urls`
    selected : tile to mark, as in `slide_viewer`
    height, grows : as in `slide_viewer` (``sheet``; the gallery takes the height it needs)
    mode : ``sheet`` (all tiles) or ``gallery`` (highest and lowest)
    signed_colormap : as in `slide_viewer`
    """
    data = {
        "assets": urls.assets,
        "sheet_id": key,
        "height": height,
        "grows": grows,
        "mode": mode,
        "slide": _describe(slide, urls, signed_colormap),
        "selected": _tile(selected),
    }
    result = browser_component("icicore_tile_sheet", "sheet.js")(key=key, data=data, on_tile_change=report_events)
    return SheetEvents(result.tile)


def _describe(layers: Json, urls: ViewerUrls, signed_colormap: str) -> Json:
    return {**layers, "id": slide_id(layers), "urls": urls.slide(layers), "signed_colormap": signed_colormap}


def _tile(tile: Json | None) -> Json | None:
    return None if tile is None else {**tile, "slide": str(tile["slide"])[:16]}


def report_events() -> None:
    """Streamlit reports an event only when a callback is given."""
