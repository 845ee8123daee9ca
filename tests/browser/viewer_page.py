"""What the viewer tests do with a page."""

from typing import Any

V = "window.__icicore.viewers.viewer"
READY = """() => { const v = window.__icicore?.viewers?.viewer;
    return Boolean(v?.shown && v.layers[0]?.values && v.item.getFullyLoaded()); }"""


def wait_ready(page: Any) -> None:
    """Wait until the picture and the attention layer are complete."""
    page.wait_for_function(READY)
    settle(page)


FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 60))))"


def settle(page: Any) -> None:
    """Wait until nothing moves: springs at rest, tiles loaded and drawn."""
    page.evaluate(f"() => {V}.osd.forceRedraw()")
    page.evaluate(FRAMES)  # OpenSeadragon asks for missing tiles when it draws
    page.wait_for_function(
        f"""() => {{ const v = {V}, p = v?.osd.viewport;
            return v?.item?.getFullyLoaded() && Math.abs(p.getZoom() - p.getZoom(true)) < 1e-6 * p.getZoom()
                && p.getCenter().distanceTo(p.getCenter(true)) < 1e-7
                && Math.abs(p.getRotation() - p.getRotation(true)) < 1e-6; }}"""
    )
    page.evaluate(FRAMES)


def hide_controls(page: Any) -> None:
    """Leave only the slide and its layers in sight."""
    hidden = ".corner, .toolbar, .foot, .navigator, .tools, .side, .verdict, .view-name"
    page.evaluate(f"s => {{ for (const el of {V}.stage.querySelectorAll(s)) el.style.opacity = 0; }}", hidden)


def set_layer(page: Any, layer: str, **state: Any) -> None:
    """Set a layer's state directly, past the controls."""
    set_layers(page, {layer: state})


def set_layers(page: Any, states: dict[str, dict[str, Any]]) -> None:
    """Set the state of several layers, and wait once until they are drawn."""
    page.evaluate(
        f"states => {{ const v = {V}, loading = Object.entries(states).map(([id, state]) => {{"
        "const layer = v.layers.find(l => l.id === id);"
        "for (const [k, x] of Object.entries(state)) layer.set(k, x); return layer.load(); });"
        "return Promise.all(loading).then(() => v.draw()); }",
        states,
    )
    settle(page)


def look_at(page: Any, row: int, col: int, *, tile_px: float, rotation: float = 0, flip: bool = False) -> None:
    """Put a tile in the middle, ``tile_px`` screen px wide."""
    page.evaluate(
        f"""([row, col, px, rotation, flip]) => {{ const v = {V}, p = v.osd.viewport, r = v.frameOf.tileRect(row, col);
            p.setFlip(flip); p.setRotation(rotation, true);
            p.zoomTo(v.item.imageToViewportZoom(px / r.width), null, true);
            p.panTo(v.item.imageToViewportCoordinates(r.x + 0.9 * r.width, r.y + 0.7 * r.height), true); }}""",
        [row, col, tile_px, rotation, flip],
    )
    settle(page)


def open_slide_number(page: Any, number: int) -> None:
    """Switch to a slide with the viewer's own picker."""
    page.locator("select.slides").select_option(index=number)
    page.wait_for_function(f"n => {V}.slide?.id === {V}.data.slides[n].id && {V}.layers[0].values", arg=number)
    wait_ready(page)
