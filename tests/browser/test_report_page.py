"""The evaluation page in a real browser: no request but for itself, no error, nothing runs off the side."""

import pytest

from icicore.reports.page import evaluation_page
from tests.reports.make_report import make_report


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light")])
def test_the_page_asks_for_nothing_and_fits(tmp_path, browser, width, scheme):
    path = tmp_path / "report.html"
    path.write_text(evaluation_page(make_report()), encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    requests: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(path.as_uri())
    measured = page.evaluate(
        "[document.documentElement.scrollWidth, getComputedStyle(document.body).backgroundColor,"
        " document.querySelectorAll('svg[role=img]').length]"
    )
    context.close()
    assert requests == [path.as_uri()]
    assert faults == []
    assert measured[0] <= width
    assert measured[1] == ("rgb(15, 26, 34)" if scheme == "dark" else "rgb(255, 255, 255)")
    assert measured[2] >= 5
