"""A higher window gives a higher viewer at once, the presentation mode larger type inside it; nothing starts anew."""

import pytest

from icicore.ui.account import _CSS
from tests.browser.conftest import open_page, serve
from tests.browser.scene import Scene
from tests.browser.viewer_page import wait_ready
from tests.make_slides import make_slide

pytestmark = pytest.mark.browser
HEIGHT = "() => Math.round(window.__icicore.viewers.viewer.el.getBoundingClientRect().height)"
SEEN = """() => { const v = window.__icicore.viewers.viewer, q = s => v.el.querySelector(s);
  const box = s => q(s).getBoundingClientRect();
  return { um: v.umPerPx(), bar: box('.scale-line').width, length: q('.scale-length').innerText,
           legend: box('.legends').height, hud: box('.hud').height,
           zoom: parseFloat(getComputedStyle(q('.scale-zoom')).fontSize),
           tools: getComputedStyle(q('.tools')).display, toolbar: getComputedStyle(q('.toolbar')).display }; }"""


@pytest.fixture(scope="module")
def viewer(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("big")
    path = folder / "slide.tif"
    make_slide(path, size=(1536, 1280), mpp=0.5)
    scene = Scene(folder)
    scene.add(path, thumbnails=False)
    scene.save()
    with serve(folder) as address, open_page(browser) as page:
        page.goto(f"{address}?show=viewer&height=460&grows=1")
        wait_ready(page)
        yield page


def test_the_viewer_takes_what_a_higher_window_has_to_spare(viewer):
    assert viewer.evaluate(HEIGHT) == 460
    viewer.evaluate("() => { window.__icicore.viewers.viewer.kept = true; }")
    for window, expected in ((1080, 640), (1300, 860), (700, 460), (900, 460)):
        viewer.set_viewport_size({"width": 1440, "height": window})
        viewer.wait_for_function(f"h => ({HEIGHT})() === h", arg=expected)
    assert viewer.evaluate("() => window.__icicore.viewers.viewer.kept"), "the viewer began anew"


def test_presentation_enlarges_the_words_and_not_the_scale(viewer):
    before = viewer.evaluate(SEEN)
    assert before["tools"] != "none" and before["toolbar"] != "none"
    style = viewer.add_style_tag(content="\n".join(line for line in _CSS.splitlines() if ":root" in line))
    viewer.wait_for_timeout(300)
    after = viewer.evaluate(SEEN)
    style.evaluate("el => el.remove()")
    assert after["tools"] == after["toolbar"] == "none"
    assert after["zoom"] == pytest.approx(1.35 * before["zoom"], rel=0.01)
    for part in ("legend", "hud"):
        assert after[part] > 1.25 * before[part], part
    for seen in (before, after):
        number, unit = seen["length"].split()
        assert seen["bar"] * seen["um"] == pytest.approx(float(number) * (1000 if unit == "mm" else 1), rel=0.02)
