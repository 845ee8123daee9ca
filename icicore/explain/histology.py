"""Measures of the tissue from the tile-class head: lymphocytes at the invasive margin, tumour against stroma, classes.

They describe the slide and do not depend on the response model. Each slide is measured by itself, on its tile grid.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from icicore.models.tile_classes import TILE_CLASSES, TileClassHead, TilePredictions
from icicore.types import F16, F32, F64, I32, Json, Mask

TIL_DENSITY, TUMOUR_STROMA = "TIL density at the margin", "tumour-stroma ratio"
UNITS = {TIL_DENSITY: "lymphocytes/mm2", TUMOUR_STROMA: "tumour/(tumour+stroma)"}
REACH_TILES = 2.0
"""Half width of the margin band around the tumour front: 256 um with tiles of 128 um."""
_SMOOTH_TILES = 0.6
_BULK_SHARE = 0.4
"""A place belongs to the tumour bulk when this share of the tissue around it is tumour or necrosis; less than half,
because septa between nests are part of the bulk."""
_READABLE = 0.5
_LY, _TU, _ST, _NE, _FA, _BG, _AR = range(len(TILE_CLASSES))


@dataclass(frozen=True, eq=False)
class HistologyMeasures:
    """What a slide shows.

    Attributes
    ----------
    til_density_margin : lymphocytes per mm2 of tissue in the margin band; NaN when no tumour front is seen
    tumour_stroma_ratio : tumour / (tumour + stroma) by area; NaN without either
    class_shares : share of the tiles by class, over ``TILE_CLASSES``
    margin_tiles : number of tiles in the band, over which the density is averaged
    tile_class : (n,) index into ``TILE_CLASSES``, in bag order
    in_margin : (n,) True in the band
    """

    til_density_margin: float
    tumour_stroma_ratio: float
    class_shares: dict[str, float]
    margin_tiles: int
    tile_class: F32
    in_margin: Mask

    @property
    def is_living(self) -> Mask:
        """Tiles (n,) of tumour, stroma or lymphocytes: what the tumour-stroma ratio rests on."""
        return np.isin(self.tile_class, (_LY, _TU, _ST))

    def rows(self) -> tuple[tuple[str, float, str], ...]:
        """Name, value and unit of the two measures; a value may be NaN."""
        values = {TIL_DENSITY: self.til_density_margin, TUMOUR_STROMA: self.tumour_stroma_ratio}
        return tuple((name, value, UNITS[name]) for name, value in values.items())

    def to_json(self) -> Json:
        """Plain values, null for NaN."""
        return {
            "til_density_margin": _plain(self.til_density_margin),
            "tumour_stroma_ratio": _plain(self.tumour_stroma_ratio),
            "margin_tiles": self.margin_tiles,
            "class_shares": self.class_shares,
        }


def histology_measures(head: TileClassHead, embeddings: F16 | F32, index: I32) -> HistologyMeasures:
    """Measure one slide.

    Parameters
    ----------
    head : fitted on embeddings of the same encoder
    embeddings : (n, dim)
    index : (n, 2) row and column of each tile on the grid of 128 um tiles

    Raises
    ------
    ValueError : ``embeddings`` and ``index`` do not belong together.
    """
    if index.shape != (len(embeddings), 2):
        raise ValueError(f"index of shape {index.shape} for {len(embeddings)} tiles")
    seen = head(embeddings)
    amounts = _amounts(seen)
    band = margin_band(amounts, index)
    tumour, stroma = float(amounts[:, 0].sum()), float(amounts[:, 1].sum())
    shares = np.bincount(seen.tile_class, minlength=len(TILE_CLASSES)) / max(1, len(index))
    return HistologyMeasures(
        til_density_margin=float(seen.lymphocytes_per_mm2[band].mean()) if band.any() else float("nan"),
        tumour_stroma_ratio=tumour / (tumour + stroma) if tumour + stroma > 0 else float("nan"),
        class_shares={name: float(share) for name, share in zip(TILE_CLASSES, shares, strict=True)},
        margin_tiles=int(band.sum()),
        tile_class=seen.tile_class.astype(np.float32),
        in_margin=band,
    )


def _amounts(seen: TilePredictions) -> F64:
    """Tumour, stroma, necrosis and fat in each tile, (n, 4), at most 1 in all; glass and artefacts count as nothing.

    A tile of lymphocytes is tumour or stroma underneath, which the tumour share tells.
    """
    p = seen.probability.astype(np.float64)
    living, share = p[:, _LY] + p[:, _TU] + p[:, _ST], seen.tumour_share.astype(np.float64)
    return np.stack([living * share, living * (1 - share), p[:, _NE], p[:, _FA]], axis=1)


def margin_band(amounts: F64, index: I32) -> Mask:
    """Tiles (n,) within `REACH_TILES` of the border between tumour bulk and other tissue.

    Parameters
    ----------
    amounts : (n, 4) tumour, stroma, necrosis and fat in each tile
    index : (n, 2) row and column

    The bulk is tumour with its septa and its necrosis. Where it meets glass there is no front. Fat holds no margin.
    """
    if not len(index):
        return np.zeros(0, bool)
    row, col = (index - index.min(axis=0)).T
    shape = (int(row.max()) + 1, int(col.max()) + 1)
    grid = np.zeros((4, *shape))
    grid[:, row, col] = amounts.T
    around = np.stack([ndimage.gaussian_filter(layer, _SMOOTH_TILES, mode="constant") for layer in grid])
    tissue = np.zeros(shape, bool)
    tissue[row, col] = amounts.sum(axis=1) >= _READABLE
    bulk = tissue & (around[0] + around[2] > _BULK_SHARE * around.sum(axis=0))
    host = tissue & ~bulk
    if not bulk.any() or not host.any():
        return np.zeros(len(index), bool)
    # Distances run between centres of tiles; the border lies half a tile before the first tile on the other side.
    distance = np.where(bulk, ndimage.distance_transform_edt(~host), ndimage.distance_transform_edt(~bulk)) - 0.5
    fatty = grid[3] >= _READABLE
    return np.asarray((tissue & ~fatty & (distance <= REACH_TILES))[row, col])


def case_measures(slides: Sequence[HistologyMeasures]) -> dict[str, float]:
    """The two measures of a case with several slides: means over slides, weighted by the tiles they rest on."""
    weights = {TIL_DENSITY: [s.margin_tiles for s in slides], TUMOUR_STROMA: [len(s.tile_class) for s in slides]}
    out = {}
    for k, name in enumerate((TIL_DENSITY, TUMOUR_STROMA)):
        value, weight = np.array([s.rows()[k][1] for s in slides]), np.array(weights[name], dtype=np.float64)
        known = np.isfinite(value) & (weight > 0)
        out[name] = float(np.average(value[known], weights=weight[known])) if known.any() else float("nan")
    return out


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None
