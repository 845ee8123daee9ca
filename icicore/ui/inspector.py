"""The tile under inspection: plain, with its Grad-CAM, and its numbers."""

from dataclasses import dataclass

import streamlit as st

from icicore.errors import InputError
from icicore.store.cases import CaseRow
from icicore.types import F32, Json
from icicore.ui import cam, charts, neighbours
from icicore.ui.backend import Backend
from icicore.ui.neighbours import Place
from icicore.ui.results import Tile, cam_block, load_tiles, tile_at
from icicore.ui.stage import Shown
from icicore.ui.text import count, esc, number, sentence, signed
from icicore.ui.tile_maps import TileMap, tile_map
from icicore.ui.widgets import empty
from icicore.workflows.cases import CaseResult
from icicore.workflows.tile_neighbours import Likeness

_PX = 384
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class _View:
    """A tile of a result; ``block`` holds the cells of its closed-form Grad-CAM and the top of the slide's scale."""

    backend: Backend
    row: CaseRow
    result: CaseResult
    shown: Shown
    tile: Tile
    block: tuple[F32, float] | None

    @property
    def slide(self) -> str:
        """Id of the slide."""
        return str(self.shown.layers["digest"])[:16]

    @property
    def place(self) -> Place:
        """Where the tile is cut from the slide."""
        side = float(self.shown.layers["tile_l0"])
        return Place(self.shown.urls, self.slide, self.tile.x_l0, self.tile.y_l0, size_l0=side)

    def map(self) -> TileMap:
        """What to show now. A slide without the closed form has an encoder without feature maps, and no map at all."""
        if self.block is None:
            return TileMap(None)
        return tile_map(self.backend, self.row.case_key, self.result, slide=self.slide, tile=self.tile.index)


def tile_panel(backend: Backend, row: CaseRow, result: CaseResult, shown: Shown | None) -> None:
    """Show the selected tile, or say how to select one."""
    if shown is None:
        empty("No slide in this result", "There are no tiles to inspect.")
        return
    tiles = load_tiles(result, shown.layers)
    tile = None if tiles is None or shown.index is None else tile_at(tiles, shown.index)
    if tile is None:
        empty("No tile selected", "Click a tile on the slide or in the strips below it.")
        return
    view = _View(backend, row, result, shown, tile, cam_block(result, shown.layers, tile.row, tile.col))
    found = view.map()
    if found.waiting:
        _watch(view)
    else:
        with st.container():  # what a fragment puts around its content: the picture is exchanged in place
            _card(view, found)


@st.fragment(run_every=POLL_SECONDS)
def _watch(view: _View) -> None:
    """The card while its map is being computed; looks for it, and ends with the page that has no clock."""
    found = view.map()
    _card(view, found)
    if not found.waiting:
        st.rerun()


def _card(view: _View, found: TileMap) -> None:
    alike = _likeness(view)
    legend = "" if view.block is None else f'<p class="i-note i-legend">{_legend(view.block, found)}</p>'
    pictures = _pictures(view, found, neighbours.normalised(view.place, alike), legend)
    st.html(f'<div class="i-card">{pictures}{_numbers(view.shown.layers, view.tile, neighbours.classes(alike))}</div>')
    neighbours.strip(view.row, view.result, view.shown.urls, alike)


def _likeness(view: _View) -> Likeness | str:
    """What the tile looks like to the encoder, or why that is not known."""
    try:
        return view.backend.likeness(view.result, view.slide, view.tile.index)
    except InputError as error:
        return str(error)


def _pictures(view: _View, found: TileMap, normalised: str, legend: str) -> str:
    """Two by two: as scanned and as the encoder saw it, then the Grad-CAM and what it shows."""
    layers, tile = view.shown.layers, view.tile
    size_l0 = float(layers["tile_l0"])
    url = view.shown.urls.region(view.slide, tile.x_l0, tile.y_l0, size_l0=size_l0, px=_PX)
    side_um = size_l0 * float(layers["mpp"])
    plain = f'<figure><div class="i-tile"><img src="{esc(url)}" alt="tile"></div>'
    plain += f"<figcaption>Tile as scanned, {side_um:.0f} µm wide</figcaption></figure>"
    if view.block is None:
        heat = '<figure><p class="i-note">No Grad-CAM for this slide.</p></figure>'
    else:
        cells, top = view.block
        heat = _heat(url, cells if found.stored is None else found.stored.image, top)
    return f'<div class="i-tiles">{plain}{normalised}{heat}{legend}</div>'


def _heat(url: str, values: F32, top: float) -> str:
    """The tile under its Grad-CAM, and the scale: one for the whole slide, so that tiles can be compared."""
    picture = cam.data_uri(cam.overlay(values, top))
    return (
        f'<figure><div class="i-tile"><img src="{esc(url)}" alt=""><img src="{picture}" alt="Grad-CAM"></div>'
        f'<div class="i-ramp" style="background:{cam.CSS_RAMP}"></div><div class="i-two-ends i-tight"><span>0</span>'
        '<span title="The brightest colour is the 99.5th percentile of this slide">Grad-CAM, raw</span>'
        f"<span>{number(top, 2)}</span></div></figure>"
    )


def _legend(block: tuple[F32, float], found: TileMap) -> str:
    """Method, members and scale of the map that is shown, and what became of the better one."""
    if found.stored is None:
        cells, members = len(block[0]), "mean of all members"
        method, note = f"closed form ({cells} × {cells} values)", f" {esc(sentence(found.note))}"
        top = float(block[0].max(initial=0.0, where=block[0] > 0))
    else:
        meaning = found.stored.meaning
        members = f"mean of {count(int(meaning['members']), 'member')}"
        method, note = f"{esc(meaning['method'])} ({len(found.stored.image)} × {len(found.stored.image)} px)", ""
        top = float(meaning["range"][1])
    return (
        f"<b>Grad-CAM by {method}</b>, {members} of the model. Raw values in logit per cell, only what raises the "
        f"score; largest in this tile {number(top, 2)}, brightest colour at the slide's 99.5th percentile.{note}"
    )


def _numbers(layers: Json, tile: Tile, tissue: str) -> str:
    mpp = float(layers["mpp"])
    left, up = (tile.x_l0 - float(layers["bounds_l0"][0])) * mpp, (tile.y_l0 - float(layers["bounds_l0"][1])) * mpp
    share = tile.attention / tile.mean_attention if tile.mean_attention > 0 else 0.0
    return charts.facts(
        [
            ("Attention", f"{number(tile.attention)} ({number(share, 2)} × the mean of the slide)"),
            ("Attention rank", f"{tile.attention_rank} of {count(tile.n, 'tile')} on this slide"),
            ("Contribution", f"{signed(tile.contribution, 4)} logit"),
            ("Contribution rank", f"{tile.contribution_rank} of {tile.n} (1 speaks most for response)"),
            *_more(layers, tile, tissue),
            (
                "Place",
                f"row {tile.row}, column {tile.col}; {left:.0f} µm right, {up:.0f} µm down from the scan's corner",
            ),
        ]
    )


def _more(layers: Json, tile: Tile, tissue: str) -> list[tuple[str, str]]:
    """What newer results also hold: the effect of leaving the tile out, and what it shows."""
    facts = []
    if tile.leave_one_out is not None:
        facts.append(("Leave one out", f"{signed(tile.leave_one_out, 4)} logit lost without this tile"))
    names = next((x.get("classes") for x in layers["layers"] if x["id"] == "classes"), None)
    if names and tile.tile_class is not None and 0 <= tile.tile_class < len(names):
        facts.append(("Tissue class", str(names[tile.tile_class])))
    if tissue:
        facts.append(("Class probability", tissue))
    return facts
