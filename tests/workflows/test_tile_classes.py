"""Painted tiles of known class, their looks, and what the shipped head sees on a virtual slide."""

import dataclasses
import json

import numpy as np
import pytest

from icicore.domain import HISTOLOGY
from icicore.explain.features import OTHER_TILES
from icicore.explain.histology import TIL_DENSITY, TUMOUR_STROMA
from icicore.models.tile_class_fit import FitSpec
from icicore.models.tile_classes import TILE_CLASSES
from icicore.simulate.spec import CLASSES, SlideSpec
from icicore.simulate.truth import SlideTruth
from icicore.simulate.truth_store import case_truth_folder
from icicore.workflows.class_tiles import CLASS_OF_TRUTH, LabelledTiles, class_specs, paint_tiles
from icicore.workflows.evidence import measure_bag
from icicore.workflows.explanation_folder import explain_to_folder
from icicore.workflows.inference import embed_default
from icicore.workflows.tile_classes import HeadPlan, agreement, fit_head, held_out, recall
from icicore.workflows.tile_variation import blank_tiles, inked, vary_look

BACKGROUND, ARTEFACT = TILE_CLASSES.index("background"), TILE_CLASSES.index("artefact")


def test_every_class_of_the_truth_has_one_of_the_head():
    names = {name: TILE_CLASSES[k] for name, k in zip(CLASSES, CLASS_OF_TRUTH, strict=True)}
    assert names["margin_lymphocytes"] == names["lymphocytes"] == "lymphocytes" and names["blood"] == "necrosis"
    assert all(names[name] == name for name in ("tumour", "stroma", "necrosis", "fat", "artefact"))


def test_specs_come_from_their_seed_and_cover_sites_and_tumours():
    specs = class_specs(24, 5)
    assert specs == class_specs(30, 5)[:24] != class_specs(24, 6)
    assert {(s.site, s.tumour_type) for s in specs} == {(k, t) for k in range(6) for t in ("melanoma", "nsclc")}
    assert min(s.mpp for s in specs) < 0.5 < max(s.mpp for s in specs)


@pytest.fixture(scope="module")
def painted():
    spec = SlideSpec(11, tumour_type="nsclc", tumour_fraction=0.3, til_density=1800.0, necrosis=0.1,
                     artefacts=("pen",), size_um=(1500.0, 1300.0), mpp=0.6)  # fmt: skip
    return paint_tiles(spec), paint_tiles(spec)


def test_painted_tiles_are_repeatable_and_labelled(painted):
    (tiles, labels), (again, _) = painted
    np.testing.assert_array_equal(tiles, again)
    assert tiles.shape[1:] == (256, 256, 3) and tiles.dtype == np.uint8
    assert {TILE_CLASSES[k] for k in labels["label"]} >= {"lymphocytes", "tumour", "stroma", "background", "artefact"}
    blind = np.isin(labels["label"], (BACKGROUND, ARTEFACT))
    assert np.isnan(labels["density"][blind]).all() and np.isfinite(labels["density"][~blind]).all()
    dense = labels["density"][labels["label"] == 0]
    assert dense.min() >= 1500
    # what is called tumour is darker than glass, so label and picture belong together
    brightness = tiles.mean(axis=(1, 2, 3))
    assert brightness[labels["label"] == 1].max() < brightness[labels["label"] == BACKGROUND].min() + 20


def test_looks_differ_but_keep_what_is_shown(painted):
    tiles = painted[0][0][:6]
    a, b, other = (vary_look(tiles, np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert a.shape == tiles.shape and a.dtype == np.uint8
    assert np.abs(a.astype(int) - tiles).mean() > 3 and np.abs(a.astype(int) - other).mean() > 3
    glass = blank_tiles(np.random.default_rng(0), 3, side=64)
    assert glass.mean() > 215 and vary_look(glass, np.random.default_rng(3)).mean() > 190
    assert blank_tiles(np.random.default_rng(0), 0, side=64).shape == (0, 64, 64, 3)
    covered = inked(tiles, np.random.default_rng(4))
    assert all(c.mean() < t.mean() - 5 for c, t in zip(covered, tiles, strict=True))


def labelled(slides: int = 72, each: int = 14) -> LabelledTiles:
    """Embeddings that tell the class, in two looks."""
    rng = np.random.default_rng(8)
    n = slides * each
    label = np.tile(np.arange(7, dtype=np.int8), n // 7)
    x = rng.normal(size=(2, n, 12))
    x[:, np.arange(n), label] += 5
    density = np.where(label < 5, np.where(label == 0, 4000.0, 200.0), np.nan).astype(np.float32)
    share = np.where(label < 3, (label == 1) * 1.0, np.nan).astype(np.float32)
    return LabelledTiles(
        x.astype(np.float16), label, density, share, np.repeat(np.arange(slides, dtype=np.int32), each)
    )


def test_a_head_is_tested_on_slides_it_was_not_fitted_on():
    tiles = labelled()
    test = held_out(tiles)
    assert not set(tiles.slide[test]) & set(tiles.slide[~test]) and len(set(tiles.slide[test])) == 12
    assert {int(s) // 2 % 6 for s in tiles.slide[test]} == set(range(6))
    head = fit_head(tiles, "fake12@0", HeadPlan(slides=72, fit=FitSpec(epochs=20, batch=64, learning_rate=1e-2)))
    assert head.card["slides"] == {"fit": 60, "test": 12} and head.card["trained_on"] == "virtual tiles only"
    assert all(value > 0.8 for value in head.card["test_recall"].values())
    assert recall(head, tiles.embeddings[0][:1], tiles.label[:1])["fat"] is None
    json.dumps(head.card)


def test_agreement_leaves_out_what_is_missing():
    found = agreement(np.array([1.0, 2.0, np.nan, 4.0]), np.array([0.0, 1.0, 2.0, 3.0]))
    assert (found["n"], found["missing"], found["pearson"], found["bias"], found["sd"]) == (3, 1, 1.0, 1.0, 0.0)


def test_the_shipped_head_measures_a_virtual_slide(services, virtual_case):
    bag = embed_default(services, next((virtual_case / "slides").iterdir()))
    truth = SlideTruth.load(next(case_truth_folder(virtual_case).glob("*.npz")))
    measures = measure_bag(bag)
    assert measures is not None
    # a small specimen with a short front: one slide is right within a factor of two, a cohort much better
    assert 0.5 < measures.til_density_margin / truth.til_density_margin < 2
    assert measures.tumour_stroma_ratio == pytest.approx(truth.tumour_stroma_ratio, abs=0.12)
    rows, cols = np.minimum(bag.index, np.array(truth.tile_class.shape) - 1).T
    label = truth.tile_class[rows, cols]
    known = label >= 0
    assert (CLASS_OF_TRUTH[label[known]] == measures.tile_class[known]).mean() > 0.6
    other = dataclasses.replace(bag, encoder_id="efficientnet_lite0@000000000000")
    assert measure_bag(other) is None
    assert measure_bag(dataclasses.replace(bag, grid=dataclasses.replace(bag.grid, mpp=1.0))) is None


def test_explanations_name_the_measures_and_lay_out_the_classes(services, virtual_case, tmp_path):
    explain_to_folder(services, virtual_case, tmp_path)
    rows = {r["name"]: r for r in json.loads((tmp_path / "features.json").read_text())}
    assert rows[TIL_DENSITY]["unit"] == "lymphocytes/mm2" and rows[TIL_DENSITY]["value"] > 0
    assert rows[TIL_DENSITY]["modality"] == rows[TUMOUR_STROMA]["modality"] == HISTOLOGY
    histology = {name for name, row in rows.items() if row["modality"] == HISTOLOGY}
    assert {TIL_DENSITY, TUMOUR_STROMA} <= histology <= {TIL_DENSITY, TUMOUR_STROMA, OTHER_TILES}
    assert TIL_DENSITY in (tmp_path / "features.csv").read_text()
    layers = json.loads(next(tmp_path.rglob("layers.json")).read_text())
    (classes,) = [layer for layer in layers["layers"] if layer["id"] == "classes"]
    grid = np.load(next(tmp_path.rglob("classes.f32.npy")))
    assert classes["classes"] == list(TILE_CLASSES) and grid.shape == (layers["rows"], layers["cols"])
    assert np.isfinite(grid).sum() == json.loads(next(tmp_path.rglob("tiles.json")).read_text())["n"]
