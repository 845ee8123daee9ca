"""A square painted on the slide and the tile painted over it must coincide, judged by the pixels on the screen."""

import cv2
import numpy as np
import pytest

from tests.browser.conftest import open_page, pixels
from tests.browser.scanned_area import make_scn
from tests.browser.scene import Grids, Scene
from tests.browser.servers import serve
from tests.browser.viewer_page import V, hide_controls, look_at, open_slide_number, set_layer, set_layers, wait_ready
from tests.make_slides import make_slide

pytestmark = pytest.mark.browser

PLANTED = (5, 7)
HIDDEN = {name: {"visible": False} for name in ("attention", "contribution", "gradcam", "tissue")}
GREEN, PINK = (10, 120, 60), (226, 184, 210)
SIZE = (3700, 2900)
SLIDES = {
    "quarter micron": {"mpp": 0.25, "levels": (1, 4, 16)},
    "odd pyramid": {"mpp": 0.37, "levels": (1, 3, 7.3)},
    "single level": {"mpp": 0.37, "levels": (1,)},
    "coarse": {"mpp": 0.74, "levels": (1, 2, 4)},
    "scanned area inside the frame": {"mpp": 0.37, "offset": (801, 433)},
    "scanned area, coarse": {"mpp": 0.74, "offset": (1203, 77)},
    "fraction that fits no pixel": {"mpp": 0.4991, "levels": (1, 2.9, 9.1)},
    "coarser than the tiles by far": {"mpp": 0.97, "levels": (1, 2)},
    "scanned area far from the corner": {"mpp": 0.31, "offset": (2377, 1591)},
    "scanned area at one edge": {"mpp": 0.55, "offset": (17, 3001)},
}


def painted(width, height, mpp):
    """Pink, with the planted tile in green; its edges at the nearest pixel."""
    image = np.full((height, width, 3), PINK, np.uint8)
    side, (row, col) = 128 / mpp, PLANTED
    top, bottom, left, right = (round(v * side) for v in (row, row + 1, col, col + 1))
    image[top:bottom, left:right] = GREEN
    return image


def planted_grids(rows, cols):
    tissue = np.ones((rows, cols), np.float32)
    attention = np.full((rows, cols), 1e-3, np.float32)
    attention[PLANTED] = 1
    cam = np.zeros((rows * 8, cols * 8), np.float32)
    cam[PLANTED[0] * 8 + 2 : PLANTED[0] * 8 + 6, PLANTED[1] * 8 + 2 : PLANTED[1] * 8 + 6] = 1
    return Grids(attention=attention, contribution=attention - 0.5, gradcam=cam, tissue=tissue)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("truth")
    scene = Scene(folder)
    for number, spec in enumerate(SLIDES.values()):
        mpp = spec["mpp"]
        # Enough tiles around the planted one at every resolution.
        size = SIZE if mpp < 0.5 else (1900, 1500)
        size = (5120, 4096) if mpp == 0.25 else size
        if "offset" in spec:
            path = make_scn(folder / f"{number}.scn", painted(*size, mpp), mpp=mpp, offset=spec["offset"])
        else:
            path = folder / f"{number}.tif"
            make_slide(path, size=size, mpp=mpp, levels=spec["levels"], painter=lambda w, h, m=mpp: painted(w, h, m))
        side = 128 / mpp
        scene.add(
            path, grids=planted_grids(-(-size[1] // side).__int__(), -(-size[0] // side).__int__()), thumbnails=False
        )
    scene.save()
    with serve(folder) as started:
        yield started


@pytest.fixture(scope="module")
def viewer(browser, address):
    with open_page(browser) as page:
        page.goto(f"{address}?show=viewer")
        wait_ready(page)
        hide_controls(page)
        yield page


def agreement(page, layer):
    """(IoU, distance of centres in tiles) of the green square and what the layer paints."""
    set_layer(page, layer, visible=False)
    off = pixels(page)
    set_layer(page, layer, visible=True)
    return compared(off, pixels(page))


def compared(off, on):
    square = (off[..., 1] - off[..., 0]) > 40
    over = np.abs(on - off).sum(-1) > 60
    assert square.sum() > 20
    assert over.sum() > 20
    distance = np.linalg.norm([a.mean() - b.mean() for a, b in zip(np.nonzero(square), np.nonzero(over), strict=True)])
    return (square & over).sum() / (square | over).sum(), distance / np.sqrt(square.sum())


def only_planted(page, layer="attention"):
    shown = {"threshold": 0.5, "opacity": 1, "fade": False, "colormap": "viridis"}
    set_layers(page, HIDDEN | {layer: HIDDEN[layer] | shown})


@pytest.mark.parametrize("number", range(len(SLIDES)), ids=list(SLIDES))
def test_the_planted_square_is_covered_at_every_zoom(viewer, number):
    open_slide_number(viewer, number)
    only_planted(viewer)
    for tile_px, least in ((12, 0.7), (40, 0.85), (150, 0.96), (430, 0.98)):  # an edge is a pixel or two wide
        look_at(viewer, *PLANTED, tile_px=tile_px)
        iou, distance = agreement(viewer, "attention")
        assert distance * tile_px < 2, (tile_px, distance)  # screen px
        assert iou > least, (tile_px, iou)


VIEWS = [(rotation, flip) for rotation in (0, 30, 90, 180) for flip in (False, True)]
ZOOMS = {40: 0.85, 120: 0.93, 400: 0.97}
"""Width of a tile on the screen in px, and the least overlap there: an edge is a pixel or two wide at every zoom."""


@pytest.mark.parametrize(("rotation", "flip"), VIEWS)
def test_rotated_and_mirrored_views_at_every_zoom(viewer, rotation, flip):
    open_slide_number(viewer, 4)
    only_planted(viewer)
    for tile_px, least in ZOOMS.items():
        look_at(viewer, *PLANTED, tile_px=tile_px, rotation=rotation, flip=flip)
        iou, distance = agreement(viewer, "attention")
        assert distance * tile_px < 3, tile_px  # screen px
        assert iou > least, tile_px


def test_gradcam_cells_lie_inside_their_tile(viewer):
    open_slide_number(viewer, 4)
    only_planted(viewer, "gradcam")
    look_at(viewer, *PLANTED, tile_px=320)
    set_layer(viewer, "gradcam", visible=False)
    off = pixels(viewer)
    set_layer(viewer, "gradcam", visible=True)
    over = np.abs(pixels(viewer) - off).sum(-1) > 60
    square = (off[..., 1] - off[..., 0]) > 40
    assert not (over & ~cv2.dilate(square.astype(np.uint8), np.ones((3, 3))).astype(bool)).any()
    assert over.sum() / square.sum() == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(("rotation", "flip"), [(0, False), (90, True), (30, False), (180, True)])
def test_the_click_names_the_tile_under_the_mouse(viewer, rotation, flip):
    open_slide_number(viewer, 4)
    only_planted(viewer)
    look_at(viewer, *PLANTED, tile_px=100, rotation=rotation, flip=flip)
    square = (lambda p: (p[..., 1] - p[..., 0]) > 40)(pixels(viewer))
    box = viewer.locator(".zoom").bounding_box()
    y, x = (float(a.mean()) for a in np.nonzero(square))
    viewer.mouse.move(box["x"] + x, box["y"] + y)
    hud = viewer.locator(".hud").inner_text()
    assert "row 5, col 7" in hud
    viewer.mouse.click(box["x"] + x, box["y"] + y)
    viewer.get_by_text('"row": 5, "col": 7').wait_for()


@pytest.fixture
def annotated(viewer):
    """The planted tile as an annotation, whose inside is painted while it is selected."""
    open_slide_number(viewer, 4)
    set_layers(viewer, HIDDEN)
    viewer.evaluate(
        f"""([row, col]) => {{ const v = {V}, r = v.frameOf.tileRect(row, col), a = v.annotator;
            const [x, y, s, t] = [r.x, r.y, r.x + r.width, r.y + r.height];
            const ring = [[x, y], [s, y], [s, t], [x, t], [x, y]];
            window.planted = a.add({{ type: 'Polygon', coordinates: [ring] }}, {{ colour: [255, 0, 255] }}).id; }}""",
        list(PLANTED),
    )
    hide_controls(viewer)
    viewer.wait_for_function(f"() => {V}.annotator.book.stored.has(window.planted)")
    yield viewer
    viewer.evaluate(f"() => {V}.annotator.remove(window.planted)")
    viewer.evaluate(f"() => {V}.stage.classList.contains('split') && {V}.tool('second')")


def leave(page):
    """Point at no tile and choose none: its frame would lie on the square."""
    page.mouse.move(0, 0)
    page.evaluate(f"() => {V}.frame(null)")


def seen(page, selector=".zoom"):
    """IoU and distance of the green square and the inside of the annotation."""
    leave(page)
    page.evaluate(f"() => {V}.annotator.setVisible(false)")
    off = pixels(page, selector)
    page.evaluate(f"() => {{ {V}.annotator.visible = true; {V}.annotator.select(window.planted); }}")
    return compared(off, pixels(page, selector))


@pytest.mark.parametrize(("rotation", "flip"), VIEWS)
@pytest.mark.parametrize("tile_px", [40, 130, 400])
def test_an_annotation_lies_on_what_it_was_drawn_around(annotated, rotation, flip, tile_px):
    look_at(annotated, *PLANTED, tile_px=tile_px, rotation=rotation, flip=flip)
    iou, distance = seen(annotated)
    assert distance * tile_px < 2
    assert iou > (tile_px / (tile_px + 7)) ** 2  # the outline reaches up to 3.5 px beyond its line


@pytest.mark.parametrize(("rotation", "flip"), VIEWS)
def test_a_polygon_drawn_with_the_mouse_lies_where_it_was_clicked(viewer, rotation, flip):
    open_slide_number(viewer, 4)
    only_planted(viewer)
    look_at(viewer, *PLANTED, tile_px=100, rotation=rotation, flip=flip)
    box = viewer.locator(".zoom").bounding_box()
    corners = viewer.evaluate(
        f"""([row, col]) => {{ const v = {V}, r = v.frameOf.tileRect(row, col), m = v.overlay.transform(v.frameOf);
            return [[0, 0], [1, 0], [1, 1], [0, 1]].map(([i, j]) => [r.x + i * r.width, r.y + j * r.height])
                .map(([x, y]) => [m[0] * x + m[2] * y + m[4], m[1] * x + m[3] * y + m[5]]); }}""",
        list(PLANTED),
    )
    before = viewer.evaluate(f"() => {V}.annotator.book.list.length")
    viewer.locator(".viewer").focus()
    viewer.keyboard.press("d")
    viewer.wait_for_function(f"() => {V}.annotator.drawing")
    for x, y in [*corners, corners[0]]:
        viewer.mouse.move(box["x"] + x, box["y"] + y, steps=3)
        viewer.mouse.click(box["x"] + x, box["y"] + y)
        viewer.wait_for_timeout(330)  # two clicks in one place within 300 ms are a double click
    viewer.wait_for_function(f"n => {V}.annotator.book.list.length > n", arg=before)
    viewer.keyboard.press("Escape")
    drawn = viewer.evaluate(
        f"""() => {{ const v = {V}, a = v.annotator.book.list.at(-1), id = a.id; v.annotator.remove(id);
            const [left, top] = v.frameOf.origin;
            return a.geometry.coordinates[0].slice(0, -1).map(([x, y]) => [x - left, y - top]); }}"""
    )
    wanted = viewer.evaluate(
        f"() => {{ const r = {V}.frameOf.tileRect({PLANTED[0]}, {PLANTED[1]});"
        "return [[r.x, r.y], [r.x + r.width, r.y], [r.x + r.width, r.y + r.height], [r.x, r.y + r.height]]; }"
    )
    side = wanted[1][0] - wanted[0][0]
    assert np.abs(np.array(drawn) - wanted).max() < 1.5 / 100 * side  # one and a half screen px


@pytest.mark.parametrize(("rotation", "flip"), VIEWS)
def test_both_views_show_the_same_place_and_only_one_the_layers(annotated, rotation, flip):
    annotated.locator(".viewer").focus()
    if not annotated.evaluate(f"() => {V}.second.open"):
        annotated.keyboard.press("v")
    annotated.wait_for_function(f"() => {V}.second.osd?.isOpen() && {V}.second.osd.world.getItemAt(0).getFullyLoaded()")
    hide_controls(annotated)
    for tile_px in (300, 40, 110):
        look_at(annotated, *PLANTED, tile_px=tile_px, rotation=rotation, flip=flip)
        annotated.wait_for_function(f"() => {V}.second.osd.world.getItemAt(0).getFullyLoaded()")
        annotated.wait_for_timeout(150)
        for selector in (".zoom", ".zoom-beside"):
            iou, distance = seen(annotated, selector)
            assert distance * tile_px < 5, (selector, tile_px)
            assert iou > (tile_px / (tile_px + 7)) ** 2, (selector, tile_px)
    left, right = pixels(annotated, ".zoom"), pixels(annotated, ".zoom-beside")
    width = min(left.shape[1], right.shape[1]) - 2
    assert np.abs(left[:, :width] - right[:, :width]).mean() < 2
    set_layer(annotated, "tissue", visible=True, opacity=0.8)
    assert np.abs(pixels(annotated, ".zoom") - left).mean() > 10
    assert np.abs(pixels(annotated, ".zoom-beside") - right).mean() < 0.5
    set_layer(annotated, "tissue", visible=False)
    before = annotated.evaluate(f"() => {V}.osd.viewport.getBounds(true).width")
    side = annotated.locator(".zoom-beside").bounding_box()
    annotated.mouse.move(side["x"] + side["width"] / 2, side["y"] + side["height"] / 2)
    annotated.mouse.wheel(0, -240)  # moved in the second view, followed by the first
    annotated.wait_for_timeout(900)
    bounds = "osd => { const b = osd.viewport.getBounds(true); return [b.x, b.y, b.width, b.height]; }"
    both = annotated.evaluate(f"() => [{V}.osd, {V}.second.osd].map({bounds})")
    assert both[0] == pytest.approx(both[1], rel=1e-6)
    assert both[0][2] < 0.9 * before


@pytest.mark.parametrize(("rotation", "flip"), [(0, False), (30, True), (180, False)])
def test_the_test_grid_frames_the_planted_square(viewer, rotation, flip):
    """Every border of the green square has a grid line on it, and its middle has none."""
    open_slide_number(viewer, 4)
    set_layers(viewer, HIDDEN)
    look_at(viewer, *PLANTED, tile_px=200, rotation=rotation, flip=flip)
    leave(viewer)
    viewer.wait_for_timeout(100)
    off = pixels(viewer)
    viewer.locator(".viewer").focus()
    viewer.keyboard.press("g")
    viewer.wait_for_function(f"() => {V}.grid")
    hide_controls(viewer)
    viewer.wait_for_timeout(100)
    lines = np.abs(pixels(viewer) - off).sum(-1) > 60
    viewer.keyboard.press("g")
    square = ((off[..., 1] - off[..., 0]) > 40).astype(np.uint8)
    border = cv2.morphologyEx(square, cv2.MORPH_GRADIENT, np.ones((3, 3))).astype(bool)
    near = cv2.dilate(lines.astype(np.uint8), np.ones((3, 3))).astype(bool)
    assert near[border].mean() > 0.97
    ring = cv2.erode(square, np.ones((25, 25))).astype(bool)
    height, width = np.nonzero(ring)
    middle = np.zeros_like(ring)
    middle[int(height.mean()) - 12 : int(height.mean()) + 12, int(width.mean()) - 40 : int(width.mean()) + 40] = True
    assert not lines[ring & ~middle].any()  # the middle carries row and column
