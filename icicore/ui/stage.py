"""Left side of the case page: the slide viewer, and under it the top and bottom tiles or the whole tile sheet."""

from dataclasses import dataclass

import streamlit as st

from icicore.access import Role
from icicore.store.cases import CaseRow
from icicore.types import Json
from icicore.ui import session
from icicore.ui.backend import Backend
from icicore.ui.results import load_tiles
from icicore.ui.text import plain
from icicore.ui.viewer import ViewerUrls, slide_viewer, tile_sheet, viewer_urls
from icicore.ui.widgets import empty, rerun_part
from icicore.workflows.cases import CaseResult

VIEWER = "case_viewer"
GALLERY, SHEET = "Top and bottom tiles", "All tiles"
VIEWER_TALL, VIEWER_SHORT, SHEET_HEIGHT = 460, 330, 420


@dataclass(frozen=True)
class Shown:
    """The slide and tile under inspection."""

    layers: Json
    urls: ViewerUrls
    index: int | None


def stage(backend: Backend, row: CaseRow, result: CaseResult) -> Shown | None:
    """Show the slides of a result; returns what is under inspection, None without slides."""
    if not result.slides:
        empty(
            "No slide in this result",
            "It rests on the other modalities: histology was not given, or the model does not use it.",
        )
        return None
    urls = viewer_urls(
        row.case_key,
        result.bundle_digest[:16],
        slide_ids=[str(s["digest"]) for s in result.slides],
        secret=backend.secret,
        user=backend.person.name,
        may_write=backend.person.may(Role.REVIEWER),
    )
    layers = _slide_choice(result)
    slide = str(layers["digest"])[:16]
    session.leave_tile_if_other(row.case_key, slide)
    selected = session.get(session.SELECTED_TILE)
    tile = None if selected is None else {"slide": slide, "index": selected["index"]}
    fly = session.get(session.FLY_TO)
    goto = None if fly is None else {"slide": slide, **fly}
    compact = session.get(session.STAGE) == SHEET
    height, grows = (VIEWER_SHORT, 0.5) if compact else (VIEWER_TALL, 1.0)
    events = slide_viewer(
        _first(result, slide),
        key=VIEWER,
        urls=urls,
        selected=tile,
        goto=goto,
        height=height,
        grows=grows,
        faithfulness=backend.faithfulness(result),
        caption=_caption(row, result),
    )
    if events.tile:
        _take(row, result, events.tile)
    with st.container(key="part_tiles"):
        _tiles_below(row, layers, urls)
    selected = session.get(session.SELECTED_TILE)
    return Shown(layers, urls, None if selected is None else int(selected["index"]))


def _caption(row: CaseRow, result: CaseResult) -> str:
    """What a saved picture says it shows."""
    bundle = result.prediction.get("bundle") or {}
    return f"{row.case_id} · model {bundle.get('name', '?')} {result.bundle_digest[:12]}"


def _slide_choice(result: CaseResult) -> Json:
    """The slide under review; a selector only when there are several."""
    if len(result.slides) == 1:
        return result.slides[0]
    ids = [str(s["digest"])[:16] for s in result.slides]
    names = {i: plain(s.get("path_name", i)) for i, s in zip(ids, result.slides, strict=True)}
    chosen = st.segmented_control(
        "Slide",
        ids,
        format_func=lambda i: names[i],
        default=ids[0],
        required=True,
        key=f"{session.SLIDE}_{result.folder.parent.name}",
        label_visibility="collapsed",
    )
    return result.slides[ids.index(chosen)] if chosen in ids else result.slides[0]


def _first(result: CaseResult, slide: str) -> list[Json]:
    """The slide under review, alone: the selector above the viewer says which of several it is."""
    return [s for s in result.slides if str(s["digest"]).startswith(slide)]


def _take(row: CaseRow, result: CaseResult, tile: Json) -> None:
    """Remember a tile that was clicked in the viewer. A place without tissue has no tile."""
    layers = next((s for s in result.slides if str(s["digest"]).startswith(str(tile["slide"]))), None)
    if layers is None:
        return
    index = tile.get("index")
    if index is None:
        tiles = load_tiles(result, layers)
        if tiles is None:
            return
        found = tiles.index[(tiles["row"] == tile["row"]) & (tiles["col"] == tile["col"])]
        index = int(found[0]) if len(found) else None
    if index is not None and index >= 0:
        session.select_tile(row.case_key, str(layers["digest"])[:16], int(index), fly=False)


def _tiles_below(row: CaseRow, layers: Json, urls: ViewerUrls) -> None:
    slide = str(layers["digest"])[:16]
    choice = st.segmented_control(
        "Tiles", [GALLERY, SHEET], default=GALLERY, required=True, key=session.STAGE, label_visibility="collapsed"
    )
    selected = session.get(session.SELECTED_TILE)
    tile = None if selected is None else {"slide": slide, "index": selected["index"]}
    if choice == SHEET:
        events = tile_sheet(layers, key="case_sheet", urls=urls, selected=tile, height=SHEET_HEIGHT, grows=0.5)
    else:
        events = tile_sheet(layers, key="case_gallery", urls=urls, selected=tile, mode="gallery")
    if events.tile and events.tile.get("index") is not None:
        session.select_tile(row.case_key, slide, int(events.tile["index"]), fly=True)
        rerun_part()
