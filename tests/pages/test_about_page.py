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
    at.button[0].click().run()
    assert "only 1.2 GiB are free" in html_of(at)
