"""Colours and the style sheet of the pages' own HTML, for light and dark.

The palette is safe for the common colour-vision deficiencies: direction is red against blue, never green
against red, and every colour is doubled by position, sign or a word. Text keeps a contrast of at least 4.5 : 1.
"""

from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st


@dataclass(frozen=True)
class Palette:
    """Colours of one theme, as CSS colours."""

    text: str
    muted: str
    card: str
    sunken: str
    border: str
    accent: str
    on_accent: str
    for_response: str
    against_response: str
    histology: str
    genomics: str
    clinical: str
    ok: str
    ok_bg: str
    warn: str
    warn_bg: str
    bad: str
    bad_bg: str
    calm: str
    calm_bg: str


LIGHT = Palette(
    text="#102A43", muted="#4F6478", card="#FFFFFF", sunken="#EEF3F7", border="#D9E2EC",
    accent="#0B6E8A", on_accent="#FFFFFF",
    for_response="#B2332B", against_response="#1F6FB2", histology="#0B6E8A", genomics="#7A4FA3", clinical="#8796A5",
    ok="#0F5F4A", ok_bg="#E3F3EE", warn="#8A4B00", warn_bg="#FDF1DC", bad="#9B2C2C", bad_bg="#FCEBEA",
    calm="#33485C", calm_bg="#E8EEF4",
)  # fmt: skip
DARK = Palette(
    text="#E6EEF5", muted="#9FB3C8", card="#12232F", sunken="#0E1C27", border="#2A4658",
    accent="#5CC8E0", on_accent="#06222C",
    for_response="#F08A80", against_response="#6CB4F0", histology="#5CC8E0", genomics="#C4A3EA", clinical="#93A5B5",
    ok="#8ADCC0", ok_bg="#12352D", warn="#F4C77B", warn_bg="#38290F", bad="#F5A3A0", bad_bg="#3D1C1C",
    calm="#C3D2E0", calm_bg="#1C3242",
)  # fmt: skip
PATHWAY_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1", "#7F8C99")
"""Okabe and Ito's palette; violet and grey stand in for yellow and black, which vanish on one of the backgrounds."""

STYLES = tuple(Path(__file__).with_name(name) for name in ("style.css", "reasons.css", "chrome.css", "training.css"))
"""Style sheets of the pages, in order."""


_WATCH = """
export default function ({ setTriggerValue }) {
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  let soon;
  const changed = () => { clearTimeout(soon); soon = setTimeout(() => setTriggerValue('changed', true), 200); };
  dark.addEventListener('change', changed);
  return () => { clearTimeout(soon); dark.removeEventListener('change', changed); };
}
"""
"""A screen that turns dark in the evening changes Streamlit's own colours at once; ours come with the next run of the
script, which this asks for, a moment later so that it is told of the new theme."""


def is_dark() -> bool:
    """Whether the browser shows the dark theme."""
    return getattr(st.context.theme, "type", None) == "dark"


def palette() -> Palette:
    """Colours of the theme that the browser shows."""
    return DARK if is_dark() else LIGHT


def style_sheet(colours: Palette, css: str) -> str:
    """Return the style sheet with the colours as CSS variables (``--i-`` prefix)."""
    variables = ";".join(f"--i-{name.replace('_', '-')}:{value}" for name, value in asdict(colours).items())
    return f"<style>:root{{{variables}}}\n{css}</style>"


def apply() -> None:
    """Put the style sheet into the page; it takes no room in the layout."""
    st.html(style_sheet(palette(), _read_css(max(path.stat().st_mtime for path in STYLES))))
    with st.container(key="theme"):
        _watcher()(key="theme_watch", on_changed_change=lambda: None)


@cache
def _watcher() -> Any:  # noqa: ANN401 - Streamlit gives a callable of no public type
    return st.components.v2.component("icicore_theme", js=_WATCH)


@st.cache_data(show_spinner=False)
def _read_css(modified: float) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in STYLES)
