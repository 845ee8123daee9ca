"""Pictures of the tiles of a study: cut from its slides, or painted anew where its bags came from the tile bank."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from icicore.embeddings.bag import Bag
from icicore.errors import SlideError
from icicore.simulate.render import Painter
from icicore.simulate.slide_specs import bank_specs
from icicore.simulate.spec import SlideSpec
from icicore.slides.reader import open_slide
from icicore.types import F16, Rgb
from icicore.workflows.services import Services
from icicore.workflows.simulation import BANK_SEED, StudySpec
from icicore.workflows.tile_bank import BankPlace


@dataclass(frozen=True)
class BankTile:
    """A tile of a slide of the bank: the slide's request, top left corner and side in level-0 px."""

    spec: SlideSpec
    x_l0: float
    y_l0: float
    size_l0: float


def slide_picture(slide: Path, bag: Bag, tile: int, *, side_px: int) -> Rgb | None:
    """A tile of a slide file (side_px, side_px, 3), in the slide's own colours; None where it cannot be read."""
    x, y = (float(v) for v in bag.coords_l0[tile])
    with open_slide(slide) as reader:
        try:
            return reader.read_area((x, y), (bag.grid.tile_l0,) * 2, size_px=(side_px, side_px))
        except SlideError:
            return None


def bank_tiles(services: Services, encoder_id: str) -> Mapping[str, BankTile]:
    """Every tile of the tile bank that lies under the home folder, by the digest of its embedding.

    A composed bag holds the very embeddings of the bank, so that a tile of it can be found again; see ``tile_key``.
    """
    place = BankPlace(services.settings.home / "bank", "", encoder_id, None)
    found: dict[str, BankTile] = {}
    for spec in bank_specs(StudySpec.bank_slides, BANK_SEED):
        path, _ = place.paths(spec)
        if not path.is_file():
            continue
        bag = Bag.load(path)
        for embedding, (x, y) in zip(bag.embeddings, bag.coords_l0, strict=True):
            found[tile_key(embedding)] = BankTile(spec, float(x), float(y), bag.grid.tile_l0)
    return found


def tile_key(embedding: F16) -> str:
    """Digest of an embedding (dim,), by which a tile of the bank is known."""
    return hashlib.sha256(np.ascontiguousarray(embedding, np.float16).tobytes()).hexdigest()


def paint_tile(tile: BankTile) -> Rgb:
    """Level-0 pixels of a tile of the bank, as rendering the whole slide would give."""
    side = round(tile.size_l0)
    return _painter(tile.spec).paint(round(tile.x_l0), round(tile.y_l0), side, side)


@lru_cache(maxsize=1)
def _painter(spec: SlideSpec) -> Painter:
    """Laying a slide out takes seconds; ask for the tiles of one slide after the other."""
    return Painter.prepare(spec)
