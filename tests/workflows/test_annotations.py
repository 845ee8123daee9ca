"""The commands on annotations, on a real slide file."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import load_file

from icicore.cli import cli
from icicore.embeddings.bag import Bag
from icicore.slides.reader import slide_digest
from tests.browser.scanned_area import make_scn
from tests.factories import make_bag
from tests.make_slides import make_slide

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [512, 0], [512, 256], [0, 256], [0, 0]]]}


@pytest.fixture
def command(tmp_path, monkeypatch):
    monkeypatch.setenv("ICICORE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LOGNAME", "pathologist")

    def run(*args):
        return CliRunner().invoke(cli, ["annotations", *map(str, args)])

    return run


def geojson(path, *geometries, label="Tumor"):
    features = [
        {"type": "Feature", "geometry": g, "properties": {"classification": {"name": label, "color": [200, 0, 0]}}}
        for g in geometries
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_import_export_and_mask(command, tmp_path):
    slide = make_slide(tmp_path / "one.tif", size=(1500, 1100))
    done = command("import", slide, geojson(tmp_path / "in.geojson", SQUARE))
    assert (done.exit_code, done.output) == (0, "1 new, 0 changed, 0 unchanged\n")
    assert command("export", slide, "--out", tmp_path / "out.geojson").exit_code == 0
    exported = json.loads((tmp_path / "out.geojson").read_text())
    assert exported["features"][0]["geometry"]["coordinates"] == SQUARE["coordinates"]
    again = command("import", slide, tmp_path / "out.geojson")
    assert again.output == "0 new, 0 changed, 1 unchanged\n"
    bag = make_bag(np.random.default_rng(0), np.zeros((3, 4)))
    bag = Bag(**{**vars(bag), "slide_digest": slide_digest(slide)})
    bag.save(tmp_path / "bag.safetensors")
    out = tmp_path / "mask.safetensors"
    mask = command("mask", slide, "--class", "Tumor", "--bag", tmp_path / "bag.safetensors", "--out", out, "--json")
    assert json.loads(mask.output) == {"out": str(out), "label": "Tumor", "n_tiles": 3, "covered": 1, "wholly": 0}
    np.testing.assert_allclose(load_file(out)["coverage"], [0.5, 0, 0])  # tiles of 512 px


def test_the_corner_of_a_scanned_area(command, tmp_path):
    image = np.full((900, 1200, 3), 200, np.uint8)
    slide = make_scn(tmp_path / "area.scn", image, mpp=0.5, offset=(801, 433))
    command("import", slide, geojson(tmp_path / "in.geojson", SQUARE), "--origin", "scan")
    for origin, corner in (("scan", [0, 0]), ("file", [801, 433])):
        assert command("export", slide, "--out", tmp_path / "out.geojson", "--origin", origin).exit_code == 0
        (feature,) = json.loads((tmp_path / "out.geojson").read_text())["features"]
        assert feature["geometry"]["coordinates"][0][0] == corner


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "none.geojson", ["none.geojson", "No such file"]),
        (
            lambda folder: geojson(folder / "b.geojson", {"type": "Point", "coordinates": [1, -9]}),
            ["b.geojson", "outs"],
        ),
    ],
)
def test_a_bad_file_is_one_line_and_exit_code_1(command, tmp_path, make, words):
    slide = make_slide(tmp_path / "one.tif", size=(800, 600))
    done = command("import", slide, make(tmp_path))
    assert done.exit_code == 1
    assert done.output.count("\n") == 1, done.output
    for word in words:
        assert word in done.output


def test_a_class_nobody_drew_and_a_bag_of_another_slide(command, tmp_path):
    slide = make_slide(tmp_path / "one.tif", size=(1500, 1100))
    bag = tmp_path / "bag.safetensors"
    make_bag(np.random.default_rng(0), np.zeros((3, 4))).save(bag)
    none = command("mask", slide, "--class", "Tumor", "--bag", bag, "--out", tmp_path / "m")
    assert (none.exit_code, "no area annotated as 'Tumor'" in none.output) == (1, True)
    command("import", slide, geojson(tmp_path / "in.geojson", SQUARE))
    other = command("mask", slide, "--class", "Tumor", "--bag", bag, "--out", tmp_path / "m")
    assert (other.exit_code, "belongs to another slide" in other.output) == (1, True)
    assert not (tmp_path / "m").exists()
