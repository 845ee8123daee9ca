"""Work list and comparison in a real browser: keyboard, sorting, ticks, a batch that is cancelled, viewers in step."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from icicore.slides.digest import slide_digest
from icicore.store.cases import CaseRow
from tests.browser.conftest import open_page
from tests.browser.scene import BUNDLE as SCENE_BUNDLE
from tests.browser.scene import CASE as SCENE_CASE
from tests.browser.scene import Scene
from tests.browser.servers import run_app
from tests.browser.viewer_page import FRAMES
from tests.make_slides import make_slide
from tests.pages.fake_prediction import prediction_json
from tests.pages.fake_results import case_row
from tests.pages.work_home import work_services

pytestmark = pytest.mark.browser
N = 230
FIRST, SECOND_CASE = "a" * 16, "b" * 16
BUNDLES = ("b" * 64, "d" * 64)
MPP = {FIRST: 0.5, SECOND_CASE: 0.25}


@dataclass(frozen=True)
class Site:
    address: str
    home: Path


def write_results(home: Path) -> list[CaseRow]:
    """Two cases with a slide of another pixel size each; the first has results under two bundles."""
    services, rows = work_services(home), []
    for number, (key, mpp) in enumerate(MPP.items()):
        path = home / f"slide-{number}.tif"
        make_slide(path, size=(1536, 1280), mpp=mpp)
        scene = Scene(home / f"scene-{number}")
        layers = scene.add(path, thumbnails=False)
        layers["digest"] = services.slides.digest(path, slide_digest)
        for digest in BUNDLES if key == FIRST else BUNDLES[:1]:
            folder = services.settings.results_dir / key / digest[:16]
            slides = folder / "slides" / layers["digest"][:16]
            (source,) = (scene.results / SCENE_CASE / SCENE_BUNDLE / "slides").iterdir()
            shutil.copytree(source, slides)
            (slides / "layers.json").write_text(json.dumps(layers))
            content = prediction_json([]) | {"slides": [{"path": path.name, "digest": layers["digest"], "qc": {}}]}
            content["bundle"] = {"name": f"bundle-{digest[0]}", "digest": digest}
            (folder / "prediction.json").write_text(json.dumps(content))
        rows.append(case_row(key, case_id=f"SLIDE-{number}", folder=f"/s/{number}", bundle_digest=BUNDLES[0]))
    services.cases.put_all(rows)
    services.database.close()
    return rows


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("work-home")
    write_results(home)
    services = work_services(home)
    services.cases.put_all(
        case_row(f"{n:016x}", case_id=f"P-{n:03d}", folder=f"/c/{n}", probability=n / N, state="scored")
        for n in range(N)
    )
    services.database.close()
    with run_app(home, home / "demo", ICICORE_WORKER="0") as address:
        yield Site(address, home)


def first_case(page) -> str:
    return page.locator(".worklist tbody tr td.id").first.inner_text()


def wait_first(page, case_id: str) -> None:
    page.wait_for_function(
        """id => { const host = [...document.querySelectorAll('*')].find(e => e.shadowRoot?.querySelector('.worklist'));
        return host?.shadowRoot.querySelector('tbody td.id')?.innerText.startsWith(id); }""",
        arg=case_id,
    )


def test_the_work_list_is_used_from_the_keyboard(site, browser):
    with open_page(browser) as page:
        page.goto(site.address)
        page.locator(".worklist tbody tr").first.wait_for()
        page.get_by_role("button", name="Probability").dblclick()  # turned round before the server has answered
        wait_first(page, f"P-{N - 1:03d}")
        assert page.locator("th[aria-sort=descending]").inner_text().startswith("Probability")
        page.get_by_role("button", name="Next").click()
        wait_first(page, f"P-{N - 1 - 98:03d}")  # both cases with slides lie among the first hundred
        page.get_by_role("button", name="Previous").click()
        wait_first(page, f"P-{N - 1:03d}")
        page.get_by_role("button", name="Next").dblclick()  # two pages, before the server has answered
        page.get_by_text(f"201–{N + 2} of {N + 2}").wait_for()
        wait_first(page, f"P-{N - 1 - 198:03d}")
        page.locator("body").press("/")
        page.keyboard.type("P-21")
        page.keyboard.press("Enter")
        wait_first(page, "P-219")
        assert page.locator(".worklist tbody tr").count() == 10
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        assert page.locator("tr.active td.id").inner_text().startswith("P-218")
        page.keyboard.press("Space")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Space")
        page.get_by_role("button", name="Score 2").wait_for()
        assert page.locator("tr.ticked").count() == 2
        page.get_by_role("button", name="Score 2").click()
        page.get_by_text("Scoring cases").wait_for()
        page.locator("td .badge", has_text="Queued").nth(1).wait_for()
        assert page.locator("tr.ticked").count() == 0
        page.get_by_role("button", name="Cancel").click()
        page.get_by_text("Scoring cases").wait_for(state="detached")
        page.locator("td .badge", has_text="Queued").first.wait_for(state="detached")
        page.locator(".list").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/case?case={216:016x}*")  # the row after the one that was ticked last: the cursor stays
        page.go_back()
        wait_first(page, "P-219")
        assert page.locator("tr.active td.id").inner_text().startswith("P-216"), "back at the case that was opened"
        page.locator(".list").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/case?case={215:016x}*")


def test_the_cursor_stays_with_its_case_when_the_rows_move(site, browser):
    with open_page(browser) as page:
        page.goto(site.address)
        page.locator(".worklist tbody tr").first.wait_for()
        page.locator("body").press("/")
        page.keyboard.type("P-11")
        page.keyboard.press("Enter")
        page.get_by_text(f"10 of {N + 2} cases").wait_for()
        page.locator(".list").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        pointed = page.locator("tr.active").get_attribute("data-key")
        below = page.locator(".worklist tbody tr").nth(4).get_attribute("data-key")
        services = work_services(site.home)
        services.cases.put_all([services.cases.get(below)])  # changed just now, so the first of the listing
        services.database.close()
        page.locator(f"tr[data-key='{pointed}'] input").check()  # the server answers with the rows as they are now
        page.locator(f".worklist tbody tr:first-child[data-key='{below}']").wait_for()
        assert page.locator("tr.active").get_attribute("data-key") == pointed
        assert page.locator(f".worklist tbody tr:nth-child(3)[data-key='{pointed}']").count() == 1


STATE = "window.__icicore.viewers['compare_' + k]"
VIEWER = "window.__icicore?.viewers?.compare_{}"
READY = """() => ['compare_A', 'compare_B'].every(k => {
  const v = window.__icicore?.viewers?.[k];
  return v?.shown && v.osd.world.getItemAt(0).getFullyLoaded() && v.sync?.wanted; })"""
SCALES = "() => ['A', 'B'].map(k => window.__icicore.viewers['compare_' + k].umPerPx())"
CENTRES = f"""() => ['A', 'B'].map(k => {{ const v = {STATE}, c = v.sync.centre();
  return [c.x * v.frameOf.mpp, c.y * v.frameOf.mpp]; }})"""
AT_REST = f"""() => ['A', 'B'].every(k => {{ const p = {STATE}.osd.viewport;
  const away = p.getCenter(true).minus(p.getCenter()), more = Math.abs(p.getZoom(true) - p.getZoom());
  return more < 1e-4 * p.getZoom() && away.x ** 2 + away.y ** 2 < 1e-10; }})"""


def rest(page) -> None:
    """Wait until neither view moves: what one tells the other takes some frames to arrive."""
    for _ in range(4):
        page.evaluate(FRAMES)
        page.wait_for_function(AT_REST)


def drag(page, letter: str, by: tuple[int, int]) -> None:
    box = page.locator(f".st-key-compare_{letter} .zoom, [class*=compare_{letter}] .zoom").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.7
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by[0], y + by[1], steps=8)
    page.mouse.up()
    rest(page)


def zoom(page, letter: str, clicks: int) -> None:
    page.evaluate(f"() => {VIEWER.format(letter)}.el.scrollIntoView({{ block: 'center' }})")
    page.evaluate(f"() => {VIEWER.format(letter)}.el.focus()")
    for _ in range(clicks):
        page.keyboard.press("+")
    rest(page)


def test_viewers_of_two_cases_keep_one_magnification_and_move_by_one_distance(site, browser):
    with open_page(browser) as page:
        page.goto(f"{site.address}/compare?cases={FIRST},{SECOND_CASE}")
        page.wait_for_function(READY)
        zoom(page, "A", 4)
        one, two = page.evaluate(SCALES)
        assert one == pytest.approx(two, rel=1e-3), "micrometres per pixel on the screen"
        before = page.evaluate(CENTRES)
        drag(page, "A", (-60, 30))
        after = page.evaluate(CENTRES)
        assert after[0] != pytest.approx(before[0], abs=1) and after[1] == pytest.approx(before[1], abs=1)
        page.get_by_text("positions linked").click()
        page.wait_for_function(f"() => {VIEWER.format('B')}.sync.wanted.mode === 'position'")
        before = page.evaluate(CENTRES)
        drag(page, "B", (-50, -40))
        after = page.evaluate(CENTRES)
        moved = np.subtract(after, before)
        assert np.hypot(*moved[1]) > 5
        assert moved[0] == pytest.approx(moved[1], abs=0.5), "both moved by the same distance in micrometres"
        page.get_by_text("Each alone").click()
        page.wait_for_function(f"() => {VIEWER.format('B')}.sync.wanted.mode === 'off'")
        zoom(page, "B", 2)
        one, two = page.evaluate(SCALES)
        assert two < 0.8 * one


def test_one_slide_under_two_models_shows_the_same_place(site, browser):
    with open_page(browser) as page:
        page.goto(f"{site.address}/compare?cases={FIRST}&bundles={BUNDLES[0][:16]},{BUNDLES[1][:16]}")
        page.wait_for_function(READY)
        zoom(page, "B", 3)
        drag(page, "B", (40, 20))
        bounds = page.evaluate(
            f"""() => ['A', 'B'].map(k => {{ const b = {STATE}.osd.viewport.getBounds(true);
            return [b.x, b.y, b.width, b.height]; }})"""
        )
        assert bounds[0] == pytest.approx(bounds[1], abs=1e-6)
        assert page.get_by_text("bundle-d").first.is_visible()
