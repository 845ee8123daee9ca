import json

import cv2
import numpy as np
import pytest

from icicore.embeddings.cache import EmbeddingCache
from icicore.embeddings.embed import embed_slide, embedding_spec
from icicore.explain.geojson import tiles_geojson, write_geojson
from icicore.explain.grids import descending_ranks, fine_grid, tile_grid
from icicore.explain.heatmap import ColourScale, HeatmapStyle, Placement, number, overlay, render_heatmap, write_png
from icicore.explain.layers import Layer, SlideFrame, TileScores, write_slide_folder
from icicore.slides.array_reader import ArrayReader
from icicore.slides.tiling import TileGrid
from tests.fake_backbones import fake_encoder
from tests.make_slides import make_he_image


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A slide at 0.37 µm/px with an offset scanned area, its bag, sprite sheets and scores."""
    cache = EmbeddingCache(tmp_path_factory.mktemp("cache"))
    image = np.full((2400, 3000, 3), 244, np.uint8)
    image[300:2100, 500:2500] = make_he_image(np.random.default_rng(0), (2000, 1800))
    reader = ArrayReader(image, mpp=0.37, downsamples=(1, 4), bounds_l0=(203, 107, 2600, 2200))
    encoder = fake_encoder()
    bag = embed_slide(reader, digest="ab" * 32, grid=TileGrid(), encoder=encoder, cache=cache)
    spec = embedding_spec(reader, digest="ab" * 32, grid=TileGrid(), encoder=encoder)
    rng = np.random.default_rng(1)
    attention = rng.random(len(bag)).astype(np.float32)
    cam = rng.normal(size=(len(bag), 8, 8)).astype(np.float32)
    scores = TileScores(attention / attention.sum(), rng.normal(size=len(bag)).astype(np.float32), cam)
    return reader, bag, scores, cache.entry(spec.key).sheet_files()


def test_grids_hold_each_tile_where_it_lies(made):
    _, bag, scores, _ = made
    coarse, fine = tile_grid(bag, scores.attention), fine_grid(bag, scores.gradcam)
    assert coarse.shape == (bag.grid.rows, bag.grid.cols)
    assert fine.shape == (8 * bag.grid.rows, 8 * bag.grid.cols)
    assert np.isfinite(coarse).sum() == len(bag) and np.isnan(coarse).any()
    for i in (0, len(bag) // 2, len(bag) - 1):
        row, col = bag.index[i]
        assert coarse[row, col] == scores.attention[i]
        np.testing.assert_array_equal(fine[8 * row : 8 * row + 8, 8 * col : 8 * col + 8], scores.gradcam[i])


def test_result_folder_keeps_its_contract(made, tmp_path):
    reader, bag, scores, sheets = made
    write_slide_folder(tmp_path, bag=bag, frame=SlideFrame.of(reader), scores=scores, sheet_files=sheets)
    content = json.loads((tmp_path / "layers.json").read_text())
    assert content["bounds_l0"] == [203, 107, 2600, 2200] and content["origin_l0"] == [203, 107]
    assert (content["width_l0"], content["height_l0"], content["mpp"]) == (3000, 2400, 0.37)
    assert content["tile_l0"] == pytest.approx(256 * 0.5 / 0.37)
    assert content["digest"] == "ab" * 32 and content["path_name"] == "array"
    layers = {entry["id"]: entry for entry in content["layers"]}
    assert set(layers) == {"attention", "contribution", "gradcam", "gradcam_signed", "tissue"}
    assert layers["contribution"]["signed"] and layers["contribution"]["unit"] == "logit"
    for entry in layers.values():
        grid = np.load(tmp_path / entry["file"], allow_pickle=False)
        cells = entry["cells_per_tile"]
        assert grid.dtype == np.float32 and grid.shape == (content["rows"] * cells, content["cols"] * cells)
        assert entry["range"] == pytest.approx([np.nanmin(grid), np.nanmax(grid)])
        assert entry["scale"] == "raw" and entry["meaning"]
    assert np.nanmin(np.load(tmp_path / "gradcam.f32.npy")) == 0
    table = json.loads((tmp_path / "tiles.json").read_text())
    assert table["n"] == len(bag) and all(len(v) == len(bag) for k, v in table.items() if k != "n")
    best = table["contribution_rank"].index(1)
    assert table["contribution"][best] == max(table["contribution"])
    assert table["x_l0"][best] == pytest.approx(203 + table["col"][best] * content["tile_l0"])
    sheet = json.loads((tmp_path / "sheet.json").read_text())
    assert sheet["n"] == len(bag) and all((tmp_path / page).is_file() for page in sheet["pages"])
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_sprites_show_the_tiles_in_bag_order(made):
    reader, bag, _, sheets = made
    page = cv2.imread(str(sheets[1]))[..., ::-1]
    for i in (0, 17, len(bag) - 1):
        row, col = divmod(i, 16)
        x, y = bag.coords_l0[i]
        tile = reader.read_area((x, y), (bag.grid.tile_l0,) * 2, size_px=(64, 64)).astype(float)
        cell = page[64 * row : 64 * row + 64, 64 * col : 64 * col + 64].astype(float)
        assert np.abs(cell.mean((0, 1)) - tile.mean((0, 1))).max() < 3
        grey = [v.mean(2) - v.mean() for v in (cell, tile)]
        assert (grey[0] * grey[1]).sum() / np.sqrt((grey[0] ** 2).sum() * (grey[1] ** 2).sum()) > 0.9


def test_geojson_holds_closed_squares_in_level_0_px(made, tmp_path):
    reader, bag, scores, _ = made
    write_geojson(tmp_path / "tiles.geojson", bag, scores, probability=0.4)
    content = json.loads((tmp_path / "tiles.geojson").read_text())
    assert content["type"] == "FeatureCollection" and len(content["features"]) == len(bag)
    for i, feature in enumerate(content["features"]):
        ring = np.asarray(feature["geometry"]["coordinates"][0])
        assert feature["type"] == "Feature" and feature["geometry"]["type"] == "Polygon"
        assert ring.shape == (5, 2) and (ring[0] == ring[-1]).all()
        np.testing.assert_allclose(ring.min(axis=0), bag.coords_l0[i], atol=1e-3)
        np.testing.assert_allclose(np.ptp(ring, axis=0), bag.grid.tile_l0, atol=2e-3)
        properties = feature["properties"]
        assert properties["objectType"] == "tile"
        assert properties["measurements"]["Contribution (logit)"] == pytest.approx(float(scores.contribution[i]))
        assert properties["measurements"]["Grad-CAM maximum (logit)"] >= 0
    cropped = tiles_geojson(bag, scores, origin_l0=reader.bounds_l0[:2])
    corner = np.asarray(cropped["features"][0]["geometry"]["coordinates"][0][0])
    np.testing.assert_allclose(corner, bag.coords_l0[0] - (203, 107), atol=1e-3)


def test_overlay_colours_exactly_the_tile_on_the_thumbnail(made):
    reader, bag, _, _ = made
    grid = np.full((bag.grid.rows, bag.grid.cols), np.nan, np.float32)
    grid[2, 3] = 1.0
    thumbnail = reader.thumbnail(1300)
    place = Placement(bag.grid.origin_l0, bag.grid.tile_l0, reader.bounds_l0)
    changed = (overlay(thumbnail, Layer("x", grid, ""), place) != thumbnail).any(axis=2)
    rows, cols = np.nonzero(changed)
    side = bag.grid.tile_l0 * thumbnail.shape[1] / 2600
    assert cols.min() == pytest.approx(3 * side, abs=1) and cols.max() == pytest.approx(4 * side, abs=1)
    assert rows.min() == pytest.approx(2 * side, abs=1) and rows.max() == pytest.approx(3 * side, abs=1)


def test_scale_is_symmetric_for_signed_values_and_survives_odd_grids():
    values = np.array([[-3, 1, np.nan], [0, 2, 0.5]], np.float32)
    scale = ColourScale.of(values, signed=True)
    assert scale.low == -scale.high and 0 < scale.high <= 3
    white = scale.colours(np.zeros((1, 1), np.float32))[0, 0]
    assert white.min() > 235
    red, blue = (scale.colours(np.full((1, 1), v, np.float32))[0, 0].astype(int) for v in (9, -9))
    assert red[0] > red[2] + 100 and blue[2] > blue[0] + 100
    for grid in (np.full((2, 2), np.nan), np.full((2, 2), 0.25), np.zeros((2, 2))):
        for signed in (True, False):
            odd = ColourScale.of(grid.astype(np.float32), signed=signed)
            assert np.isfinite([odd.low, odd.high]).all() and odd.high > odd.low


def test_heatmap_is_a_picture_with_a_legend(made, tmp_path):
    reader, bag, scores, sheets = made
    layers = {x.id: x for x in write_slide_folder(tmp_path, bag=bag, frame=SlideFrame.of(reader), scores=scores)}
    place = Placement(bag.grid.origin_l0, bag.grid.tile_l0, reader.bounds_l0)
    thumbnail = reader.thumbnail(600)
    image = render_heatmap(thumbnail, layers["contribution"], place, HeatmapStyle("Contribution"))
    assert image.dtype == np.uint8 and image.shape[1] > thumbnail.shape[1] and image.shape[0] >= 240
    write_png(tmp_path / "heat.png", image)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "heat.png"))[..., ::-1], image)


def test_numbers_and_ranks():
    assert number(0.01234, signed=False) == "0.0123"
    assert number(0.5, signed=True) == "+0.5" and number(-0.5, signed=True) == "-0.5"
    assert number(1e-15, signed=True) == "0"
    assert descending_ranks(np.array([0.2, 0.9, 0.2, 0.5], np.float32)) == [3, 1, 4, 2]
