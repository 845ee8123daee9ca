"""Answers and slides side by side; the viewers of a comparison move together."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from icicore.ui import charts, session
from icicore.ui.backend import Backend
from icicore.ui.compare_sides import Side
from icicore.ui.compare_table import side_title
from icicore.ui.panels import threshold_words
from icicore.ui.places import CASE
from icicore.ui.text import esc, plain
from icicore.ui.viewer import slide_viewer, viewer_urls
from icicore.ui.widgets import badge, state_badge
from icicore.workflows.annotations import local_author

GROUP = "compare"
ALONE, ZOOM, PLACE = "Each alone", "Same magnification", "Same magnification, positions linked"
MODES = {ZOOM: "magnification", PLACE: "position", ALONE: "off"}
TOGETHER = "Together"
_TALL, _SHORT = 440, 400


def answers(sides: Sequence[Side]) -> None:
    """The answer of each column on the same scale, with a way to the case."""
    for side, column in zip(sides, st.columns(len(sides), gap="small"), strict=True):
        with column:
            st.html(answer_head(side, sides) + charts.answer_card(side.prediction, no_call=_no_call(side)))
            same = len({s.row.case_key for s in sides}) == 1
            if not same or side is sides[0]:
                st.page_link(
                    CASE, label=f"Open {plain(side.row.case_id)}", icon=":material/arrow_forward:",
                    query_params={session.CASE: side.row.case_key},
                )  # fmt: skip


def _no_call(side: Side) -> str:
    return threshold_words(side.prediction)


def answer_head(side: Side, sides: Sequence[Side]) -> str:
    """Letter, name and state of a column."""
    badges = [state_badge(str(side.prediction.get("status")))]
    if side.row.virtual:
        badges.append(badge("virtual case", "line"))
    if (side.prediction.get("bundle") or {}).get("virtual"):
        badges.append(badge("virtual training", "warn", "!", title="The model was trained on virtual patients"))
    other = side.row.case_id if side_title(side, sides) != side.row.case_id else side.bundle
    return (
        f'<div class="i-side{" i-side-tall" if len(sides) > 2 else ""}"><span class="i-letter">{side.letter}</span>'
        f'<b>{esc(side_title(side, sides))}</b><span class="i-dim">{esc(other)}</span>{"".join(badges)}</div>'
    )


def viewers(backend: Backend, sides: Sequence[Side]) -> None:
    """The slides, in a fragment of their own: changing how they move leaves the rest of the page alone."""
    _viewers(backend, tuple(sides))


@st.fragment
def _viewers(_backend: Backend, sides: tuple[Side, ...]) -> None:
    slides = {str(s["digest"]) for side in sides for s in side.result.slides}
    if not slides:
        st.caption("None of these results rests on a slide.")
        return
    same = all({str(s["digest"]) for s in side.result.slides} == slides for side in sides) and len(slides) == 1
    modes = [TOGETHER, ALONE] if same else list(MODES)
    mode = st.segmented_control(
        "Viewers move", modes, default=modes[0], required=True, key=f"{session.COMPARE_MOVE}_{int(same)}",
        help="Link positions when the same place is in the middle of each view: from there they move by the same "
        "distance in micrometres" if not same else None,
    )  # fmt: skip
    per_row = 2 if len(sides) == 4 else len(sides)
    for start in range(0, len(sides), per_row):
        for side, column in zip(sides[start : start + per_row], st.columns(per_row, gap="small"), strict=False):
            with column:
                _viewer(_backend, side, sides, MODES.get(str(mode), "magnification"))


def _viewer(backend: Backend, side: Side, sides: Sequence[Side], mode: str) -> None:
    st.html(
        f'<div class="i-side"><span class="i-letter">{side.letter}</span><b>{esc(side_title(side, sides))}</b></div>'
    )
    result = side.result
    if not result.slides:
        st.caption("No slide: the result rests on the other modalities.")
        return
    urls = viewer_urls(
        side.row.case_key,
        result.bundle_digest[:16],
        slide_ids=[str(s["digest"]) for s in result.slides],
        secret=backend.secret,
        user=local_author(),
    )
    slide_viewer(
        list(result.slides),
        key=f"compare_{side.letter}",
        urls=replace(urls, writers={}),  # drawing belongs to the case page: here one slide may be open twice
        height=_TALL if len(sides) == 2 else _SHORT,
        grows=1.0 if len(sides) == 2 else 0.5,
        faithfulness=backend.faithfulness(result),
        caption=f"{side.row.case_id} · model {side.bundle} {result.bundle_digest[:12]}",
        sync={"group": GROUP, "mode": mode},
    )
