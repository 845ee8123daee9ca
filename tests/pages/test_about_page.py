"""The about page."""

from tests.pages.conftest import OpenPage, html_of
from tests.pages.fake_results import FakeBackend


def test_intended_use_limits_cards_and_licences(open_page: OpenPage) -> None:
    page = html_of(open_page("about"))
    assert "never makes one" in page and "not a medical device" in page
    assert "Trained on **virtual** data" in page
    assert "OpenSeadragon" in page and "Apache-2.0" in page


def test_a_card_cannot_make_the_browser_fetch_a_picture(open_page: OpenPage) -> None:
    assert "![" not in html_of(open_page("about"))


def test_doctor_runs_only_when_asked(open_page: OpenPage, desk: FakeBackend) -> None:
    at = open_page("about")
    assert "only 1.2 GiB" not in html_of(at)
    next(b for b in at.button if b.label == "Check this installation").click().run()
    assert "only 1.2 GiB are free" in html_of(at)


def test_every_library_is_listed_and_found(open_page: OpenPage) -> None:
    at = open_page("about")
    table = at.dataframe[0].value
    assert len(table) > 50 and {"streamlit", "torch", "highdicom", "pydicom"} <= set(table["Library"])
    assert (table["Licence"] != "").all()
    needed = dict(zip(table["Library"], table["Needed by"], strict=True))
    assert needed["streamlit"] == "icicore" and needed["starlette"] == "another library"
    at.text_input(key="licence_search").input("pydicom").run()
    assert list(at.dataframe[0].value["Library"]) == ["pydicom"]
    at.text_input(key="licence_search").input("<b>none such").run()
    assert len(at.dataframe[0].value) == 0 and not at.exception


def test_the_promoted_model_leads_and_roles_are_explained(open_page: OpenPage) -> None:
    at = open_page("about")
    assert [e.label.replace("\\", "") for e in at.expander] == ["demo-virtual-lite0 (promoted)"]
    page = html_of(at)
    assert "promotes, rolls back and removes models" in page and "Ada" in page


def test_the_tour_starts_on_a_virtual_case(open_page: OpenPage) -> None:
    at = open_page("about")
    next(b for b in at.button if b.label.startswith("Tour of a demonstration")).click().run()
    assert "Tour · 1 of 9" in html_of(at)
