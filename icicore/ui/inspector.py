"""The tile under inspection: plain, with its Grad-CAM, and its numbers."""

import streamlit as st

from icicore.types import F32, Json
from icicore.ui import cam, charts
from icicore.ui.results import Tile, cam_block, load_tiles, tile_at
from icicore.ui.stage import Shown
from icicore.ui.text import count, esc, number, signed
from icicore.ui.widgets import empty
from icicore.workflows.cases import CaseResult

_PX = 384


def tile_panel(result: CaseResult, shown: Shown | None) -> None:
    """Show the selected tile, or say how to select one."""
    if shown is None:
        empty("No slide in this case", "There are no tiles to inspect.")
        return
    tiles = load_tiles(result, shown.layers)
    tile = None if tiles is None or shown.index is None else tile_at(tiles, shown.index)
    if tile is None:
        empty("No tile selected", "Click a tile on the slide or in the strips below it.")
        return
    block = cam_block(result, shown.layers, tile.row, tile.col)
    st.html(f'<div class="i-card">{_pictures(shown, tile, block)}<p></p>{_numbers(shown.layers, tile)}</div>')


def _pictures(shown: Shown, tile: Tile, block: tuple[F32, float] | None) -> str:
    slide = str(shown.layers["digest"])[:16]
    size_l0 = float(shown.layers["tile_l0"])
    url = shown.urls.region(slide, tile.x_l0, tile.y_l0, size_l0=size_l0, px=_PX)
    side_um = size_l0 * float(shown.layers["mpp"])
    plain = f'<figure><div class="i-tile"><img src="{esc(url)}" alt="tile"></div>'
    plain += f"<figcaption>Tile as scanned, {side_um:.0f} µm wide</figcaption></figure>"
    heat = '<figure><p class="i-note">No Grad-CAM for this slide.</p></figure>' if block is None else _heat(url, *block)
    return f'<div class="i-tiles">{plain}{heat}</div>'


def _heat(url: str, values: F32, top: float) -> str:
    """The tile under its Grad-CAM, and the scale: one for the whole slide, so that tiles can be compared."""
    picture = cam.data_uri(cam.overlay(values, top))
    return (
        f'<figure><div class="i-tile"><img src="{esc(url)}" alt=""><img src="{picture}" alt="Grad-CAM"></div>'
        f'<div class="i-ramp" style="background:{cam.CSS_RAMP}"></div><div class="i-two-ends i-tight"><span>0</span>'
        '<span title="The brightest colour is the 99.5th percentile of this slide">Grad-CAM, raw</span>'
        f"<span>{number(top, 2)}</span></div></figure>"
    )


def _numbers(layers: Json, tile: Tile) -> str:
    mpp = float(layers["mpp"])
    left, up = (tile.x_l0 - float(layers["bounds_l0"][0])) * mpp, (tile.y_l0 - float(layers["bounds_l0"][1])) * mpp
    share = tile.attention / tile.mean_attention if tile.mean_attention > 0 else 0.0
    return charts.facts(
        [
            ("Attention", f"{number(tile.attention)} ({number(share, 2)} × the mean of the slide)"),
            ("Attention rank", f"{tile.attention_rank} of {count(tile.n, 'tile')} on this slide"),
            ("Contribution", f"{signed(tile.contribution, 4)} logit"),
            ("Contribution rank", f"{tile.contribution_rank} of {tile.n} (1 speaks most for response)"),
            (
                "Place",
                f"row {tile.row}, column {tile.col}; {left:.0f} µm right, {up:.0f} µm down from the scan's corner",
            ),
        ]
    )
