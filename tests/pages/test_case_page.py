"""The case page."""

import json
from dataclasses import replace
from typing import Any

import pytest

from icicore.ui import session
from tests.pages.conftest import OpenPage, components, html_of
from tests.pages.fake_results import FakeBackend, case_row, job_row
from tests.pages.fake_slides import slide_digest

A, LIMITED, NO_SLIDE, REFUSED, NEW = "a" * 16, "c" * 16, "d" * 16, "e" * 16, "f" * 16
MARKUP = "<script>alert(1)</script>"


def _viewer_data(at: Any) -> list[dict[str, Any]]:
    return [json.loads(c.json) for c in components(at)]


def test_the_answer_comes_first(open_page: OpenPage) -> None:
    at = open_page("case", case=A)
    page = html_of(at)
    assert "63\u202f%" in page and "47–76\u202f%" in page
    assert "Likely responder" in page and "threshold 35\u202f%" in page and "base rate 38\u202f%" in page
    assert "Research use only" in page and "Virtual case" in page
    assert page.index("Probability of objective response") < page.index("Fusion weight")


def test_a_reload_keeps_the_case(open_page: OpenPage) -> None:
    at = open_page("case", case=A)
    assert at.query_params["case"] == A
    assert at.session_state[session.LAST_CASE] == A


def test_a_limited_result_stays_limited_while_it_is_scored_again(open_page: OpenPage, desk: FakeBackend) -> None:
    desk.rows = [replace(r, state="running") if r.case_key == LIMITED else r for r in desk.rows]
    page = html_of(open_page("case", case=LIMITED))
    assert "Limited." in page and "33\u202f%" in page


def test_no_case_chosen(open_page: OpenPage) -> None:
    assert "Choose a case" in html_of(open_page("case"))
    assert "No such case" in html_of(open_page("case", case=MARKUP))


def test_viewer_gets_signed_addresses_of_the_result(open_page: OpenPage) -> None:
    data = _viewer_data(open_page("case", case=A))
    viewer = data[0]
    assert len(viewer["slides"]) == 1
    assert viewer["slides"][0]["digest"] == slide_digest(1)
    assert f"/icicore/grid/{A}/{'b' * 16}/{'1' * 16}/" in viewer["slides"][0]["urls"]["grid"]
    assert data[1]["mode"] == "gallery"


def test_second_slide_is_shown_when_chosen(open_page: OpenPage) -> None:
    at = open_page("case", case=A)
    at.button_group[0].set_value(slide_digest(2)[:16]).run()
    assert _viewer_data(at)[0]["slides"][0]["digest"] == slide_digest(2)


def test_all_tiles_under_a_shorter_viewer(open_page: OpenPage) -> None:
    at = open_page("case", case=A)
    tall = _viewer_data(at)[0]["height"]
    at.button_group(key=session.STAGE).set_value("All tiles").run()
    viewer, sheet = _viewer_data(at)
    assert sheet["mode"] == "sheet"
    assert viewer["height"] < tall


def test_selected_tile_is_shown_large_with_its_numbers(open_page: OpenPage) -> None:
    selected = {"case": A, "slide": "1" * 16, "index": 42}
    at = open_page("case", state={session.SELECTED_TILE: selected, session.PANEL: "Tile"}, case=A)
    page = html_of(at)
    assert (
        page.count("/icicore/region/1111111111111111.jpg?") == 2 + 3
    )  # plain, under its Grad-CAM, and what looks alike
    assert "data:image/png;base64," in page
    assert "Contribution rank" in page and "of 300" in page
    assert _viewer_data(at)[0]["selected"] == {"slide": "1" * 16, "index": 42}


def test_a_tile_of_another_case_is_forgotten(open_page: OpenPage) -> None:
    other = {"case": "0" * 16, "slide": "1" * 16, "index": 42}
    at = open_page("case", state={session.SELECTED_TILE: other}, case=A)
    assert at.session_state[session.SELECTED_TILE] is None


def test_limited_says_why_in_sentences_and_makes_no_call(open_page: OpenPage) -> None:
    page = html_of(open_page("case", case=LIMITED))
    assert "Limited." in page
    assert "The model was trained on virtual data; the result says nothing about a real patient." in page
    assert "Histology: 12 % of the tissue is covered by pen." in page
    assert "No call" in page


def test_absent_modality_stays_visible_as_not_given(open_page: OpenPage) -> None:
    at = open_page("case", case=NO_SLIDE)
    page = html_of(at)
    assert "not given" in page and "No slide in this result" in page
    assert not components(at)
    at.button_group(key=session.PANEL).set_value("Tile").run()
    assert not at.exception


def test_not_scored_gives_the_reason_and_no_number(open_page: OpenPage) -> None:
    page = html_of(open_page("case", case=REFUSED))
    assert "Not scored." in page
    assert "Histology: slide-1.svs: the pixel size is missing" in page  # a file keeps its name as it is
    assert "Probability" not in page


def test_score_a_new_case(open_page: OpenPage, desk: FakeBackend) -> None:
    at = open_page("case", case=NEW)
    next(b for b in at.button if b.label == "Score this case").click().run()
    assert desk.calls == [("submit", NEW)]
    assert "Being scored" in html_of(at)
    assert any(b.label == "Cancel" for b in at.button)


def test_only_the_job_of_this_case_is_shown(open_page: OpenPage, desk: FakeBackend) -> None:
    desk.jobs["other"] = job_row("other", case_key="b" * 16)
    assert not any(b.label == "Cancel" for b in open_page("case", case=A).button)


def test_a_failed_job_shows_one_line(open_page: OpenPage, desk: FakeBackend) -> None:
    desk.jobs["job9"] = job_row("job9", case_key=NEW, state="failed", error="an unexpected fault stopped this job")
    desk.rows = [replace(r, state="failed", job_id="job9") if r.case_key == NEW else r for r in desk.rows]
    at = open_page("case", case=NEW)
    assert "unexpected fault" in at.error[0].value
    assert any(b.label == "Score again" for b in at.button)


@pytest.mark.parametrize("panel", ["Why", "Genes", "Clinical", "Slides", "Record"])
def test_every_panel_shows_and_escapes(panel: str, open_page: OpenPage, desk: FakeBackend) -> None:
    result = desk.results[A]
    evil = json.loads(json.dumps(result.prediction))
    for gene in evil["genes"][:1]:
        gene.update(symbol=MARKUP, attribution=9.0, measured=True, value=1.0)
    evil["slides"][0]["path"] = f"/x/{MARKUP}.svs"
    evil["bundle"]["name"] = MARKUP
    evil["reasons"] = [{"code": "x", "message": MARKUP, "modality": None}]
    desk.results[A] = replace(result, prediction=evil)
    desk.rows[0] = case_row(A, case_id=MARKUP, tumour_type=MARKUP)
    at = open_page("case", state={session.PANEL: panel}, case=A)
    page = html_of(at)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_gene_table_is_searchable_and_tells_unmeasured_from_wild_type(open_page: OpenPage) -> None:
    at = open_page("case", state={session.PANEL: "Genes"}, case=A)
    table = at.dataframe[0].value
    assert len(table) == 1600
    assert set(table["state"]) == {"mutated", "wild type", "measured", "not measured"}
    assert table[table["state"] == "not measured"]["value"].isna().all()
    at.text_input(key=session.GENE_SEARCH).set_value("cxcl9").run()
    assert at.dataframe[0].value["symbol"].tolist() == ["CXCL9"]


def test_clinical_values_have_units_and_missing_ones_say_so(open_page: OpenPage) -> None:
    page = html_of(open_page("case", state={session.PANEL: "Clinical"}, case=A))
    assert "63" in page and "years" in page and "female" in page
    assert "not measured" in page
    assert "typical, 48th percentile, n\u00a0826" in page and "as in 39\u202f% of 829 training patients" in page


def test_a_result_of_an_earlier_model_stays_and_can_be_scored_again(open_page: OpenPage, desk: FakeBackend) -> None:
    assert "Earlier model" not in html_of(open_page("case", case="a" * 16))
    desk.champion = ("next-virtual", "e" * 64)
    at = open_page("case", case="a" * 16)
    page = html_of(at)
    assert "Earlier model." in page and "next-virtual (eeeeeeeeeeee)" in page and "bbbbbbbbbbbb" in page
    assert "Probability of objective response" in page
    next(b for b in at.button if b.label == "Re-score").click().run()
    assert ("submit", "a" * 16) in desk.calls
