"""Margin band, ratio and shares on grids whose answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from icicore.domain import HISTOLOGY
from icicore.explain.features import OTHER_TILES, rank_features
from icicore.explain.histology import (
    REACH_TILES,
    TIL_DENSITY,
    TUMOUR_STROMA,
    case_measures,
    histology_measures,
    margin_band,
)
from icicore.explain.tiles import TileExplanation
from icicore.models.tile_classes import TILE_CLASSES, TilePredictions

LYMPHOCYTES, TUMOUR, STROMA, NECROSIS, FAT, BACKGROUND, ARTEFACT = range(7)


class Painted:
    """Stands in for a head: the embedding of a tile is (class, density, tumour share)."""

    def __call__(self, embeddings):
        probability = np.eye(7, dtype=np.float32)[embeddings[:, 0].astype(int)]
        return TilePredictions(probability, embeddings[:, 1].astype(np.float32), embeddings[:, 2].astype(np.float32))


def slide(classes, density=0.0, share=None):
    """Embeddings and index of a grid of classes (-1: no tile)."""
    classes = np.asarray(classes)
    index = np.argwhere(classes >= 0).astype(np.int32)
    shown = classes[index[:, 0], index[:, 1]]
    dense = np.broadcast_to(density, classes.shape)[index[:, 0], index[:, 1]]
    part = (shown == TUMOUR).astype(float) if share is None else np.asarray(share)[index[:, 0], index[:, 1]]
    return np.stack([shown, dense, part], axis=1).astype(np.float32), index


def halves(rows=10, cols=12):
    """Tumour on the left, stroma on the right."""
    grid = np.full((rows, cols), STROMA)
    grid[:, : cols // 2] = TUMOUR
    return grid


def test_the_band_reaches_two_tiles_to_each_side_of_the_front():
    grid = halves()
    density = np.where((np.arange(12) >= 4) & (np.arange(12) < 8), 1000.0, 50.0)[None, :]
    measures = histology_measures(Painted(), *slide(grid, density))
    assert measures.margin_tiles == 10 * 2 * REACH_TILES
    assert measures.til_density_margin == pytest.approx(1000)
    assert measures.tumour_stroma_ratio == pytest.approx(0.5)
    assert measures.class_shares["tumour"] == measures.class_shares["stroma"] == 0.5
    assert sum(measures.class_shares.values()) == pytest.approx(1) and tuple(measures.class_shares) == TILE_CLASSES


@pytest.mark.parametrize("only", [TUMOUR, STROMA, NECROSIS, BACKGROUND, ARTEFACT])
def test_without_a_front_there_is_no_density(only):
    measures = histology_measures(Painted(), *slide(np.full((6, 6), only), 700.0))
    assert np.isnan(measures.til_density_margin) and measures.margin_tiles == 0 and not measures.in_margin.any()
    assert measures.to_json()["til_density_margin"] is None
    assert np.isnan(measures.tumour_stroma_ratio) == (only not in (TUMOUR, STROMA))


def test_glass_beside_the_tumour_is_no_front_and_artefacts_hold_no_margin():
    grid = halves()
    grid[:, 6:] = -1
    assert np.isnan(histology_measures(Painted(), *slide(grid)).til_density_margin)
    spoiled = halves()
    spoiled[2:4, 5:8] = ARTEFACT
    embeddings, index = slide(spoiled, 10.0)
    embeddings[embeddings[:, 0] == ARTEFACT, 1] = 9000
    measures = histology_measures(Painted(), embeddings, index)
    assert measures.til_density_margin == pytest.approx(10)
    assert not measures.in_margin[embeddings[:, 0] == ARTEFACT].any()


def test_necrosis_and_lymphocytes_within_the_tumour_belong_to_the_bulk():
    grid = halves(12, 16)
    share = (grid == TUMOUR).astype(float)
    grid[4:8, 1:3] = NECROSIS
    grid[2, 3] = LYMPHOCYTES
    band = histology_measures(Painted(), *slide(grid, share=share)).in_margin
    columns = slide(grid)[1][band][:, 1]
    assert set(columns.tolist()) == {6, 7, 8, 9}


def test_fat_is_not_counted_in_the_margin():
    grid = halves()
    grid[:, 6:] = FAT
    embeddings, index = slide(grid, 100.0)
    embeddings[embeddings[:, 0] == FAT, 1] = 0
    assert histology_measures(Painted(), embeddings, index).til_density_margin == pytest.approx(100)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_order_and_place_of_the_grid_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    grid = rng.choice([-1, *range(7)], (8, 9), p=[0.1, 0.1, 0.3, 0.3, 0.05, 0.05, 0.05, 0.05])
    embeddings, index = slide(grid, rng.uniform(0, 3000, grid.shape), rng.random(grid.shape))
    first = histology_measures(Painted(), embeddings, index)
    order = rng.permutation(len(index))
    moved = histology_measures(Painted(), embeddings[order], index[order] + np.array([31, 7], np.int32))
    np.testing.assert_array_equal(first.in_margin[order], moved.in_margin)
    for a, b in zip(first.rows(), moved.rows(), strict=True):
        assert a[0] == b[0] and a[1] == pytest.approx(b[1], rel=1e-5, nan_ok=True)


def test_no_tiles_and_wrong_shapes():
    empty = histology_measures(Painted(), *slide(np.full((3, 3), -1)))
    assert np.isnan(empty.til_density_margin) and empty.margin_tiles == 0
    assert margin_band(np.zeros((0, 4)), np.zeros((0, 2), np.int32)).shape == (0,)
    with pytest.raises(ValueError, match=r"index of shape \(3, 2\) for 4 tiles"):
        histology_measures(Painted(), np.zeros((4, 3), np.float32), np.zeros((3, 2), np.int32))


def test_a_case_with_several_slides_weighs_them_by_what_they_rest_on():
    with_front = histology_measures(Painted(), *slide(halves(), 500.0))
    no_front = histology_measures(Painted(), *slide(np.full((10, 12), STROMA), 9000.0))
    both = case_measures([with_front, no_front])
    assert both[TIL_DENSITY] == pytest.approx(500) and both[TUMOUR_STROMA] == pytest.approx(0.25)
    assert np.isnan(case_measures([no_front])[TIL_DENSITY])


def explained(n):
    """Contributions of n tiles that add up, as those of `explain_tiles` do."""
    contribution = np.random.default_rng(n).normal(0, 0.1, n).astype(np.float32)
    return TileExplanation(np.full(n, 1 / n, np.float32), contribution, float(contribution.sum()) - 0.3, -0.3, 0.0)


def test_named_rows_divide_all_that_histology_contributes():
    tiles = explained(120)
    grid = halves()
    grid[0, :] = NECROSIS
    measures = histology_measures(Painted(), *slide(grid, 800.0))
    rows = {r.name: r for r in rank_features(tiles=tiles, measures=[measures])}
    assert set(rows) == {TIL_DENSITY, TUMOUR_STROMA, OTHER_TILES}
    assert all(r.modality == HISTOLOGY for r in rows.values())
    assert (rows[TIL_DENSITY].value, rows[TIL_DENSITY].unit) == (pytest.approx(800), "lymphocytes/mm2")
    assert rows[TUMOUR_STROMA].unit == "tumour/(tumour+stroma)" and rows[OTHER_TILES].unit == ""
    total = sum(r.importance for r in rows.values())
    assert total == pytest.approx(tiles.logit - tiles.baseline_logit, abs=1e-5)
    in_band = tiles.contribution[measures.in_margin].sum()
    assert rows[TIL_DENSITY].importance == pytest.approx(in_band, abs=1e-6)
    with pytest.raises(ValueError, match="measures of 120 tiles for 20 contributions"):
        rank_features(tiles=explained(20), measures=[measures])
