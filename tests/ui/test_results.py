"""Reading of result folders."""

from pathlib import Path

import numpy as np
import pytest

from icicore.ui.results import cam_block, load_features, load_tiles, tile_at
from icicore.workflows.cases import CaseResult
from tests.pages.fake_results import write_result


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> CaseResult:
    return write_result(tmp_path_factory.mktemp("result"), slides=1, tiles=40)


def test_tile_ranks_start_at_one(result: CaseResult) -> None:
    tiles = load_tiles(result, result.slides[0])
    assert tiles is not None
    all_tiles = [tile_at(tiles, i) for i in range(len(tiles))]
    ranks = [t.attention_rank for t in all_tiles if t]
    assert sorted(ranks) == list(range(1, 41))
    top = all_tiles[ranks.index(1)]
    assert top is not None and top.attention == tiles["attention"].max()


@pytest.mark.parametrize("index", [-1, 40])
def test_no_such_tile(index: int, result: CaseResult) -> None:
    tiles = load_tiles(result, result.slides[0])
    assert tiles is not None and tile_at(tiles, index) is None


def test_cam_block_is_the_tile_s_part_of_the_grid(result: CaseResult) -> None:
    layers = result.slides[0]
    tiles = load_tiles(result, layers)
    assert tiles is not None
    tile = tile_at(tiles, 7)
    assert tile is not None
    found = cam_block(result, layers, tile.row, tile.col)
    grid = np.load(result.folder / "slides" / layers["digest"][:16] / "gradcam.f32.npy")
    assert found is not None
    block, top = found
    y, x = tile.row * 8, tile.col * 8
    np.testing.assert_array_equal(block, grid[y : y + 8, x : x + 8])
    assert 0 < top <= np.nanmax(grid)


def test_cam_block_outside_the_grid_or_without_layer(result: CaseResult) -> None:
    layers = result.slides[0]
    assert cam_block(result, layers, 10_000, 0) is None
    assert cam_block(result, {**layers, "layers": []}, 0, 0) is None


def test_a_layer_cannot_point_outside_its_folder(result: CaseResult) -> None:
    layers = result.slides[0]
    evil = [{"id": "gradcam", "file": "../../prediction.json", "cells_per_tile": 8}]
    assert cam_block(result, {**layers, "layers": evil}, 0, 0) is None


def test_features_are_optional(result: CaseResult, tmp_path: Path) -> None:
    assert load_features(result)[0]["rank"] == 1
    assert load_features(CaseResult(prediction={}, folder=tmp_path, slides=(), bundle_digest="b")) == []
