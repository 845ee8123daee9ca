"""Grids, tile tables and thumbnail pages: bytes as stored, nothing outside the results folder."""

import json

import numpy as np
import pytest

from tests.browser.scene import BUNDLE, CASE
from tests.server.conftest import signed


def get(client, slide, path, *, token=None, **headers):
    return client.get(f"/icicore/{path}?t={signed(slide) if token is None else token}", headers=headers)


@pytest.fixture
def folder(scene, slide):
    return scene.results / CASE / BUNDLE / "slides" / slide


@pytest.fixture
def result(slide):
    return f"{CASE}/{BUNDLE}/{slide}"


@pytest.mark.parametrize("layer", ["attention", "contribution", "gradcam", "tissue"])
def test_a_grid_is_the_stored_float32(client, slide, folder, result, layer):
    answer = get(client, slide, f"grid/{result}/{layer}.f32")
    stored = np.load(folder / f"{layer}.f32.npy")
    got = np.frombuffer(answer.content, "<f4").reshape(int(answer.headers["x-rows"]), int(answer.headers["x-cols"]))
    np.testing.assert_array_equal(got, stored)


def test_big_endian_and_fortran_grids_are_turned_round(client, slide, folder, result):
    values = np.asfortranarray(np.arange(12, dtype=">f8").reshape(3, 4))
    np.save(folder / "odd.f32.npy", values)
    answer = get(client, slide, f"grid/{result}/odd.f32")
    np.testing.assert_array_equal(np.frombuffer(answer.content, "<f4").reshape(3, 4), values)


def test_a_pickled_grid_is_refused(client, slide, folder, result):
    np.save(folder / "evil.f32.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert get(client, slide, f"grid/{result}/evil.f32").status_code == 404


def test_tables_and_pages(client, slide, folder, result):
    assert get(client, slide, f"tilestable/{result}.json").json() == json.loads((folder / "tiles.json").read_text())
    assert get(client, slide, f"sheetinfo/{result}.json").json()["pages"] == ["sheet_000.jpg"]
    page = get(client, slide, f"sheet/{result}/sheet_000.jpg")
    assert page.content == (folder / "sheet_000.jpg").read_bytes()
    assert page.headers["content-type"] == "image/jpeg"


def test_an_unchanged_file_is_not_sent_again(client, slide, result):
    first = get(client, slide, f"grid/{result}/attention.f32")
    again = get(client, slide, f"grid/{result}/attention.f32", **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_every_result_needs_the_token_of_its_slide(client, scene, slide, result):
    other = signed(list(scene.slides)[1])
    for path in (
        f"grid/{result}/attention.f32",
        f"tilestable/{result}.json",
        f"sheetinfo/{result}.json",
        f"sheet/{result}/sheet_000.jpg",
    ):
        assert get(client, slide, path, token="").status_code == 403
        assert get(client, slide, path, token=other).status_code == 403


@pytest.mark.parametrize(
    ("path", "codes"),
    [
        ("grid/{result}/nothing.f32", (404,)),
        ("grid/{result}/..%2f..%2fsecret.f32", (400, 404)),
        ("grid/{result}/Attention.f32", (400,)),
        ("grid/%2e%2e/{bundle}/{slide}/attention.f32", (400, 404)),
        ("grid/a.b/{bundle}/{slide}/attention.f32", (400,)),
        ("grid/{case}/..%2f..%2f..%2f..%2f/{slide}/attention.f32", (400, 404)),
        ("grid/{case}/zz/{slide}/attention.f32", (400,)),
        ("grid/other/{bundle}/{slide}/attention.f32", (404,)),
        ("sheet/{result}/layers.jpg", (400,)),
        ("sheet/{result}/sheet_999.jpg", (404,)),
        ("sheet/{result}/..%2ftiles.jpg", (400, 404)),
        ("tilestable/{case}/{bundle}/..%2f{slide}.json", (400, 404)),
    ],
)
def test_no_way_out_of_the_folder(client, slide, result, path, codes):
    address = path.format(result=result, case=CASE, bundle=BUNDLE, slide=slide)
    assert get(client, slide, address).status_code in codes


def test_a_link_that_leads_out_is_not_followed(client, slide, folder, result, tmp_path):
    np.save(tmp_path / "outside.npy", np.zeros((2, 2), np.float32))
    link = folder / "linked.f32.npy"
    if not link.is_symlink():
        link.symlink_to(tmp_path / "outside.npy")
    assert get(client, slide, f"grid/{result}/linked.f32").status_code == 404
