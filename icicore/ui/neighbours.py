"""In the tile inspector: the tile as the encoder saw it, and the tiles of the case that look most like it."""

from dataclasses import dataclass

import streamlit as st

from icicore.store.cases import CaseRow
from icicore.ui import charts, session
from icicore.ui.cohort_strip import cohort_strip, distance
from icicore.ui.results import load_tiles, tile_at
from icicore.ui.text import count, esc, percent, plain, sentence
from icicore.ui.viewer import ViewerUrls
from icicore.workflows.cases import CaseResult
from icicore.workflows.tile_neighbours import Likeness, Neighbour

_PX, _SMALL_PX = 384, 128
_LEAST_SHARE = 0.05
_WORDS = (
    "Number: distance of the embeddings (1 − cosine), 0 is the same. Tiles that touch this one are left out. Choose a "
    "number to go there."
)


@dataclass(frozen=True)
class Place:
    """A square of a slide; coordinates and side in level-0 px."""

    urls: ViewerUrls
    slide: str
    x_l0: float
    y_l0: float
    size_l0: float


def normalised(place: Place, alike: Likeness | str) -> str:
    """The tile in the colours that the encoder saw, or why it cannot be shown."""
    if isinstance(alike, str):
        return f'<figure><p class="i-note">{esc(sentence(alike))}</p></figure>'
    address = place.urls.normalised(place.slide, place.x_l0, place.y_l0, size_l0=place.size_l0, px=_PX, bag=alike.bag)
    how = "Stain-normalised by Macenko" if alike.stain.method == "macenko" else "Not stain-normalised"
    note = f" ({alike.stain.note})" if alike.stain.note else ""
    picture = f'<div class="i-tile"><img src="{esc(address)}" alt="stain-normalised tile"></div>'
    return f"<figure>{picture}<figcaption>{how}{esc(note)}, as the encoder saw it</figcaption></figure>"


def classes(alike: Likeness | str) -> str:
    """Tissue classes with their probabilities by the tile-class head; empty without one."""
    if isinstance(alike, str):
        return ""
    return ", ".join(f"{name} {percent(share)}" for name, share in alike.classes if share >= _LEAST_SHARE)


def strip(row: CaseRow, result: CaseResult, urls: ViewerUrls, alike: Likeness | str) -> None:
    """The tiles most like this one, in this case and in the training cohort; a click on a number goes there."""
    if isinstance(alike, str):
        return
    if alike.tiles:
        _in_case(row, result, urls, alike)
    cohort_strip(alike.cohort)


def _in_case(row: CaseRow, result: CaseResult, urls: ViewerUrls, alike: Likeness) -> None:
    with st.container(border=True, key="alike"):
        st.html(f'<span class="i-label">Most alike of {count(alike.n, "tile")} in this case</span>')
        for column, found in zip(st.columns(len(alike.tiles), gap="small"), alike.tiles, strict=True):
            with column:
                _neighbour(row, result, urls, found)
        st.html(charts.note(_WORDS))


def _neighbour(row: CaseRow, result: CaseResult, urls: ViewerUrls, found: Neighbour) -> None:
    layers = next(x for x in result.slides if str(x["digest"]).startswith(found.slide))
    tiles = load_tiles(result, layers)
    tile = None if tiles is None else tile_at(tiles, found.index)
    if tile is None:
        return
    address = urls.region(found.slide, tile.x_l0, tile.y_l0, size_l0=float(layers["tile_l0"]), px=_SMALL_PX)
    where = f"row {tile.row}, column {tile.col}"
    st.html(f'<div class="i-tile"><img src="{esc(address)}" alt="{where}" title="{where}" loading="lazy"></div>')
    label, key = distance(found.cosine), f"alike_{found.slide}_{found.index}"
    hint, choice = plain(f"Go to the tile at {where}"), f"{session.SLIDE}_{result.folder.parent.name}"
    to = (row.case_key, choice, found)
    if st.button(label, key=key, type="tertiary", help=hint, width="stretch", on_click=_go, args=to):
        st.rerun()  # the whole page, as the viewer outside this part has to move


def _go(case_key: str, slide_choice: str, found: Neighbour) -> None:
    """Before the page runs: turn to the slide and the tile."""
    if slide_choice in st.session_state:
        st.session_state[slide_choice] = found.slide
    session.select_tile(case_key, found.slide, found.index, fly=True)
