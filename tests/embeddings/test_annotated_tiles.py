"""How much of each tile annotations cover, against areas worked out by hand and against counting points."""

from dataclasses import replace

import numpy as np
import shapely

from icicore.embeddings.annotated_tiles import tiles_in_annotations
from icicore.slides.annotations import Annotation, to_geometry, to_shape
from tests.factories import make_bag

SIDE = 256.0


def area(shape, label="Tumor", number=0):
    return Annotation(f"00000000-0000-0000-0000-{number:012d}", to_geometry(shape), label, (0, 0, 0))


def bag_of(rng, index):
    """A bag with tiles of 256 px at these rows and columns, its grid off the corner of the slide."""
    plain, index = make_bag(rng, np.zeros((len(index), 4))), np.array(index, np.int32)
    return replace(plain, index=index, coords_l0=index[:, ::-1] * SIDE + [801.0, 433.0],
                   grid=replace(plain.grid, tile_l0=SIDE, rows=8, cols=8, origin_l0=(801.0, 433.0)))  # fmt: skip


def test_whole_half_quarter_none_and_holes():
    bag = bag_of(np.random.default_rng(0), [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (5, 5)])
    left, top = bag.coords_l0[0]
    shape = shapely.box(left, top, left + 1.5 * SIDE, top + SIDE)
    shape = shape.difference(shapely.box(left + 64, top + 64, left + 192, top + 192))
    overlapping = shapely.box(left + SIDE, top, left + 1.25 * SIDE, top + 1.5 * SIDE)
    found = tiles_in_annotations(bag, [area(shape), area(overlapping)], label="Tumor")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [0.75, 0.5, 0, 0, 0.125, 0], atol=1e-6)


def test_only_areas_of_the_class_count():
    bag = bag_of(np.random.default_rng(0), [(0, 0), (0, 1)])
    left, top = bag.coords_l0[0]
    tile = shapely.box(left, top, left + SIDE, top + SIDE)
    others = [area(tile, "Stroma"), area(tile.centroid, "Tumor")]
    assert tiles_in_annotations(bag, others, label="Tumor").tolist() == [0, 0]
    assert tiles_in_annotations(bag, [], label="Tumor").tolist() == [0, 0]
    assert tiles_in_annotations(bag, others, label="Stroma").tolist() == [1, 0]


def test_irregular_outlines_agree_with_counting_points():
    rng = np.random.default_rng(5)
    index = [(r, c) for r in range(6) for c in range(7)]
    bag = bag_of(rng, index)
    origin = bag.coords_l0.min(axis=0)
    blobs = []
    for k in range(3):
        angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        radius = 300 + 120 * rng.random(40)
        centre = origin + rng.uniform(300, 1200, 2)
        blobs.append(area(shapely.Polygon(centre + np.c_[np.cos(angle), np.sin(angle)] * radius[:, None]), number=k))
    union = shapely.union_all([to_shape(b.geometry) for b in blobs])
    step = (np.arange(32) + 0.5) / 32 * SIDE
    inside = [shapely.contains_xy(union, x + step[None, :], y + step[:, None]).mean() for x, y in bag.coords_l0]
    np.testing.assert_allclose(tiles_in_annotations(bag, blobs, label="Tumor"), inside, atol=0.02)
