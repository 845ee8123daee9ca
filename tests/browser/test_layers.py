"""Every control of the viewer changes what is on the screen, and Python hears of it."""

import json

import numpy as np
import pytest

from tests.browser.conftest import pixels
from tests.browser.scene import Scene
from tests.browser.servers import serve
from tests.browser.viewer_page import V, open_slide_number, settle, wait_ready
from tests.make_slides import make_slide

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layers")
    scene = Scene(folder)
    scene.add(make_slide(folder / "one.tif", size=(3200, 2600)), seed=1)
    scene.add(make_slide(folder / "two.tif", size=(2600, 2400), mpp=0.37), seed=2)
    scene.save()
    with serve(folder) as started:
        yield started


@pytest.fixture
def viewer(page, address):
    page.goto(f"{address}?show=viewer")
    wait_ready(page)
    return page


def middle(page):
    """The part of the slide that no control covers."""
    settle(page)
    shot = pixels(page)
    height, width = shot.shape[:2]
    return shot[int(height * 0.3) : int(height * 0.8), int(width * 0.42) : int(width * 0.75)]


class Watch:
    """Mean difference of the picture before and after a step."""

    def __init__(self, page):
        self.page, self.last = page, middle(page)

    def change(self, act):
        act()
        now = middle(self.page)
        difference, self.last = np.abs(now - self.last).mean(), now
        return difference


def slide_to(locator, value):
    locator.evaluate("(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", value)


def test_every_layer_control_changes_the_picture(viewer):
    watch, panel = Watch(viewer), viewer.locator(".panel")
    switch = {
        name: panel.locator(f".show[data-layer={name}]") for name in ("attention", "contribution", "gradcam", "tissue")
    }
    assert watch.change(switch["attention"].click) > 2
    for name in ("contribution", "gradcam", "tissue"):
        assert watch.change(switch[name].click) > 0.5, name
        assert watch.change(switch[name].click) > 0.5, name
    assert watch.change(switch["attention"].click) > 2
    viewer.get_by_label("Attention details").click()
    assert watch.change(lambda: panel.locator(".colormap").select_option("viridis")) > 1
    assert watch.change(panel.get_by_role("radio", name="percentile").click) > 1
    assert watch.change(panel.get_by_role("radio", name="log").click) > 1
    assert watch.change(panel.locator(".fade").click) > 1
    assert watch.change(lambda: slide_to(panel.locator(".threshold"), 0.7)) > 1
    assert watch.change(lambda: slide_to(panel.locator(".opacity").first, 1)) > 1
    viewer.get_by_text('"opacity": 1,').wait_for()  # the last change; reports are gathered
    text = viewer.get_by_text("layers {").inner_text()
    attention = json.loads(text.removeprefix("layers "))["layers"]["attention"]
    assert attention["colormap"] == "viridis"
    assert attention["opacity"] == 1
    assert not attention["fade"]
    assert attention["threshold"] > 0


def test_the_threshold_is_a_number_in_the_layers_own_unit(viewer):
    viewer.get_by_label("Attention details").click()
    values = viewer.evaluate(f"() => Array.from({V}.layers[0].values).filter(v => v === v)")
    limit = float(np.quantile(values, 0.75))
    viewer.locator(".number").fill(repr(limit))
    viewer.locator(".number").press("Enter")
    hidden = viewer.evaluate(
        f"""() => {{ const l = {V}.layers[0], c = l.image();
            const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
            return Array.from(l.values, (v, i) => [v, d[4 * i + 3]]).filter(([v]) => v === v); }}"""
    )
    assert all((alpha > 0) == (value >= limit) for value, alpha in hidden)


def test_the_legend_names_layer_scale_unit_and_range(viewer):
    legend = viewer.locator(".legend")
    values = [v for v in viewer.evaluate(f"() => Array.from({V}.layers[0].values)") if v == v]
    name = legend.first.get_attribute("aria-label")
    assert name.startswith("Attention, raw weight per tile, ")
    low, high = (float(x) for x in name.rsplit(", ", 1)[1].split(" – "))
    assert (low, high) == pytest.approx((min(values), max(values)), abs=max(values) / 200)
    viewer.locator(".show[data-layer=contribution]").click()
    label = legend.nth(1).get_attribute("aria-label")
    ends = label.rsplit(", ", 1)[1].split(" – ")
    assert ends[0] == ends[1].replace("+", "−")
    viewer.get_by_text("towards response").wait_for()


def test_the_cursor_reads_the_exact_value(viewer):
    table = viewer.evaluate(f"() => {V}.table.columns")
    box = viewer.locator(".zoom").bounding_box()
    for index in (len(table["row"]) // 2, len(table["row"]) // 3):
        point = viewer.evaluate(
            f"""i => {{ const v = {V}, c = v.table.columns, r = v.frameOf.tileRect(c.row[i], c.col[i]);
                const m = v.overlay.transform(v.frameOf);
                const x = r.x + r.width / 2, y = r.y + r.height / 2;
                return [m[0] * x + m[2] * y + m[4], m[1] * x + m[3] * y + m[5]]; }}""",
            index,
        )
        viewer.mouse.move(box["x"] + point[0], box["y"] + point[1])
        text = viewer.locator(".hud").inner_text()
        assert f"row {table['row'][index]}, col {table['col'][index]}" in text
        shown = float(viewer.locator(".reading[data-layer=attention] b").inner_text())
        assert shown == pytest.approx(table["attention"][index], rel=5e-3)


def test_keys(viewer):
    viewer.locator(".viewer").focus()
    state = f"() => {V}.layers.map(l => l.state.visible)"
    assert viewer.evaluate(state) == [True, False, False, False]
    for key in "24":
        viewer.keyboard.press(key)
    assert viewer.evaluate(state) == [True, True, False, True]
    viewer.keyboard.press("h")
    assert viewer.evaluate(state) == [False] * 4
    viewer.keyboard.press("h")
    assert viewer.evaluate(state) == [True, True, False, True]
    home = viewer.evaluate(f"() => {V}.osd.viewport.getZoom()")
    for key in ("+", "+", "ArrowLeft", "r"):
        viewer.keyboard.press(key)
    settle(viewer)
    assert viewer.evaluate(f"() => {V}.osd.viewport.getZoom()") == pytest.approx(home * 2.25, rel=1e-3)
    assert viewer.evaluate(f"() => {V}.osd.viewport.getRotation()") == pytest.approx(90)
    viewer.keyboard.press("?")
    assert viewer.get_by_role("dialog").is_visible()
    viewer.keyboard.press("Escape")
    assert not viewer.get_by_role("dialog").is_visible()
    viewer.locator(".show[data-layer=tissue]").click()
    for key in "R0":  # still heard after a button was used
        viewer.keyboard.press(key)
    settle(viewer)
    assert viewer.evaluate(f"() => {V}.osd.viewport.getZoom()") == pytest.approx(home, rel=1e-3)


@pytest.mark.parametrize("magnification", [5, 10, 20])
def test_magnification_and_scale_bar_follow_the_pixel_size(viewer, magnification):
    viewer.locator(f"[data-magnification='{magnification}']").click()
    settle(viewer)
    um_per_px = 10 / magnification
    corners = viewer.evaluate(
        f"() => {{ const v = {V}, m = v.overlay.transform(v.frameOf); return Math.hypot(m[0], m[1]) / v.frameOf.mpp; }}"
    )
    assert 1 / corners == pytest.approx(um_per_px, rel=1e-3)
    assert viewer.locator(".scale-zoom").inner_text() in (f"{magnification}×", f"{magnification}.0×")
    length, unit = viewer.locator(".scale-length").inner_text().split()
    micrometres = float(length) * (1000 if unit == "mm" else 1)
    width = viewer.locator(".scale-line").bounding_box()["width"]
    assert width * um_per_px == pytest.approx(micrometres, rel=0.02)


def test_the_view_survives_reruns_slide_switches_and_python_flies_there(viewer):
    viewer.locator("[data-magnification='5']").click()
    settle(viewer)
    bounds = f"() => {{ const b = {V}.osd.viewport.getBounds(); return [b.x, b.y, b.width, b.height]; }}"
    before = viewer.evaluate(bounds)
    viewer.locator(".show[data-layer=tissue]").click()
    viewer.get_by_text("runs 2").wait_for()
    assert viewer.evaluate(bounds) == before
    open_slide_number(viewer, 1)
    assert viewer.evaluate(bounds) != before
    open_slide_number(viewer, 0)
    assert viewer.evaluate(bounds) == pytest.approx(before, rel=1e-6)
    viewer.get_by_role("button", name="Fly to the last tile").click()
    viewer.wait_for_function(f"() => {V}.slide.id === {V}.data.slides[1].id && {V}.selected?.index === 0")
    settle(viewer)
    offset = viewer.evaluate(
        f"""() => {{ const v = {V}, r = v.frameOf.tileRect(v.selected.row, v.selected.col);
            const c = v.item.viewportToImageCoordinates(v.osd.viewport.getCenter());
            return [(c.x - r.x - r.width / 2) / r.width, (c.y - r.y - r.height / 2) / r.height]; }}"""
    )
    assert np.abs(offset).max() < 0.6
    assert viewer.evaluate("() => [window.__icicore.mounts, window.__icicore.destroys]") == [1, 0]


def test_a_damaged_layer_is_switched_off_and_the_rest_stays(page, address):
    page.route("**/grid/**/contribution.f32*", lambda route: route.fulfill(status=200, body=b"\0" * 8))
    page.goto(f"{address}?show=viewer")
    wait_ready(page)
    page.locator(".show[data-layer=contribution]").click()
    page.wait_for_function(f"() => {V}.layers[1].failed")
    page.get_by_label("Contribution details").click()
    page.get_by_text("not available for this slide").wait_for()
    assert page.evaluate(f"() => {V}.layers.map(l => l.state.visible)") == [True, False, False, False]
    assert not page.locator(".notice").is_visible()
