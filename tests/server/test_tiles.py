"""Tiles, regions and slide information: right pixels, right codes."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from icicore.addresses import asset_digest
from icicore.slides.deepzoom import DeepZoomSource
from icicore.slides.reader import open_slide
from tests.server.conftest import signed


def picture(answer) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/jpeg"
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB")).astype(int)


def tile(client, slide, address, token=None):
    return client.get(f"/icicore/tiles/{slide}/{address}.jpg?t={signed(slide) if token is None else token}")


def test_info_matches_the_slide(client, slide):
    info = client.get(f"/icicore/slide/{slide}.json?t={signed(slide)}").json()
    assert (info["width"], info["height"], info["origin_l0"]) == (1500, 1100, [0, 0])
    assert info["max_level"] == math.ceil(math.log2(1500))


def test_tiles_of_the_finest_level_are_the_slide(client, scene, slide):
    info = client.get(f"/icicore/slide/{slide}.json?t={signed(slide)}").json()
    side = info["tile_size"]
    with open_slide(scene.slides[slide]) as reader:
        for col, row in ((0, 0), (2, 1), (5, 4)):
            got = picture(tile(client, slide, f"{info['max_level']}/{col}_{row}"))
            size = (min(side, 1500 - col * side), min(side, 1100 - row * side))
            truth = reader.read_region((col * side, row * side), 0, size).astype(int)
            assert got.shape == truth.shape
            assert np.abs(got - truth).mean() < 4


def test_stored_tiles_pass_through_unchanged(client, scene, slide):
    with open_slide(scene.slides[slide]) as reader:
        source = DeepZoomSource(reader)
        assert source.max_level in source.direct_levels
        assert tile(client, slide, f"{source.max_level}/1_1").content == source.tile(source.max_level, 1, 1)


@pytest.mark.parametrize("address", ["99/0_0", "11/6_0", "11/0_5", "10/3_0", "0/1_0"])
def test_a_tile_out_of_range_is_not_found(client, slide, address):
    assert tile(client, slide, address).status_code == 404


@pytest.mark.parametrize("address", ["-1/0_0", "11/-1_0", "11/a_0", "11/0"])
def test_an_address_that_is_no_tile_is_not_found_and_never_the_app(client, slide, address):
    answer = tile(client, slide, address)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/plain")


def test_tokens(client, scene, slide):
    other = list(scene.slides)[1]
    assert tile(client, slide, "11/0_0").status_code == 200
    assert tile(client, slide, "11/0_0", token="").status_code == 403
    assert tile(client, slide, "11/0_0", token=signed(other)).status_code == 403
    assert tile(client, slide, "11/0_0", token=signed(slide)[:-1] + "x").status_code == 403
    assert client.get(f"/icicore/slide/{slide}.json").status_code == 403
    assert client.get(f"/icicore/region/{slide}.jpg?x=0&y=0&size_l0=100&px=64").status_code == 403


def test_unknown_and_malformed_slides(client):
    assert tile(client, "0" * 16, "0/0_0", token=signed("0" * 16)).status_code == 404
    for name in ("one.tif", "..", "A" * 16, "0" * 15, "0" * 64):
        assert tile(client, name, "0/0_0", token=signed(name)).status_code in (400, 404)
    assert tile(client, "A" * 16, "0/0_0", token=signed("A" * 16)).status_code == 400


def test_a_slide_that_went_away_is_not_found(scene, tmp_path):
    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    from icicore.server import build_routes

    routes = build_routes(
        "", find_slide=lambda _: (tmp_path / "gone.svs", None), results_dir=tmp_path, secret="test secret"
    )
    answer = tile(TestClient(Starlette(routes=routes)), "1" * 16, "0/0_0")
    assert answer.status_code == 404
    assert str(tmp_path) not in answer.text


def test_tiles_are_kept_by_the_browser_only(client, slide):
    headers = tile(client, slide, "11/0_0").headers
    assert headers["cache-control"] == "private, max-age=86400, immutable"
    assert headers["x-content-type-options"] == "nosniff"


def region(client, slide, **query):
    given = "&".join(f"{k}={v}" for k, v in query.items())
    return client.get(f"/icicore/region/{slide}.jpg?{given}&t={signed(slide)}")


def test_region_is_the_square_asked_for(client, scene, slide):
    got = picture(region(client, slide, x=400.5, y=300.25, size_l0=256, px=128))
    with open_slide(scene.slides[slide]) as reader:
        truth = reader.read_area((400.5, 300.25), (256, 256), size_px=(128, 128)).astype(int)
    assert got.shape == (128, 128, 3)
    assert np.abs(got - truth).mean() < 4


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"x": 0, "y": 0, "size_l0": 256}, 400),
        ({"x": "a", "y": 0, "size_l0": 256, "px": 64}, 400),
        ({"x": "nan", "y": 0, "size_l0": 256, "px": 64}, 400),
        ({"x": 0, "y": 0, "size_l0": 0, "px": 64}, 400),
        ({"x": 0, "y": 0, "size_l0": 1e9, "px": 64}, 400),
        ({"x": 0, "y": 0, "size_l0": 256, "px": 5000}, 400),
        ({"x": 9000, "y": 0, "size_l0": 256, "px": 64}, 404),
    ],
)
def test_region_bounds(client, slide, query, code):
    assert region(client, slide, **query).status_code == code


def test_label_and_macro_have_no_address(client, slide):
    for name in ("label", "macro", "thumbnail", "barcode"):
        for address in (
            f"/icicore/{name}/{slide}.jpg",
            f"/icicore/slide/{slide}/{name}.jpg",
            f"/icicore/tiles/{slide}/{name}.jpg",
        ):
            assert client.get(f"{address}?t={signed(slide)}").status_code == 404


def test_browser_files_are_kept_for_good(client):
    answer = client.get(f"/icicore/static/{asset_digest()}/viewer.js")
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert "javascript" in answer.headers["content-type"]
    assert client.get("/icicore/static/000000000000/viewer.js").status_code == 404
    assert client.get(f"/icicore/static/{asset_digest()}/..%2f..%2froutes.py").status_code == 404


@pytest.mark.parametrize("path", ["/icicore", "/icicore/", "/icicore/nothing", "/icicore/tiles", "/icicore/static/x"])
def test_every_other_address_is_not_found(client, path):
    assert client.get(path).status_code == 404


def test_the_prefix_of_a_proxy(scene):
    from icicore.server import build_routes

    for base in ("ici", "/ici/", "/ici"):
        routes = build_routes(base, find_slide=lambda _: None, results_dir=scene.results, secret="s")
        assert {r.path.split("/")[1] for r in routes} == {"ici"}
