"""The tile-class head: its file, its refusals, its arithmetic, and that fitting finds what is there."""

import dataclasses
import json

import numpy as np
import pytest

from icicore.errors import BundleError
from icicore.models import tile_classes
from icicore.models.tile_class_fit import FitSpec, LabelledEmbeddings, fit_weights
from icicore.models.tile_classes import TABLES, TILE_CLASSES, TileClassHead, load_tile_head

ENCODER = "fake16@0123456789ab"
N = len(TILE_CLASSES)


def some_head(*, dim: int = 16, hidden: int = 5, seed: int = 0) -> TileClassHead:
    rng = np.random.default_rng(seed)
    shapes = {"mean": (dim,), "scale": (dim,), "hidden.weight": (hidden, dim), "hidden.bias": (hidden,)}
    shapes |= {"out.weight": (N + 2, hidden), "out.bias": (N + 2,)}
    weights = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    weights["scale"] = np.abs(weights["scale"]) + np.float32(0.5)
    return TileClassHead(ENCODER, weights, {"trained_on": "nothing"})


def planted(n: int = 2100, dim: int = 24, seed: int = 3) -> LabelledEmbeddings:
    """Classes, density and tumour share that the embedding tells with noise; rare classes and unknown values too."""
    rng = np.random.default_rng(seed)
    label = rng.choice(N, n, p=[0.2, 0.3, 0.3, 0.1, 0.04, 0.03, 0.03]).astype(np.int8)
    log_density, share = rng.normal(6.5, 1.0, n), rng.random(n)
    x = rng.normal(size=(n, dim))
    x[np.arange(n), label] += 5
    x[:, N] += log_density
    x[:, N + 1] += 4 * share
    density = rng.poisson(np.exp(log_density)).astype(np.float32)
    density[label >= 5], share[label >= 3] = np.nan, np.nan
    return LabelledEmbeddings(x.astype(np.float16), label, density, share.astype(np.float32))


def test_a_head_comes_back_from_its_file(tmp_path):
    head, x = some_head(), np.random.default_rng(1).normal(size=(9, 16)).astype(np.float16)
    path = head.save(tmp_path)
    assert path.name == "tile_classes_fake16.safetensors"
    again = load_tile_head(ENCODER, folder=tmp_path)
    assert again is not None and again.card == head.card and again.encoder_id == ENCODER
    np.testing.assert_array_equal(again(x).probability, head(x).probability)


def test_other_encoders_are_refused(tmp_path):
    path = some_head().save(tmp_path)
    assert load_tile_head("fake16@ffffffffffff", folder=tmp_path) is None
    assert load_tile_head("resnet50@0123456789ab", folder=tmp_path) is None
    with pytest.raises(BundleError, match="reads embeddings of fake16@0123456789ab; expected a head for other@1"):
        TileClassHead.load(path, encoder_id="other@1")
    with pytest.raises(BundleError, match=r"shape \(3, 20\); expected \(n, 16\)"):
        some_head()(np.zeros((3, 20), np.float32))


@pytest.mark.parametrize("damage", ["weights", "truncated", "json", "schema", "classes"])
def test_a_damaged_head_is_one_line(tmp_path, damage):
    path = some_head().save(tmp_path)
    note = json.loads(path.with_suffix(".json").read_text())
    if damage == "weights":
        path.write_bytes(path.read_bytes()[:-4] + b"abcd")
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:40])
    elif damage == "json":
        path.with_suffix(".json").write_text("{")
    else:
        note[damage] = 99 if damage == "schema" else note[damage][::-1]
        path.with_suffix(".json").write_text(json.dumps(note))
    with pytest.raises(BundleError) as caught:
        load_tile_head(ENCODER, folder=tmp_path)
    assert "\n" not in str(caught.value) and "tile_classes_fake16" in str(caught.value)


def test_predictions_have_their_ranges_and_do_not_depend_on_company(monkeypatch):
    head, x = some_head(), np.random.default_rng(2).normal(size=(50, 16)).astype(np.float16) * 40
    whole = head(x)
    np.testing.assert_allclose(whole.probability.sum(axis=1), 1, rtol=1e-5)
    assert ((whole.lymphocytes_per_mm2 >= 1) & (whole.lymphocytes_per_mm2 <= 20_001)).all()
    assert ((whole.tumour_share >= 0) & (whole.tumour_share <= 1)).all() and (whole.log_density >= 0).all()
    monkeypatch.setattr(tile_classes, "_ROWS", 7)
    np.testing.assert_allclose(head(x).lymphocytes_per_mm2, whole.lymphocytes_per_mm2, rtol=1e-5)
    assert head(x[:0]).probability.shape == (0, N)


def test_fitting_finds_classes_density_and_share_and_is_repeatable():
    data, spec = planted(), FitSpec(epochs=15, hidden=32, learning_rate=1e-2, batch=64, noise=0.1)
    weights = fit_weights(data, spec)
    seen, test = TileClassHead(ENCODER, weights, {})(planted(seed=4).embeddings), planted(seed=4)
    recall = [np.mean(seen.tile_class[test.label == k] == k) for k in range(N)]
    assert min(recall) > 0.75
    known = np.isfinite(test.density)
    assert np.corrcoef(seen.log_density[known], np.log(test.density[known]))[0, 1] > 0.6
    # a Poisson loss keeps the mean: what a density over a region needs
    assert seen.lymphocytes_per_mm2[known].mean() == pytest.approx(test.density[known].mean(), rel=0.25)
    shared = np.isfinite(test.share)
    assert np.corrcoef(seen.tumour_share[shared], test.share[shared])[0, 1] > 0.6
    again = fit_weights(data, spec)
    assert all(np.array_equal(weights[name], again[name]) for name in weights)
    assert not np.array_equal(fit_weights(data, dataclasses.replace(spec, seed=1))["out.bias"], weights["out.bias"])


def test_the_shipped_heads_are_small_and_say_what_they_were_fitted_on():
    files = sorted(TABLES.glob("tile_classes_*.safetensors"))
    assert files
    for path in files:
        note = json.loads(path.with_suffix(".json").read_text())
        head = load_tile_head(note["encoder_id"])
        assert head is not None and path.stat().st_size + path.with_suffix(".json").stat().st_size < 1_000_000
        assert head.card["trained_on"] == "virtual tiles only"
        assert all(np.isfinite(value).all() for value in head.weights.values())
