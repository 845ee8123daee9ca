"""How much of each tile a person's annotations cover: a mask for training on regions."""

from collections.abc import Iterable

import numpy as np
import shapely

from icicore.embeddings.bag import Bag
from icicore.slides.annotations import Annotation, to_shape
from icicore.types import F32


def tiles_in_annotations(bag: Bag, annotations: Iterable[Annotation], *, label: str) -> F32:
    """Share of each tile's area that the annotations of a class cover.

    Parameters
    ----------
    bag : tiles of one slide
    annotations : of the same slide; overlapping ones count once, points cover nothing
    label : class

    Returns
    -------
    float32 (n,), 0 to 1, in bag order; exact but for rounding, holes are left out
    """
    areas = [to_shape(a.geometry) for a in annotations if a.label == label and a.is_area]
    left, top = bag.coords_l0[:, 0], bag.coords_l0[:, 1]
    side = bag.grid.tile_l0
    tiles = shapely.box(left, top, left + side, top + side)
    if not areas or not len(tiles):
        return np.zeros(len(bag), np.float32)
    covered = shapely.union_all(areas)
    shapely.prepare(covered)
    share = np.zeros(len(bag), np.float64)
    touched = shapely.intersects(covered, tiles)
    inside = touched & shapely.contains_properly(covered, tiles)
    share[inside] = 1.0
    edge = touched & ~inside
    share[edge] = shapely.area(shapely.intersection(covered, tiles[edge])) / side**2
    return np.clip(share, 0, 1).astype(np.float32)
