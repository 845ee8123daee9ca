"""Annotations in the browser: saved as they are drawn, seen by a second browser, kept offline, to QuPath and back."""

import json
import re

import pytest

from tests.browser.conftest import Recorder
from tests.browser.scene import Scene
from tests.browser.servers import serve
from tests.browser.viewer_page import V, settle, wait_ready
from tests.make_slides import make_slide

pytestmark = pytest.mark.browser

MARKUP = "<img src=x onerror='window.hit = 1'><b>dense</b>"
SAVED = f"() => {V}.annotator.book.outbox.size === 0 && {V}.annotator.book.stored.size"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("annotations")
    scene = Scene(folder)
    scene.add(make_slide(folder / "one.tif", size=(3200, 2600)), seed=1)
    scene.save()
    with serve(folder) as started:
        yield f"{started}?show=viewer"


@pytest.fixture
def viewer(page, address):
    page.goto(address)
    wait_ready(page)
    page.wait_for_function(f"() => {V}.annotator.book.loaded")
    yield page
    page.unroute_all(behavior="ignoreErrors")
    if page.evaluate("() => Boolean(window.__icicore)"):
        page.evaluate(f"() => {{ const a = {V}.annotator; a.book.list.forEach(x => a.book.remove(x.id)); }}")
        page.wait_for_function(f"() => {V}.annotator.book.list.length === 0 && !{V}.annotator.book.outbox.size")


def box_of(page):
    found = page.locator(".zoom").bounding_box()
    return found["x"] + found["width"] / 2, found["y"] + found["height"] / 2


def draw_box(page, dx=0):
    """Draw a rectangle of 120 x 80 px around the middle with the mouse; returns the annotation."""
    x, y = box_of(page)
    before = page.evaluate(f"() => {V}.annotator.book.list.length")
    page.locator("[data-tool=rectangle]").click()
    page.wait_for_function(f"() => {V}.annotator.drawing")
    for at in ((x - 60 + dx, y - 40), (x + 60 + dx, y + 40)):
        page.mouse.move(*at, steps=4)
        page.mouse.click(*at)
        page.wait_for_timeout(120)
    page.wait_for_function(f"n => {V}.annotator.book.list.length > n", arg=before)
    page.keyboard.press("Escape")
    page.locator("[data-tool=rectangle][aria-pressed=false]").wait_for()
    return page.evaluate(f"() => {V}.annotator.book.list.at(-1)")


def on_server(page):
    return page.evaluate(f"async () => (await (await fetch({V}.slide.urls.annotations)).json()).annotations")


def test_drawn_commented_reloaded_and_seen_by_a_second_browser(viewer, browser, address):
    drawn = draw_box(viewer)
    viewer.get_by_label("Class", exact=True).select_option("Immune cells")
    viewer.get_by_label("Comment").fill(MARKUP)
    viewer.get_by_text("0.", exact=False).first.wait_for()
    viewer.locator(".note .close").click()
    viewer.wait_for_function(SAVED)
    (stored,) = on_server(viewer)
    assert (stored["id"], stored["label"], stored["comment"]) == (drawn["id"], "Immune cells", MARKUP)
    assert stored["author"] == "tester"
    second = browser.new_context(viewport={"width": 1440, "height": 900})
    other, recorder = second.new_page(), Recorder()
    recorder.watch(other)
    other.goto(address)
    wait_ready(other)
    other.locator("[data-tool=list]").click()
    other.locator(".notes .items button").filter(has_text="Immune cells").click()
    assert other.get_by_label("Comment").input_value() == MARKUP
    assert "tester" in other.locator(".note .facts").inner_text()
    other.locator(".note .close").click()
    draw_box(other, dx=90)
    viewer.wait_for_function(f"() => {V}.annotator.book.list.length === 2")
    second.close()
    assert recorder.errors == [] and recorder.strangers == []
    viewer.reload()
    wait_ready(viewer)
    viewer.wait_for_function(f"() => {V}.annotator.book.list.length === 2")
    assert viewer.evaluate("() => window.hit") is None, "markup ran"
    viewer.locator("[data-tool=list]").click()
    viewer.get_by_text("dense", exact=False).wait_for()


def test_without_a_connection_the_drawing_stays_and_the_page_says_so(viewer, address):
    viewer.route("**/annotations/**", lambda route: route.abort("internetdisconnected"))
    drawn = draw_box(viewer)
    viewer.locator(".saving").filter(has_text="Not connected: 1 change is kept in this browser").wait_for()
    viewer.reload()
    wait_ready(viewer)
    viewer.wait_for_function(f"id => {V}.annotator.book.get(id)", arg=drawn["id"])
    viewer.unroute_all(behavior="wait")
    viewer.wait_for_function(SAVED)
    assert [a["id"] for a in on_server(viewer)] == [drawn["id"]]
    assert not viewer.locator(".saving").is_visible()
    assert viewer.evaluate("() => Object.keys(localStorage).filter(k => k.startsWith('icicore-unsent'))") == []


@pytest.fixture(autouse=True)
def failed_requests_are_expected(request, monkeypatch):
    """A refused or broken request is logged by the browser itself; here some are made on purpose."""
    wanted = ("net::ERR", "409", "422")
    original = Recorder._console
    keep = lambda self, m: None if any(w in m.text for w in wanted) else original(self, m)  # noqa: E731
    monkeypatch.setattr(Recorder, "_console", keep)


def test_what_somebody_else_changed_is_not_overwritten(viewer):
    drawn = draw_box(viewer)
    viewer.wait_for_function(SAVED)
    viewer.evaluate(
        f"""async id => {{ const b = {V}.annotator.book, a = b.get(id);
            await fetch(b.urls.annotation.replace('{{id}}', id), {{ method: 'PUT',
                body: JSON.stringify({{ ...a, label: 'Stroma', revision: a.revision }}) }});
            {V}.annotator.change(id, {{ label: 'Necrosis' }}); }}""",  # at once: the viewer asks for news by itself
        drawn["id"],
    )
    viewer.locator(".saving").filter(has_text="Changed meanwhile by tester: theirs is shown, yours is kept").wait_for()
    viewer.wait_for_function(f"() => {V}.annotator.book.outbox.size === 0")
    labels = {a["id"] == drawn["id"]: a["label"] for a in on_server(viewer)}
    assert labels == {True: "Stroma", False: "Necrosis"}


def test_deleted_and_brought_back(viewer):
    draw_box(viewer)
    viewer.wait_for_function(SAVED)
    viewer.locator("[data-tool=list]").click()
    viewer.locator(".viewer").focus()
    viewer.keyboard.press("]")
    viewer.keyboard.press("Delete")
    viewer.wait_for_function(f"() => !{V}.annotator.book.list.length && !{V}.annotator.book.outbox.size")
    assert on_server(viewer) == []
    viewer.get_by_role("button", name="Bring back").click()
    viewer.wait_for_function(SAVED)
    assert len(on_server(viewer)) == 1


def test_reshaping_moves_the_corner_that_was_dragged(viewer):
    drawn = draw_box(viewer)
    viewer.get_by_role("button", name="Reshape").click()
    viewer.locator(".a9s-handle").first.wait_for()
    x, y = box_of(viewer)
    viewer.mouse.move(x - 60, y - 40)
    viewer.mouse.down()
    viewer.mouse.move(x - 90, y - 70, steps=6)
    viewer.mouse.up()
    viewer.keyboard.press("Escape")
    moved = viewer.evaluate(f"id => {V}.annotator.book.get(id).geometry.coordinates[0]", drawn["id"])
    before = drawn["geometry"]["coordinates"][0]
    per_px = viewer.evaluate(f"() => 1 / {V}.item.viewportToImageZoom({V}.osd.viewport.getZoom())")
    changes = [[(a - b) / per_px for a, b in zip(p, q, strict=True)] for p, q in zip(moved, before, strict=True)]
    assert changes[0] == pytest.approx([-30, -30], abs=2.5)
    for change in changes[1:3]:
        assert change == pytest.approx([0, 0], abs=1)


def test_a_point_a_class_of_ones_own_and_the_way_to_qupath_and_back(viewer, tmp_path):
    x, y = box_of(viewer)
    viewer.locator(".viewer").focus()
    viewer.keyboard.press("t")
    viewer.mouse.click(x + 40, y + 30)
    viewer.keyboard.press("Escape")
    viewer.get_by_label("Class", exact=True).select_option(label="Other class …")
    viewer.get_by_label("Name of the class").fill("Tertiary <lymphoid>")
    viewer.get_by_label("Name of the class").press("Enter")
    viewer.wait_for_function(SAVED)
    (before,) = on_server(viewer)
    assert (before["geometry"]["type"], before["label"]) == ("Point", "Tertiary <lymphoid>")
    viewer.locator("[data-tool=list]").click()
    with viewer.expect_download() as download:
        viewer.get_by_text("Export", exact=True).click()
    path = tmp_path / "out.geojson"
    download.value.save_as(path)
    (feature,) = json.loads(path.read_text())["features"]
    assert feature["properties"]["classification"]["name"] == "Tertiary <lymphoid>"
    viewer.evaluate(f"() => {V}.annotator.remove({V}.annotator.book.list[0].id)")
    viewer.wait_for_function(f"() => !{V}.annotator.book.outbox.size && !{V}.annotator.book.stored.size")
    viewer.locator(".notes input[type=file]").set_input_files(path)
    viewer.get_by_text("out.geojson: 1 new, 0 changed, 0 unchanged").wait_for()
    (after,) = on_server(viewer)
    assert {k: after[k] for k in ("id", "geometry", "label", "colour")} == {
        k: before[k] for k in ("id", "geometry", "label", "colour")
    }
    (tmp_path / "bad.geojson").write_text(
        json.dumps([feature | {"geometry": {"type": "Point", "coordinates": [-9, 1]}}])
    )
    viewer.locator(".notes input[type=file]").set_input_files(tmp_path / "bad.geojson")
    viewer.get_by_text("bad.geojson: annotation 1: a position (-9, 1) lies outside the image").wait_for()
    assert len(on_server(viewer)) == 1


def test_naming_a_class_goes_on_while_an_earlier_change_is_being_saved(viewer):
    """The answer of the server brings the card up to date; it must not close the field that is being typed in."""
    held = []
    viewer.route(re.compile(r"/annotations/.+\.json"), lambda route: held.append(route))
    x, y = box_of(viewer)
    viewer.locator(".viewer").focus()
    viewer.keyboard.press("t")
    viewer.mouse.click(x + 20, y + 30)
    viewer.keyboard.press("Escape")
    name = viewer.get_by_label("Name of the class")
    viewer.get_by_label("Class", exact=True).select_option(label="Other class …")
    name.press_sequentially("Germ")
    for _ in range(50):
        if held:
            break
        viewer.wait_for_timeout(20)
    held.pop().continue_()
    viewer.wait_for_function(SAVED)
    viewer.unroute_all(behavior="ignoreErrors")
    name.press_sequentially("inal", timeout=2000)
    viewer.keyboard.press("Escape")
    assert not name.is_visible() and viewer.get_by_label("Class", exact=True).input_value() == "Tumor"
    viewer.get_by_label("Class", exact=True).select_option(label="Other class …")
    assert name.input_value() == ""
    name.press_sequentially("Germinal")
    viewer.keyboard.press("Enter")
    viewer.wait_for_function(f"() => {V}.annotator.book.list[0].label === 'Germinal'")
    viewer.wait_for_function(SAVED)
    assert [a["label"] for a in on_server(viewer)] == ["Germinal"] and not name.is_visible()


def test_agree_and_disagree_with_a_tile_and_its_group(viewer):
    index = viewer.evaluate(
        f"""() => {{ const v = {V}, grouped = i => {{ v.selected = v.table.resolve({{ slide: v.slide.id, index: i }});
            v.ask(); return v.verdict.group.length > 2; }}; return v.table.ranked('attention').find(grouped); }}"""
    )
    viewer.evaluate(f"i => {V}.choose({{ slide: {V}.slide.id, index: i }}, {{ fly: true, tell: true }})", index)
    settle(viewer)
    viewer.locator(".viewer").focus()
    viewer.keyboard.press("x")
    viewer.wait_for_function(SAVED)
    (one,) = on_server(viewer)
    side = viewer.evaluate(f"() => {V}.frameOf.tile")
    assert (one["verdict"], one["about"]["tiles"], one["about"]["layer"]) == ("disagree", 1, "Attention")
    xs, ys = zip(*one["geometry"]["coordinates"][0], strict=True)
    corner = viewer.evaluate(f"i => [{V}.table.columns.x_l0[i], {V}.table.columns.y_l0[i]]", index)
    assert (min(xs), min(ys), max(xs) - min(xs)) == pytest.approx((*corner, side), abs=1e-2)
    viewer.get_by_role("radio", name="Group of").click()
    viewer.get_by_role("button", name="✓ Agree").click()
    viewer.wait_for_function(f"() => !{V}.annotator.book.outbox.size")
    (group,) = on_server(viewer)  # the new verdict took the place of the old one
    assert group["verdict"] == "agree"
    n = group["about"]["tiles"]
    assert n == viewer.evaluate(f"() => {V}.verdict.group.length") > 2
    area = viewer.evaluate(
        f"async g => (await import({V}.data.assets + '/shapes.js')).area(g) / {V}.frameOf.tile ** 2", group["geometry"]
    )
    assert area == pytest.approx(n, abs=1e-2)
    assert viewer.locator("[data-verdict=agree]").get_attribute("aria-pressed") == "true"
    viewer.get_by_role("button", name="✓ Agree").click()  # the same again takes it back
    viewer.wait_for_function(f"() => !{V}.annotator.book.list.length && !{V}.annotator.book.outbox.size")
