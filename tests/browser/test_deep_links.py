"""Every page opened by its own address and left by the menu, also below a prefix: no request fails on the way."""

import pytest

from icicore.addresses import PAGES
from tests.browser.conftest import open_page
from tests.browser.servers import run_app

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("base", ["", "/clinic"])
def test_deep_links(browser, tmp_path, base):
    with run_app(tmp_path, tmp_path, base=base, ICICORE_WORKER="0") as address, open_page(browser) as page:
        failed: list[str] = []
        page.on("response", lambda r: failed.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        for name in ("", *PAGES):
            page.goto(f"{address}/{name}")
            page.get_by_role("link", name="About", exact=True).click()
            page.wait_for_url(f"{address}/about")
            page.get_by_role("heading", name="About").wait_for()
        assert failed == []
