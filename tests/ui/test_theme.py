"""Colours can be read, by everybody."""

import tomllib

import pytest

from icicore.settings import PROJECT
from icicore.ui.theme import DARK, LIGHT, STYLES, Palette, style_sheet

CONFIG = tomllib.loads((PROJECT / ".streamlit" / "config.toml").read_text())
PAGES = {"light": CONFIG["theme"], "dark": CONFIG["theme"]["dark"]}


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio as WCAG 2.2 defines it."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_known_colours() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21.0)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(("name", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_text_reaches_aa(name: str, palette: Palette) -> None:
    page = PAGES[name]["backgroundColor"]
    pairs = [(palette.text, b) for b in (palette.card, palette.sunken, page)]
    pairs += [(palette.muted, b) for b in (palette.card, palette.sunken, page)]
    pairs += [
        (palette.ok, palette.ok_bg),
        (palette.warn, palette.warn_bg),
        (palette.bad, palette.bad_bg),
        (palette.calm, palette.calm_bg),
        (palette.on_accent, palette.accent),
        (PAGES[name]["linkColor"], page),
    ]
    assert {pair: round(contrast(*pair), 2) for pair in pairs if contrast(*pair) < 4.5} == {}


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_bars_reach_three_to_one_on_a_card(palette: Palette) -> None:
    bars = (palette.for_response, palette.against_response, palette.histology, palette.genomics, palette.accent)
    assert {bar: round(contrast(bar, palette.card), 2) for bar in bars if contrast(bar, palette.card) < 3} == {}


def test_accent_is_the_same_in_both_places() -> None:
    assert PAGES["light"]["primaryColor"] == LIGHT.accent
    assert PAGES["dark"]["primaryColor"] == DARK.accent


def test_style_sheet_defines_every_variable_it_uses() -> None:
    css = "".join(path.read_text() for path in STYLES)
    sheet = style_sheet(LIGHT, css)
    used = {part.split(")")[0].strip() for part in css.split("var(")[1:]}
    assert used
    assert [name for name in used if f"{name}:" not in sheet] == []
    assert "url(" not in css and "@import" not in css  # nothing is fetched
