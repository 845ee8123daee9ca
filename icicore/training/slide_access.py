"""The slide files of a study: pixels of single tiles, and all bags anew with another encoder."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from icicore.embeddings.bag import Bag
from icicore.embeddings.encoder import TileEncoder
from icicore.errors import SlideError, StudyError
from icicore.explain.gradcam import read_bag_tile
from icicore.slides.reader import open_slide
from icicore.slides.stain import normalise
from icicore.training.dataset import StudyData
from icicore.training.study import log_left_out, read_study
from icicore.training.study_slides import SLIDES
from icicore.training.study_tables import guarded, read_table
from icicore.types import I32, Progress, RgbTiles

EmbedWith = Callable[[Path, TileEncoder], Bag]
"""Turns a slide file into its bag with an encoder; the caller knows grid and cache."""


@dataclass(frozen=True, eq=False)
class SlideAccess:
    """Slides of the study in ``folder``, whose bags were made by ``encoder`` through ``embed``."""

    folder: Path
    encoder: TileEncoder
    embed: EmbedWith

    @cached_property
    def _paths(self) -> dict[str, list[Path]]:
        table = read_table(guarded(self.folder, SLIDES), ("patient", "path")).drop_duplicates(["patient", "path"])
        paths: dict[str, list[Path]] = {}
        for patient, name in zip(table["patient"], table["path"], strict=True):
            path = guarded(self.folder, name)
            if path.suffix == ".safetensors":
                raise StudyError(
                    self.folder / SLIDES,
                    f"{path.name} is a bag, which holds no pixels",
                    expected="slide files, from which tiles can be read to tune the backbone",
                    remedy="list the slides, or set finetune_epochs to 0",
                )
            paths.setdefault(patient, []).append(path)
        return paths

    def check(self) -> None:
        """Refuse a study without slide files before anything is trained."""
        if not (self.folder / SLIDES).is_file():
            raise StudyError(self.folder, f"has no {SLIDES}", expected="slide files", remedy="set finetune_epochs to 0")
        _ = self._paths

    def tiles(self, patient: str, chosen: I32) -> RgbTiles:
        """Stain-normalised pixels (k, px, px, 3) of some tiles of a patient's bag; unreadable ones are left out.

        Parameters
        ----------
        chosen : indices into all tiles of the patient, slide after slide as in ``StudyData.tiles``, ascending
        """
        found: list[RgbTiles] = []
        start = 0
        for path in self._paths.get(patient, []):
            bag = self.embed(path, self.encoder)
            own = chosen[(chosen >= start) & (chosen < start + len(bag))] - start
            start += len(bag)
            if len(own):
                found.append(_read(path, bag, own))
        return np.concatenate(found) if found else np.zeros((0, 1, 1, 3), np.uint8)

    def study(self, encoder: TileEncoder, progress: Progress) -> StudyData:
        """Read the study again with bags of another encoder."""
        study = read_study(self.folder, embed=lambda path: self.embed(path, encoder), progress=progress)
        return log_left_out(study)


def _read(path: Path, bag: Bag, chosen: I32) -> RgbTiles:
    tiles = []
    with open_slide(path, mpp=bag.grid.native_mpp) as reader:
        for i in chosen:
            try:
                tiles.append(read_bag_tile(reader, bag, int(i)))
            except SlideError:
                continue
    side = bag.grid.tile_px
    return normalise(np.stack(tiles) if tiles else np.zeros((0, side, side, 3), np.uint8), bag.stain)
