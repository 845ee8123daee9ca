"""The tour moves nothing, is reached by keyboard and leaves nothing behind; the presentation mode enlarges the page."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from playwright.sync_api import expect

from icicore.settings import read_settings
from icicore.workflows.services import build_services
from tests.browser.conftest import open_page
from tests.browser.servers import run_app
from tests.pages.work_home import add_scored

pytestmark = pytest.mark.browser
KEY = "a" * 16


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("home")
    services = build_services(read_settings({"ICICORE_HOME": str(home)}))
    add_scored(services, KEY, "CASE-T", virtual=True)
    services.database.close()
    with run_app(home, home / "cases", ICICORE_WORKER="0") as url:
        yield url


def opened(page: Any, address: str) -> None:
    page.goto(address)
    page.get_by_text("Probability of objective response").wait_for()


def test_the_tour_by_keyboard(address: str, browser: Any) -> None:
    with open_page(browser) as page:
        opened(page, f"{address}/case?case={KEY}")
        before = page.locator(".i-top").bounding_box()
        page.goto(f"{address}/about")
        page.get_by_role("button", name="Tour of a demonstration case").click()
        card = page.locator(".st-key-tour")
        expect(card.get_by_text("1 of 9")).to_be_visible()
        assert page.locator(".i-top").bounding_box() == before, "the card takes room on the page"
        assert page.locator(".st-key-part_answer").evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
        card.get_by_role("button", name="Next").focus()
        page.keyboard.press("Enter")
        expect(card.get_by_text("2 of 9")).to_be_visible()
        for stop in range(3, 6):
            card.get_by_role("button", name="Next").press("Enter")
            expect(card.get_by_text(f"{stop} of 9")).to_be_visible()
        expect(page.get_by_role("radio", name="Genes")).to_be_checked()
        page.keyboard.press("Escape")
        expect(card).to_have_count(0)
        assert "tour" not in page.url


def test_presentation_mode(address: str, browser: Any) -> None:
    with open_page(browser) as page:
        opened(page, f"{address}/case?case={KEY}")
        size = "() => parseFloat(getComputedStyle(document.documentElement).fontSize)"
        before = page.evaluate(size)
        end = page.get_by_role("button", name="End presentation")
        for _ in range(5):  # keys that are pressed before Streamlit listens are lost, and a person presses again
            page.keyboard.press("Alt+p")
            with contextlib.suppress(PlaywrightTimeout):
                end.wait_for(timeout=30_000)
                break
        assert page.evaluate(size) > before and not page.get_by_role("link", name="Work list").is_visible()
        opened(page, page.url)
        end.wait_for()  # a reload keeps it
        end.click()
        page.get_by_role("link", name="Work list").wait_for()
        assert page.evaluate(size) == before
