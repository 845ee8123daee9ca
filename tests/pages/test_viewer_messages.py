"""What the case page tells the viewer: signed places for annotations, badges, a caption; facts of newer results."""

import json
import time

import pytest

from icicore.addresses import check_writer
from icicore.ui import session
from tests.pages.conftest import OpenPage, components, html_of
from tests.pages.fake_results import FakeBackend

A, SLIDE = "a" * 16, "1" * 16


def message(at) -> dict:
    return next(m for m in (json.loads(c.json) for c in components(at)) if m.get("viewer_id"))


def test_the_viewer_may_save_annotations_of_the_slide_on_show_in_the_users_name(open_page: OpenPage) -> None:
    sent = message(open_page("case", case=A))
    (slide,) = sent["slides"]
    token = slide["urls"]["annotation"].split("&w=")[1]
    assert check_writer("not a secret", token, slide["id"], now=time.time()) == "Ada"
    assert slide["urls"]["annotations"].startswith(f"/icicore/annotations/{SLIDE}.json?t=")
    assert "w=" not in slide["urls"]["annotations_export"]
    assert sent["annotation_classes"]["Tumor"] == [213, 94, 0]
    assert sent["verdict_classes"]["disagree"][0] == "Disagree with model"


def test_badges_and_caption_come_with_it_and_a_rerun_changes_nothing(open_page: OpenPage) -> None:
    at = open_page("case", case=A)
    sent = message(at)
    assert sent["faithfulness"] == {"attention": {"value": 0.21, "interval95": [0.12, 0.3], "n": 24}}
    assert sent["caption"].startswith("DEMO-001 · model demo-virtual-lite0 bbbbbbbbbbbb")
    assert message(at.run()) == sent


@pytest.fixture
def newer(desk: FakeBackend):
    """A result with leave one out and tissue class, markup in the name of a class; put back afterwards."""
    folder = desk.results[A].folder / "slides" / SLIDE
    table, layers = ((folder / n).read_text() for n in ("tiles.json", "layers.json"))
    columns = json.loads(table)
    columns |= {"leave_one_out": [0.25] * columns["n"], "tile_class": [1] * columns["n"]}
    (folder / "tiles.json").write_text(json.dumps(columns))
    desk.results[A].slides[0]["layers"].append({"id": "classes", "classes": ["stroma", "<b>tumour</b>"]})
    yield
    (folder / "tiles.json").write_text(table)
    (folder / "layers.json").write_text(layers)
    desk.results[A].slides[0]["layers"].pop()


def test_the_tile_panel_names_class_and_effect_of_leaving_it_out(open_page: OpenPage, newer: None) -> None:
    state = {session.SELECTED_TILE: {"case": A, "slide": SLIDE, "index": 42}, session.PANEL: "Tile"}
    page = html_of(open_page("case", state=state, case=A))
    assert "+0.2500 logit lost without this tile" in page
    assert "&lt;b&gt;tumour&lt;/b&gt;" in page


def test_an_older_result_has_neither(open_page: OpenPage) -> None:
    state = {session.SELECTED_TILE: {"case": A, "slide": SLIDE, "index": 42}, session.PANEL: "Tile"}
    page = html_of(open_page("case", state=state, case=A))
    assert "Attention rank" in page
    assert "Leave one out" not in page and "Tissue class" not in page
