"""The fixed draw of patients and tiles by which epochs are ranked: in memory where it is small, else made each time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import overload

import numpy as np
import torch
from torch import Tensor

from icicore.models.inputs import Batch, CaseInputs, collate
from icicore.training.dataset import ScaledStudy, chosen_tiles, with_tiles
from icicore.types import I32

IN_MEMORY_BYTES = 2**28
_CASES = 64


@dataclass(frozen=True, eq=False)
class SelectionBatches:
    """Batches of the same cases with the same tiles, whenever they are asked for.

    Attributes
    ----------
    study : the patients, scaled
    rows : those that judge the epochs
    tiles : per row the tiles that were drawn, None for all of them
    """

    study: ScaledStudy
    rows: I32
    tiles: tuple[Tensor | None, ...]

    @classmethod
    def draw(cls, study: ScaledStudy, rows: I32, n_tiles: int, rng: np.random.Generator) -> "SelectionBatches":
        """Draw at most ``n_tiles`` of each row's tiles, which is enough to rank epochs by."""
        return cls(study, rows, tuple(chosen_tiles(study.cases[i], n_tiles, rng) for i in rows))

    def __len__(self) -> int:
        return -(-len(self.rows) // _CASES)

    def __iter__(self) -> Iterator[tuple[Batch, Tensor]]:
        return (self[k] for k in range(len(self)))

    @overload
    def __getitem__(self, place: int) -> tuple[Batch, Tensor]: ...

    @overload
    def __getitem__(self, place: slice) -> list[tuple[Batch, Tensor]]: ...

    def __getitem__(self, place: int | slice) -> tuple[Batch, Tensor] | list[tuple[Batch, Tensor]]:
        """Make a batch and its labels, or some of them."""
        if isinstance(place, slice):
            return [self[k] for k in range(len(self))[place]]
        part = slice(place * _CASES, (place + 1) * _CASES)
        rows = self.rows[part]
        cases: list[CaseInputs] = [
            with_tiles(self.study.cases[i], chosen) for i, chosen in zip(rows, self.tiles[part], strict=True)
        ]
        return collate(cases), torch.from_numpy(self.study.labels[rows].astype(np.float32))

    @property
    def nbytes(self) -> int:
        """Memory that the tiles of all batches would take at once."""
        sizes = [
            0 if case.tiles is None else len(case.tiles) if chosen is None else len(chosen)
            for case, chosen in ((self.study.cases[i], c) for i, c in zip(self.rows, self.tiles, strict=True))
        ]
        longest = [max(sizes[k : k + _CASES]) * len(sizes[k : k + _CASES]) for k in range(0, len(sizes), _CASES)]
        return 4 * self.study.tile_dim * sum(longest)


def held(batches: SelectionBatches) -> "SelectionBatches | list[tuple[Batch, Tensor]]":
    """All batches made once where they take little memory, else the recipe to make them."""
    return list(batches) if batches.nbytes <= IN_MEMORY_BYTES else batches
