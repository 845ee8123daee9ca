"""Left column of the page: the slide under its heatmap, and the tiles that counted most."""

from icicore.reports.case import words
from icicore.reports.case.canvas import AGAINST, FOR, HEADING, MUTED, SMALL, SUNKEN, TINY, Box, Page
from icicore.reports.case.pictures import N_TILES, Legend, Overview, Pictures, TilePicture

_GAP = 4.0
_CAPTION = 9.0


def draw_slide_column(page: Page, box: Box, pictures: Pictures) -> None:
    """Overview with legend above, one row of tiles for response and one against it below."""
    page.text(box.x, box.y, "Slide", HEADING, width=60)
    side = (box.width - (N_TILES - 1) * _GAP - 46) / N_TILES
    tiles_height = 2 * (side + _CAPTION) + 17 if pictures.tiles else 0
    area = Box(box.x, box.y + 13, box.width, box.height - 13 - tiles_height)
    if pictures.overview is None:
        area = Box(area.x, area.y, area.width, min(area.height, 60))
        page.fill(area, SUNKEN, radius=4)
        reason = pictures.missing or "No picture."
        page.text(area.x + 12, area.y + area.height / 2 - 5, reason, width=area.width - 24, colour=MUTED, align="c")
    else:
        _overview(page, area, pictures.overview, pictures.n_slides)
    below = Box(box.x, area.bottom + 2, box.width, tiles_height)
    for row, (name, kind) in enumerate((("for", "for\nresponse"), ("against", "against\nresponse"))):
        tiles = [t for t in pictures.tiles if t.entry["side"] == name]
        _tile_row(page, below.below(13 + row * (side + _CAPTION)), tiles, kind, side, several=pictures.n_slides > 1)
    if pictures.tiles:
        page.text(below.x, below.y, "Tiles that counted most, contribution in logit", SMALL, width=box.width)


def _overview(page: Page, box: Box, overview: Overview, n_slides: int) -> None:
    which = f", the largest of {n_slides}" if n_slides > 1 else ""
    title = f"{overview.slide}{which}: contribution of each tile, red for response, blue against"
    page.text(box.x + 28, box.y - 12.4, title, SMALL, width=box.width - 28, colour=MUTED)
    room = Box(box.x, box.y, box.width, box.height - 24)
    width, height = overview.size_px
    factor = min(room.width / width, room.height / height)
    shown = Box(room.x + (room.width - width * factor) / 2, room.y, width * factor, height * factor)
    page.fill(room, SUNKEN)
    page.picture(shown, overview.jpeg)
    _legend(page, Box(box.x, room.bottom + 4, box.width, 18), overview.legend)


def _legend(page: Page, box: Box, legend: Legend) -> None:
    ramp = Box(box.x, box.y, 170, 6)
    page.ramp(ramp, legend.colours)
    for place, text in legend.ticks:
        align = "l" if place == 0 else "r" if place == 1 else "c"
        x = ramp.x if place == 0 else ramp.right - 70 if place == 1 else ramp.x + ramp.width / 2 - 35
        page.text(x, ramp.bottom + 1.5, text.replace("-", "\N{MINUS SIGN}"), TINY, width=70, align=align)
    page.text(ramp.right + 8, box.y - 0.5, legend.title, TINY, width=box.width - 178, colour=MUTED)


def _tile_row(page: Page, box: Box, tiles: list[TilePicture], kind: str, side: float, *, several: bool) -> None:
    if not tiles:
        return
    colour = FOR if kind.startswith("for") else AGAINST
    for number, word in enumerate(kind.split("\n")):
        page.text(box.x, box.y + side / 2 - 8 + number * 8, word, SMALL, width=44, colour=colour)
    for number, tile in enumerate(tiles):
        place = Box(box.x + 46 + number * (side + _GAP), box.y, side, side)
        page.fill(place, SUNKEN)
        if tile.jpeg is not None:
            page.picture(place, tile.jpeg)
        slide = f" · slide {tile.entry['slide']}" if several else ""
        text = words.plus(tile.entry["contribution"], 3) + slide
        page.text(place.x, place.bottom + 0.8, text, TINY, width=side, align="c")
