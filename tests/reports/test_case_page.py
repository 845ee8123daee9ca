"""The one-page report of a case: complete, deterministic, and never over its edges."""

import itertools
import random
import re
import subprocess
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from icicore.explain.layers import Layer
from icicore.reports.case import canvas, words
from icicore.reports.case.canvas import HEIGHT, WIDTH
from icicore.reports.case.content import CaseFacts, report_content
from icicore.reports.case.page import render_report
from icicore.reports.case.pictures import (
    Overview,
    Pictures,
    TilePicture,
    draw_legend,
    strongest,
    to_jpeg,
    top_tiles,
)
from icicore.reports.case.type import MORE, PLACEHOLDER, Style, fit, fonts, printable
from icicore.settings import PROJECT
from tests.pages.fake_results import write_result

OTHER_SCRIPTS = "Zoë Łukasz Ångström αβγ Привет ≥ → − µm² שלום مرحبا 王小明 नमस्ते 😀 e\u0301 \x07"


def review(text: str = "Agreed.", **changes: object) -> dict:
    return {
        "author": "Ada", "signed": "2026-11-21T17:43:00.000+00:00", "judgement": "likely", "text": text,
        "digest": "d" * 64, "evidence": {}, "differs": [], "audit": "7:0123456789abcdef", "addenda": [],
    } | changes  # fmt: skip


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return write_result(tmp_path_factory.mktemp("report") / "case" / "bundle", slides=2, tiles=60)


def content_of(result, **changes: object) -> dict:
    made = report_content(CaseFacts(prediction=result.prediction, result_digest="e" * 64))
    return made | changes


def pictures_of(result) -> Pictures:
    layers = result.slides[0]
    folder = result.folder / "slides" / str(layers["digest"])[:16]
    rng = np.random.default_rng(1)
    jpeg = to_jpeg(rng.integers(0, 255, (60, 80, 3), dtype=np.uint8))
    grid = rng.normal(size=(6, 8)).astype(np.float32)
    overview = Overview(jpeg, (80, 60), draw_legend(Layer("contribution", grid, "", signed=True, unit="logit")), "a")
    tiles = tuple(TilePicture(t, jpeg) for t in strongest(top_tiles(folder, layers, slide=1)))
    return Pictures(overview, tiles)


class Recorder(canvas.Page):
    """Notes where every line of text lies: x, upper and lower edge, right edge, text."""

    drawn: list[tuple[float, float, float, float, str]]

    def __init__(self, title: str) -> None:
        super().__init__(title)
        Recorder.drawn = []

    def text(self, x, y, words, style=canvas.BODY, *, width, colour="", align="l"):
        shown = style.clip(words, width)
        shift = {"l": 0.0, "c": (width - style.width(shown)) / 2, "r": width - style.width(shown)}[align]
        Recorder.drawn.append((x + shift, y, y + style.size, x + shift + style.width(shown), shown))
        super().text(x, y, words, style, width=width, colour=colour or canvas.INK, align=align)

    def lines(self, x, y, lines, style=canvas.BODY, *, colour=canvas.INK):
        for n, line in enumerate(lines):
            top = y + n * style.line
            Recorder.drawn.append((x, top, top + style.size, x + style.width(line), line))
        return super().lines(x, y, lines, style, colour=colour)


@pytest.fixture
def drawn(monkeypatch):
    """Render, and return what was written where."""

    def render(content, pictures=Pictures(missing="No slide in this result.")):  # noqa: B008 - frozen
        monkeypatch.setattr("icicore.reports.case.page.Page", Recorder)
        made = render_report(content, pictures)
        assert len(re.findall(rb"/Type /Page\b", made)) == 1
        return [d for d in Recorder.drawn if d[4].strip()]

    return render


def assert_in_order(lines) -> None:
    """Nothing leaves the page, and no line lies on another."""
    for x, top, bottom, right, text in lines:
        assert x >= 20 and right <= WIDTH - 20 + 0.5, text
        assert top >= 15 and bottom <= HEIGHT - 10, text
    for one, other in itertools.combinations(lines, 2):
        across = min(one[3], other[3]) - max(one[0], other[0])
        down = min(one[2], other[2]) - max(one[1], other[1])
        assert across <= 0.5 or down <= 1.6, (one, other)


LONG = "The tissue is crushed at the edge and the pen covers a part of it. " * 110


@pytest.mark.parametrize(
    "reviews",
    [
        [],
        [review()],
        [review(LONG)],
        [review("x" * 8000)],
        [review("\n" * 300 + "end")],
        [review(differs=["slides", "model"], addenda=[review(f"note {i}", judgement=None) for i in range(12)])],
        [review(), review(LONG, addenda=[review(LONG, judgement=None) for _ in range(9)])],
        [review(OTHER_SCRIPTS * 20, author=OTHER_SCRIPTS)],
    ],
    ids=["none", "one", "long", "one-word", "empty-lines", "addenda", "long-addenda", "scripts"],
)
def test_whatever_was_signed_stays_on_the_page(reviews, result, drawn):
    content = content_of(result, reviews=reviews)
    for pictures in (pictures_of(result), Pictures(missing="gone")):
        lines = drawn(content, pictures)
        assert_in_order(lines)
        shown = " ".join(text for *_, text in lines)
        assert ("No review was signed." in shown) == (not reviews)
        total = sum(len(r["text"]) + sum(len(a["text"]) for a in r["addenda"]) for r in reviews)
        assert total < 4000 or "JSON report" in shown, "what is cut must be said to be cut"


def test_short_addenda_are_all_printed_where_they_fit(result, drawn):
    addenda = [review(f"note {i}", judgement=None) for i in range(4)]
    shown = [t for *_, t in drawn(content_of(result, reviews=[review(addenda=addenda)]), pictures_of(result))]
    assert [t for t in shown if t.startswith("note")] == [f"note {i}" for i in range(4)]
    assert not any("earlier" in t for t in shown)


def test_long_limits_names_and_many_slides_stay_on_the_page(result, drawn):
    reason = {"code": "x", "message": LONG[:900], "modality": "histology"}
    slides = [s | {"path": "w" * 300 + ".svs"} for s in result.prediction["slides"] * 6]
    content = content_of(
        result, reasons=[reason] * 5, slides=slides, case_id="C" * 64, reviews=[review(LONG, author="A" * 80)]
    )
    content["inputs"] = {f"{'n' * 90}{i}": "0" * 64 for i in range(9)}
    content["findings"] = [{"name": "g" * 200, "importance": 0.4, "value": 1, "unit": ""}] * 10
    lines = drawn(content, pictures_of(result))
    assert_in_order(lines)
    shown = " ".join(text for *_, text in lines)
    assert "more lines of limits are in the JSON report" in shown
    assert "more in the JSON report." in shown
    assert "the rest is in the JSON report" in shown
    assert "C" * 64 in shown, "the case id must be whole"
    assert MORE in shown


def test_the_page_says_what_a_tumour_board_needs(result, drawn):
    content = content_of(
        result,
        reasons=[{"code": "pen", "message": "12 % of the tissue is covered by pen", "modality": "histology"}],
        reviews=[review("I agree.", differs=["model"])],
        clinical={"age": 63.0, "sex": "F", "ecog": 1, "ldh_uln": None},
        scored_at="2026-11-21T16:00:00+00:00",
    )
    shown = " | ".join(text for *_, text in drawn(content, pictures_of(result)))
    for words_ in (
        "Research use only", "DEMO-001", "63 %", "95 % interval", "threshold", "base rate",
        "scored 2026-11-21 16:00 UTC",
        "Histology: 12 % of the tissue is covered by pen", "fusion weight", "without it", "not measured",
        "mutations per Mb", "LORIS", "age 63 years, female, ECOG 1 of 4, LDH not measured", "Response likely",
        "Signed by Ada, 2026-11-21 17:43 UTC · audit row 7:0123456789abcdef", "changed since: model", "I agree.",
        "for", "against", "logit, linear scale", "e" * 64, result.prediction["bundle"]["digest"],
    ):  # fmt: skip
        assert words_ in shown, words_


def test_the_page_says_what_share_of_the_tiles_can_be_read_where_the_model_counts_it(result, drawn):
    told = "of the tiles can be read; histology counts as present to that share"
    shown = drawn(content_of(result, readable_tiles=0.831), pictures_of(result))
    assert [text for *_, text in shown if told in text] == [f"83 % {told}"], "whole, in one line"
    assert_in_order(shown)
    assert not any(told in text for *_, text in drawn(content_of(result, readable_tiles=None)))


def test_same_report_same_bytes_in_every_process(result, tmp_path):
    content = content_of(result, reviews=[review(OTHER_SCRIPTS)])
    here = render_report(content, Pictures(missing="none"))
    assert here == render_report(content, Pictures(missing="none"))
    code = (
        "import json, sys; from pathlib import Path\n"
        "from icicore.reports.case.page import render_report; from icicore.reports.case.pictures import Pictures\n"
        "content = json.loads(Path(sys.argv[1]).read_text())\n"
        "Path(sys.argv[2]).write_bytes(render_report(content, Pictures(missing='none')))"
    )
    import json

    source, target = tmp_path / "content.json", tmp_path / "made.pdf"
    source.write_text(json.dumps(content))
    subprocess.run([sys.executable, "-c", code, source, target], check=True, cwd=PROJECT)
    assert target.read_bytes() == here


def test_pictures_give_the_same_bytes_again(result):
    pictures = pictures_of(result)
    content = content_of(result)
    assert render_report(content, pictures) == render_report(content, pictures_of(result))
    assert len(render_report(content, pictures)) > len(render_report(content, Pictures(missing="none"))) + 1000


def test_characters_that_cannot_be_printed_are_marked_and_explained(result, drawn):
    assert printable("Zoë Łukasz αβγ Привет ≥ → − µm²") == "Zoë Łukasz αβγ Привет ≥ → − µm²"
    assert printable("王שA") == f"{PLACEHOLDER}{PLACEHOLDER}A", "other scripts, and those that run the other way"
    assert printable("e\u0301\x07\u200b") == "é"
    note = f"{PLACEHOLDER} stands for a character"
    assert any(note in t for *_, t in drawn(content_of(result, reviews=[review("王")])))
    assert not any(note in t for *_, t in drawn(content_of(result, reviews=[review("Zoë")])))


def test_no_character_at_all_breaks_the_page(result):
    rng = random.Random(5)
    every = [chr(c) for c in range(0x3000)] + [chr(rng.randrange(0x110000)) for _ in range(4000)]
    text = "".join(every)
    assert all(ord(c) in fonts()["IcicoreSans"] or c in "\n\t " for c in printable(text))
    for start in range(0, len(text), 6000):
        part = text[start : start + 6000]
        assert render_report(content_of(result, reviews=[review(part)], case_id=part[:40]), Pictures(missing=part[:60]))


def test_lines_are_as_wide_as_the_box_at_most():
    style = Style(8)
    text = "word " * 50 + "w" * 400 + " end"
    lines = style.wrap(text, 100)
    assert all(style.width(line) <= 100 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert style.width(style.clip("w" * 400, 60)) <= 60
    assert style.clip("short", 60) == "short"


def test_text_shrinks_before_it_is_cut():
    _, lines, cut = fit("word " * 40, 200, 60, largest=8, smallest=6)
    assert lines and cut == 0
    style, lines, cut = fit("word " * 4000, 200, 60, largest=8, smallest=6)
    assert style.size == 6 and cut > 0 and len(lines) * style.line <= 60


def test_top_tiles_are_the_strongest_of_their_side(result):
    layers = result.slides[0]
    folder = result.folder / "slides" / str(layers["digest"])[:16]
    tiles = top_tiles(folder, layers, slide=1)
    up = [t["contribution"] for t in tiles if t["side"] == "for"]
    down = [t["contribution"] for t in tiles if t["side"] == "against"]
    assert up == sorted(up, reverse=True) and down == sorted(down)
    assert min(up, default=1) > 0 > max(down, default=-1)
    both = strongest([*tiles, *(t | {"slide": 2, "contribution": 2 * t["contribution"]} for t in tiles)])
    assert both[0]["slide"] == 2 and len([t for t in both if t["side"] == "for"]) == 5


def test_genes_and_counts_tell_wild_type_from_not_measured(result):
    made = content_of(result)
    genes = result.prediction["genes"]
    counts = made["gene_counts"]
    assert sum(counts.values()) == len(genes)
    assert counts["not_measured"] == sum(not g["measured"] for g in genes) > 0
    sizes = [abs(g["attribution"]) for g in made["genes"]]
    assert sizes == sorted(sizes, reverse=True) and all(g["measured"] for g in made["genes"])


def test_words():
    assert words.whole_percent(0.004) == "<1 %" and words.whole_percent(0.996) == ">99 %"
    assert words.whole_percent(1.0) == "100 %"
    assert words.plus(0.25) == "+0.25" and words.plus(-0.25) == "−0.25" and words.plus(0.0) == "0.00"
    assert words.utc("2026-11-21T18:43:10+01:00") == "2026-11-21 17:43 UTC"
    density = {"name": "TIL density at the margin", "value": 2371.6, "unit": "lymphocytes/mm2"}
    assert words.feature_name(density) == "TIL density at the margin 2,372/mm²"
    assert words.comparator({"tmb": {"value": 9.7}}, "tmb", "mutations per Mb") == "9.7 mutations per Mb"


def test_the_fonts_travel_with_their_licence():
    folder = Path(canvas.__file__).with_name("fonts")
    assert {p.name for p in folder.iterdir()} == {"DejaVuSansCondensed.ttf", "DejaVuSansCondensed-Bold.ttf", "LICENSE"}
    assert "Bitstream Vera" in (folder / "LICENSE").read_text(encoding="utf-8", errors="replace")
    assert unicodedata.normalize("NFC", "é") in printable("é")


def test_of_several_slides_each_tile_names_its_own(result, drawn):
    pictures = pictures_of(result)
    shown = " | ".join(t for *_, t in drawn(content_of(result), replace(pictures, n_slides=2)))
    assert "a, the largest of 2: contribution" in shown and " · slide 1" in shown
    assert "slide 1" not in " | ".join(t for *_, t in drawn(content_of(result), pictures))


def test_a_case_id_of_wide_letters_is_not_cut(result, drawn):
    assert_in_order(lines := drawn(content_of(result, case_id="W" * 64)))
    assert any(t == "W" * 64 for *_, t in lines)
