"""The hypothetical score over the real one."""

from icicore.ui import ghost
from icicore.ui.figures import picture
from icicore.ui.theme import DARK, LIGHT

REAL = {
    "probability": 0.86,
    "interval95": [0.65, 0.95],
    "threshold": 0.17,
    "base_logit": -0.56,
    "modality_weights": {"histology": 0.32, "genomics": 0.46, "clinical": 0.22},
}
ASKED = {
    "probability": 0.12,
    "interval95": [0.05, 0.4],
    "modality_weights": {"histology": None, "genomics": 0.68, "clinical": 0.32},
}


def test_both_scores_are_drawn_at_their_places() -> None:
    html = ghost.ghost_scale(REAL, ASKED)
    assert 'class="i-point" title="hypothetical" style="left:12.00%"' in html
    assert 'class="i-point i-ghost" title="real result" style="left:86.00%"' in html
    assert 'class="i-band i-hypo" style="left:5.00%;width:35.00%"' in html
    assert 'class="i-band i-ghost" style="left:65.00%;width:30.00%"' in html
    assert 'class="i-move" style="left:12.00%;width:74.00%"' in html


def test_crossing_the_threshold_is_said() -> None:
    assert ghost.side_words(REAL, 0.86, 0.12) == "now below the threshold of 17\u202f%"
    assert ghost.side_words(REAL, 0.86, 0.5) == "still at or above the threshold of 17\u202f%"
    assert ghost.side_words({"threshold": None}, 0.8, 0.1) == ""


def test_weights_show_the_real_ones_as_outlines() -> None:
    html = ghost.ghost_weights(REAL, ASKED)
    assert html.count("<u style=") == 3
    assert "left out" in html and "46\u202f%" in html and "68\u202f%" in html
    assert "Histology" not in ghost.ghost_weights(REAL | {"modality_weights": {}}, ASKED)


def test_what_was_changed_is_escaped() -> None:
    html = ghost.hypothetical_card(REAL, ASKED, ["<script>alert(1)</script> wild type"])
    assert "<script" not in html and "&lt;script&gt;" in html


def test_a_figure_carries_the_colours_of_its_theme() -> None:
    svg = '<svg viewBox="0 0 1 1"><text>n</text></svg>'
    light, dark = picture(svg, LIGHT, 'a "plot"'), picture(svg, DARK, "a")
    assert light != dark
    assert light.startswith('<img class="i-figure-image" src="data:image/svg+xml;base64,')
    assert "&quot;plot&quot;" in light
