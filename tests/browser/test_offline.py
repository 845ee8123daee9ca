"""The server stops under an open page and comes back: words that a clinician understands, and the page goes on."""

import pytest

from tests.browser.servers import free_port, run_app

pytestmark = pytest.mark.browser
DIALOG = "[role=dialog]"
SAID = "getComputedStyle(document.querySelector('[role=dialog] > div'), '::before').content"


def test_the_page_says_that_the_server_is_gone_and_goes_on(browser, tmp_path):
    port = free_port()
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    with run_app(tmp_path, tmp_path, port=port, ICICORE_WORKER="0") as address:
        page.goto(f"{address}/about")
        page.get_by_role("heading", name="About").wait_for()
    page.locator(DIALOG).wait_for()
    assert page.locator(DIALOG).get_by_role("heading").inner_text() == "Connection error"
    assert "The server does not answer" in page.evaluate(SAID)
    assert not page.get_by_text("streamlit run").is_visible()
    assert page.get_by_role("heading", name="About", include_hidden=True).is_visible(), "what was shown stays"
    with run_app(tmp_path, tmp_path, port=port, ICICORE_WORKER="0"):
        page.locator(DIALOG).wait_for(state="detached")
        page.get_by_role("link", name="Models", exact=True).click()
        page.get_by_role("heading", name="Models", exact=True).wait_for()
    page.close()
