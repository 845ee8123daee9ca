"""The Grad-CAM of a clicked tile: the library's map of that very tile, computed once, and never of another score."""

import json

import numpy as np
import pytest

from icicore.errors import CaseError
from icicore.explain.gradcam import read_bag_tile
from icicore.explain.tile_cam import enlarge, tile_gradcam
from icicore.fingerprint import write_json
from icicore.slides.stain import normalise
from icicore.workflows import tile_cams
from icicore.workflows.cases import load_result, open_case
from icicore.workflows.evidence import gather, open_case_slide
from icicore.workflows.inference import score_case
from icicore.workflows.tile_cams import cam_path, find_tile_cam, tile_cam


@pytest.fixture(scope="module")
def result(services, virtual_case):
    row = open_case(services, virtual_case)
    score_case(services, row.case_key)
    return load_result(services, row.case_key)


@pytest.fixture(scope="module")
def slide(result) -> str:
    return result.slides[0]["id"]


@pytest.fixture
def tile(result, slide) -> int:
    """The tile that speaks most for response, so its map is not empty."""
    table = json.loads((result.folder / "slides" / slide / "tiles.json").read_text())
    return table["contribution_rank"].index(1)


def test_the_stored_map_is_that_of_the_library_for_this_tile(services, virtual_case, result, slide, tile):
    path = tile_cam(services, virtual_case, slide=slide, tile=tile)
    stored = find_tile_cam(result, slide, tile)
    assert path == cam_path(result, slide, tile)
    model = services.bundle(services.bundle_ref())
    evidence = gather(services, tile_cams.read_case(virtual_case), model)
    entry = evidence.slides[0]
    with open_case_slide(evidence.case, entry.path) as reader:
        image = normalise(read_bag_tile(reader, entry.bag, tile)[None], entry.bag.stain)[0]
    encoder = services.bundle_encoder(model)
    library = tile_gradcam(model, evidence.inputs, tile=tile, image=image, encoder=encoder)
    top = library.signed.max()
    assert top > 0
    assert stored.image.shape == (256, 256) and stored.image.dtype == np.float32
    np.testing.assert_allclose(stored.image, library.image * top, rtol=1e-4, atol=1e-4 * top)
    assert stored.meaning["members"] == model.spec.members
    assert stored.meaning["range"] == [0.0, pytest.approx(top, rel=1e-4)]


def test_it_is_the_closed_form_of_the_slide_enlarged(services, virtual_case, result, slide, tile):
    tile_cam(services, virtual_case, slide=slide, tile=tile)
    stored, folder = find_tile_cam(result, slide, tile), result.folder / "slides" / slide
    table = json.loads((folder / "tiles.json").read_text())
    row, col = table["row"][tile], table["col"][tile]
    cells = np.load(folder / "gradcam.f32.npy")[row * 8 : row * 8 + 8, col * 8 : col * 8 + 8]
    top = cells.max()
    np.testing.assert_allclose(stored.image, enlarge(cells, 256) * top, atol=0.02 * top)


def test_it_is_computed_once_and_a_damaged_file_again(services, virtual_case, result, slide, tile, monkeypatch):
    path = tile_cam(services, virtual_case, slide=slide, tile=tile)
    content, compute, calls = path.read_bytes(), tile_cams._compute, []
    monkeypatch.setattr(tile_cams, "_compute", lambda *a, **k: calls.append(1) or compute(*a, **k))
    tile_cam(services, virtual_case, slide=slide, tile=tile)
    assert calls == []
    path.write_bytes(content[:1000])
    assert find_tile_cam(result, slide, tile) is None
    assert tile_cam(services, virtual_case, slide=slide, tile=tile).read_bytes() == content
    assert calls == [1]


def test_a_map_of_an_earlier_score_is_not_shown_for_a_later_one(services, virtual_case, result, slide, tile):
    tile_cam(services, virtual_case, slide=slide, tile=tile)
    path = result.folder / "prediction.json"
    content = path.read_bytes()
    write_json(path, result.prediction | {"logit": result.prediction["logit"] + 0.5})
    try:
        later = load_result(services, result.folder.parent.name)
        assert find_tile_cam(later, slide, tile) is None
        with pytest.raises(CaseError, match="changed since it was scored"):
            tile_cam(services, virtual_case, slide=slide, tile=tile)
    finally:
        path.write_bytes(content)


def test_what_is_not_there_is_refused_in_one_line(services, virtual_case, result, slide):
    with pytest.raises(CaseError, match="no tile 100000"):
        tile_cam(services, virtual_case, slide=slide, tile=100000)
    with pytest.raises(CaseError, match="score the case again"):
        tile_cam(services, virtual_case, slide="0" * 64, tile=0)
    assert not list(result.folder.glob("tile_cams/*/*100000*"))
