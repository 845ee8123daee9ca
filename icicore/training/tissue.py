"""Named measures of the patients' slides, from the tile-class head: for Table 2 and for tissue quality."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from icicore.explain.histology import TIL_DENSITY, TUMOUR_STROMA, HistologyMeasures, case_measures, histology_measures
from icicore.models.tile_classes import SPOILED, TileClassHead, load_tile_head
from icicore.training.dataset import StudyData
from icicore.types import F64, I32


@dataclass(frozen=True, eq=False)
class TissueMeasures:
    """Measures (n,) per patient, NaN without a slide. ``named`` is empty when no head fits the encoder."""

    tiles: F64
    named: dict[str, F64] = field(default_factory=dict)
    spoiled: F64 | None = None


def tissue_measures(study: StudyData, rows: I32) -> TissueMeasures:
    """Measure the slides of the patients at ``rows``."""
    counts = np.diff(study.offsets)[rows].astype(np.float64)
    head = load_tile_head(f"{study.backbone}@{study.backbone_digest}") if study.backbone else None
    if head is None:
        return TissueMeasures(counts)
    slides = [_slides(study, int(i), head) for i in rows]
    values = [case_measures(own) if own else {} for own in slides]
    return TissueMeasures(
        tiles=counts,
        named={name: np.array([v.get(name, np.nan) for v in values]) for name in (TIL_DENSITY, TUMOUR_STROMA)},
        spoiled=np.array([_spoiled(own) for own in slides]),
    )


def _slides(study: StudyData, row: int, head: TileClassHead) -> list[HistologyMeasures]:
    start, stop = int(study.offsets[row]), int(study.offsets[row + 1])
    if start == stop:
        return []
    tiles, index = study.tiles[start:stop], study.tile_index[start:stop]
    return [histology_measures(head, tiles[part], index[part]) for part in split_slides(index)]


def split_slides(index: I32) -> list[slice]:
    """Parts of a patient's tiles that belong to one slide each.

    Tiles of a slide are stored row by row, so where places repeat the next slide begins with a step back.
    """
    if len(np.unique(index, axis=0)) == len(index):
        return [slice(0, len(index))]
    step = np.diff(index.astype(np.int64), axis=0)
    back = np.flatnonzero((step[:, 0] < 0) | ((step[:, 0] == 0) & (step[:, 1] <= 0))) + 1
    edges = [0, *back.tolist(), len(index)]
    return [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]


def _spoiled(slides: Sequence[HistologyMeasures]) -> float:
    if not slides:
        return float("nan")
    sizes = [len(s.tile_class) for s in slides]
    return float(np.average([sum(s.class_shares[c] for c in SPOILED) for s in slides], weights=sizes))
