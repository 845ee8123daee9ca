"""The next finer level is in the browser's cache before it is asked for, and is given up when the view moves."""

import re

import pytest

from tests.browser.conftest import serve
from tests.browser.scene import Scene
from tests.browser.viewer_page import V, look_at, settle, wait_ready
from tests.make_slides import make_slide

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1200)]
IDLE = f"() => !{V}.prefetch.stopper && {V}.prefetch.known.size > 0"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prefetch")
    scene = Scene(folder)
    scene.add(make_slide(folder / "one.tif", size=(6400, 6400)), seed=1)
    scene.save()
    with serve(folder) as started:
        yield started


@pytest.fixture(autouse=True)
def patient(page):
    """Time for a machine that does other work."""
    page.set_default_timeout(300_000)


def level_of(url: str) -> int:
    return int(re.search(r"/tiles/[0-9a-f]+/(\d+)/", url)[1])


def finest_shown(page) -> int:
    return page.evaluate(
        f"() => {{ const i = {V}.item, z = i.viewportToImageZoom({V}.osd.viewport.getZoom());"
        "return i.source.maxLevel + Math.floor(Math.log2(z / i.minPixelRatio) + 1e-6); }"
    )


def test_zooming_in_finds_its_tiles_fetched(page, address):
    asked: list[tuple[str, str]] = []
    page.on("request", lambda r: asked.append((r.url, r.resource_type)) if "/tiles/" in r.url else None)
    page.goto(f"{address}?show=viewer")
    wait_ready(page)
    look_at(page, 10, 10, tile_px=40)
    page.wait_for_function(IDLE)
    shown = finest_shown(page)
    ahead = [url for url, kind in asked if kind == "fetch" and level_of(url) == shown + 1]
    assert 1 <= len(ahead) <= 24, "some tiles of the next level, and not all of it"
    assert all(level_of(url) <= shown for url, kind in asked if kind == "image"), "nothing finer is drawn yet"
    page.evaluate(f"() => {V}.osd.viewport.zoomBy(2, null, true)")
    settle(page)
    drawn = {url for url, kind in asked if kind == "image" and level_of(url) == shown + 1}
    assert drawn & set(ahead), "the tiles in the middle are the ones that were fetched"
    served = page.evaluate(
        "urls => performance.getEntriesByType('resource').filter(e => urls.includes(e.name) && "
        "e.initiatorType !== 'fetch').map(e => e.transferSize)",
        sorted(drawn & set(ahead)),
    )
    assert served and max(served) == 0, "they come from the cache"


def test_what_is_no_longer_wanted_is_given_up(page, address):
    page.goto(f"{address}?show=viewer")
    wait_ready(page)
    page.wait_for_function(IDLE)
    held: list = []
    page.route(re.compile("/tiles/"), lambda route: held.append(route))
    page.evaluate(f"() => {V}.prefetch.known.clear()")
    page.evaluate(f"() => {{ {V}.prefetch.run({V}.osd.world.getItemAt(0)); }}")
    page.wait_for_function(f"() => {V}.prefetch.stopper")
    page.evaluate(f"() => {V}.osd.raiseEvent('animation-start')")
    page.wait_for_function(f"() => !{V}.prefetch.stopper && {V}.prefetch.known.size === 0")
    assert len(held) <= 1, "one request at a time"
    page.unroute_all(behavior="ignoreErrors")
