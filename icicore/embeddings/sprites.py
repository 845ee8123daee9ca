"""Sprite sheets: small pictures of all tissue tiles of a slide, for browsing them at once."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from icicore.fingerprint import write_bytes, write_json
from icicore.types import Rgb, RgbTiles

SPRITE_PX, PER_ROW, PER_PAGE = 64, 16, 256
JPEG_QUALITY = 80


def sprite(tile: Rgb) -> Rgb:
    """Shrink a tile to 64 px by area averaging."""
    return np.asarray(cv2.resize(tile, (SPRITE_PX, SPRITE_PX), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def write_sheets(folder: Path, sprites: Iterable[RgbTiles]) -> int:
    """Write ``sheet_000.jpg`` ... and ``sheet.json``; returns the number of sprites.

    ``sprites`` yields uint8 (k, 64, 64, 3) in bag order. Sprite i is on page i // 256, cell i % 256, row by row.
    Only one page is in memory at a time.
    """
    pages: list[str] = []
    held: list[RgbTiles] = []
    n = 0
    for block in sprites:
        n += len(block)
        held.append(block)
        while sum(map(len, held)) >= PER_PAGE:
            stack = np.concatenate(held)
            pages.append(_write_page(folder, len(pages), stack[:PER_PAGE]))
            held = [stack[PER_PAGE:]]
    rest = np.concatenate(held) if held else np.zeros((0, SPRITE_PX, SPRITE_PX, 3), np.uint8)
    if len(rest):
        pages.append(_write_page(folder, len(pages), rest))
    sheet = {"tile_px": SPRITE_PX, "per_row": PER_ROW, "per_page": PER_PAGE, "pages": pages, "n": n}
    write_json(folder / "sheet.json", sheet)
    return n


def _write_page(folder: Path, number: int, sprites: RgbTiles) -> str:
    rows = -(-len(sprites) // PER_ROW)
    canvas = np.full((rows * PER_ROW, SPRITE_PX, SPRITE_PX, 3), 255, np.uint8)
    canvas[: len(sprites)] = sprites
    page = canvas.reshape(rows, PER_ROW, SPRITE_PX, SPRITE_PX, 3).transpose(0, 2, 1, 3, 4)
    image = page.reshape(rows * SPRITE_PX, PER_ROW * SPRITE_PX, 3)
    done, content = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise ValueError("the sprite sheet could not be encoded")
    name = f"sheet_{number:03d}.jpg"
    write_bytes(folder / name, content.tobytes())
    return name
