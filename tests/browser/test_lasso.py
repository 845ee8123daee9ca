"""A lasso drawn with the mouse on the slide map lists the cases in it, and leads to the work list."""

import json

import pytest

from tests.browser.conftest import open_page
from tests.browser.test_app import run_app
from tests.pages.test_cohort_page import NAME, SEAL, with_cases
from tests.pages.work_home import work_services

pytestmark = pytest.mark.browser
N = 12
ON_THE_MAP = N - 1
"""One of the cases has no slide."""
PLOT = ".st-key-cohort_map .js-plotly-plot"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    home = tmp_path_factory.mktemp("lasso-home")
    bundle = home / "checkpoints" / NAME
    bundle.mkdir(parents=True)
    (bundle / "bundle.json").write_text(json.dumps({"seal": SEAL}))
    services = work_services(home)
    with_cases(services, N)
    services.database.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ICICORE_CHECKPOINTS", str(home / "checkpoints"))
        with run_app(home, home) as started:
            yield started


def test_a_lasso_around_all_points_lists_them_and_shows_them_on_the_work_list(address, browser):
    with open_page(browser) as page:
        page.goto(f"{address}/cohort")
        page.get_by_text("Slide map", exact=True).click()
        page.locator(PLOT).wait_for()
        page.locator(f"{PLOT} .scatterlayer .point").first.wait_for(state="attached")
        page.locator(PLOT).scroll_into_view_if_needed()
        box = page.locator(f"{PLOT} .nsewdrag").first.bounding_box()
        left, top, width, height = (box[k] for k in ("x", "y", "width", "height"))
        corners = [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99), (0.01, 0.02)]
        places = [(left + a * width, top + b * height) for a, b in corners]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=12)
        page.mouse.up()
        page.get_by_text(f"{ON_THE_MAP} cases chosen").wait_for()
        page.get_by_role("button", name="Show in the work list").click()
        page.locator(".worklist tbody tr").first.wait_for()
        page.wait_for_function(
            """n => [...document.querySelectorAll('*')].some(e =>
            e.shadowRoot?.querySelectorAll('.worklist tbody tr').length === n)""",
            arg=ON_THE_MAP,
        )
