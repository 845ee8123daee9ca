"""A two-minute walk over the case page: a small card that points at each part in turn and can be left at any time."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import streamlit as st

from icicore.ui import session
from icicore.ui.text import esc

TOUR = "tour"
"""Query parameter that starts the tour."""
STEP = "_tour_step"


@dataclass(frozen=True)
class Step:
    """One stop: what it is called, what it says, the part of the page it points at, and the panel it opens."""

    title: str
    says: str
    part: str
    panel: str = ""


_SCROLL = """
export default function ({ data }) {
  const part = document.querySelector(`.st-key-${data.part}`);
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const tall = part?.offsetHeight > 0.8 * window.innerHeight;
  part?.scrollIntoView({ behavior: still ? 'auto' : 'smooth', block: tall ? 'start' : 'nearest' });
}
"""
SLIDE, TILES, ANSWER, PANELS = "part_slide", "part_tiles", "part_answer", "part_panel"
STEPS = (
    Step(
        "The answer",
        "How likely an objective response is, with its 95 % interval, the threshold and the base rate. Simpler scores "
        "stand below it on the same scale. “Proof” shows how well the model did on patients it had not seen.",
        ANSWER,
    ),
    Step(
        "The slide",
        "Drag to move, wheel to zoom. Each layer has an eye, an opacity and, when unfolded, a window and a scale. The "
        "mark beside a layer says whether tests found it faithful to the model.",
        SLIDE,
    ),
    Step(
        "The tiles",
        "Under the slide: the tiles with the highest and the lowest values. A click flies to the tile and opens it: as "
        "scanned, stain-normalised, under its Grad-CAM, with the tiles of this case that look most alike.",
        TILES,
    ),
    Step(
        "Why",
        "What histology, genomics and clinical values weigh, what each adds to the answer, and the strongest findings.",
        PANELS,
        "Why",
    ),
    Step(
        "Genes",
        "Every gene by pathway: mutated, wild type or not measured, and expression against the training patients.",
        PANELS,
        "Genes",
    ),
    Step(
        "What if",
        "Leave something out or change a value and see what the model would say. Nothing of it is kept.",
        PANELS,
        "What if",
    ),
    Step(
        "Slide quality",
        "Blur, pen, folds and stain. What limits the result stands in the line on top.",
        PANELS,
        "Slides",
    ),
    Step(
        "Your conclusion",
        "Your own judgement, your reasons, your signature. What is signed cannot be changed; an addendum can be added. "
        "The one-page report is here too.",
        PANELS,
        "Conclusion",
    ),
    Step(
        "The record",
        "Who saw, scored, signed and exported, and with which model. Files for other systems are here.",
        PANELS,
        "Record",
    ),
)  # fmt: skip


def start() -> None:
    """Begin at the first stop; a callback, so that the panel of the stop is chosen before the page runs."""
    _to(0)


def end() -> None:
    """Leave the tour; nothing of it stays in the way."""
    session.take(STEP)
    st.query_params.pop(TOUR, None)


def tour() -> None:
    """Show the card of the current stop, if the tour is on. It lies over the page and takes no room in it."""
    if session.get(STEP) is None:
        if st.query_params.get(TOUR) != "1":
            return
        _to(0)
    number = int(session.get(STEP))
    step = STEPS[number]
    st.html(f"<style>{_pointer(step.part)}</style>")
    with st.container(key="tour"):
        st.html(
            f'<section class="i-tour" role="region" aria-label="Tour" aria-live="polite"><p class="i-note">Tour · '
            f"{number + 1} of {len(STEPS)}</p><h2>{esc(step.title)}</h2><p>{esc(step.says)}</p></section>"
        )
        _scroller()(key="tour_scroll", data={"part": step.part})
        line = st.container(horizontal=True, gap="small")
        last = number == len(STEPS) - 1
        line.button("End tour", key="tour_end", type="tertiary", on_click=end, shortcut="Esc")
        line.button("Back", key="tour_back", on_click=_to, args=(number - 1,), disabled=number == 0)
        line.button(
            "Done" if last else "Next",
            key="tour_next",
            type="primary",
            on_click=end if last else _to,
            args=() if last else (number + 1,),
        )


@cache
def _scroller() -> Any:
    """Brings the part into view; it shows nothing itself. The only thing of the tour that style alone cannot do."""
    return st.components.v2.component("icicore_tour", js=_SCROLL)


def _to(number: int) -> None:
    session.put(STEP, number)
    if panel := STEPS[number].panel:
        session.put(session.PANEL, panel)


def _pointer(part: str) -> str:
    """Frame around the part; the card goes to the other side of the page, so that it never covers what it shows."""
    side = "right: 1.5rem; left: auto" if part in (SLIDE, TILES) else "left: 1.5rem; right: auto"
    return (
        f".st-key-{part} {{ outline: 3px solid var(--i-accent); outline-offset: 5px; border-radius: 10px; }}"
        f".st-key-tour {{ {side}; }}"
    )
