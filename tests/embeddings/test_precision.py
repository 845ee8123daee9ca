"""Reduced precision: close to the reference on real tiles, and never mixed with it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from icicore.embeddings import precision
from icicore.embeddings.backbones import load_backbone
from icicore.embeddings.bag import join_embeddings
from icicore.embeddings.stage import tuned_encoder
from icicore.errors import BackboneUnavailable, BundleError, InputError
from icicore.settings import read_settings
from icicore.workflows.doctor import diagnose
from tests.factories import make_bag
from tests.fake_backbones import fake_encoder
from tests.shared_data import shared

needs_bf16 = pytest.mark.skipif(bool(precision.obstacle("bf16")), reason="this processor has no bf16 arithmetic")


def real_tiles(n: int = 40) -> np.ndarray:
    paths = sorted(shared("tiles/slide_regions").rglob("*.png"))
    chosen = [paths[i] for i in np.linspace(0, len(paths) - 1, n).round().astype(int)]
    return np.stack([np.asarray(Image.open(p).convert("RGB")) for p in chosen])


def cosines(name: str, kind: str, engines: Path | None = None) -> np.ndarray:
    tiles = real_tiles()
    a = load_backbone(name, weights_dir=shared("weights")).encode(tiles)
    b = load_backbone(name, weights_dir=shared("weights"), precision=kind, engines=engines).encode(tiles)
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@needs_bf16
@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet50"])
def test_bf16_is_close_on_real_tiles(name):
    found = cosines(name, "bf16")
    assert found.mean() >= 0.997 and found.min() >= 0.99


@pytest.mark.slow
def test_int8_is_close_on_real_tiles(tmp_path):
    if reason := precision.obstacle("int8"):
        pytest.skip(reason)
    found = cosines("resnet50", "int8", tmp_path)
    assert found.mean() >= 0.98 and found.min() >= 0.94
    kept = sorted(p.suffix for p in tmp_path.iterdir())
    assert kept == [".bin", ".xml"], "quantised once, then read"
    encoder = load_backbone("resnet50", weights_dir=shared("weights"), precision="int8", engines=tmp_path)
    tiles = real_tiles(11)
    together = encoder.encode(tiles)
    for part in (slice(0, 3), slice(8, 11), slice(10, 11)):
        np.testing.assert_array_equal(encoder.encode(tiles[part]), together[part])


def test_int8_is_refused_for_lite0():
    with pytest.raises(BackboneUnavailable, match="int8 is for resnet50 only") as caught:
        load_backbone("efficientnet_lite0", precision="int8")
    assert "\n" not in str(caught.value)


def test_bf16_is_refused_where_the_processor_lacks_it(monkeypatch):
    monkeypatch.setattr(precision, "_has_bf16", lambda device: False)
    with pytest.raises(BackboneUnavailable, match="no bf16 arithmetic.*set ICICORE_PRECISION"):
        load_backbone("efficientnet_lite0", precision="bf16")
    assert precision.usable()[0] == "fp32" and "bf16" not in precision.usable()


def test_the_identifier_names_a_reduced_precision_only():
    plain, half = fake_encoder(), fake_encoder(precision="bf16")
    assert "+" not in plain.identifier and half.identifier == f"{plain.identifier}+bf16"
    assert precision.precision_of(plain.identifier) == "fp32"
    assert precision.precision_of(half.identifier.rpartition("@")[2]) == "bf16"


def test_bags_of_two_precisions_do_not_go_together():
    rng = np.random.default_rng(0)
    bags = [make_bag(rng, np.zeros((3, 8)), encoder_id=name) for name in ("a@0123456789ab", "a@0123456789ab+bf16")]
    with pytest.raises(InputError, match=r"come from 2 encoders \(a@0123456789ab, a@0123456789ab\+bf16\)"):
        join_embeddings(bags)


@pytest.mark.parametrize(
    ("trained", "setting"), [("fp32", "auto"), ("fp32", "fp32"), ("bf16", "auto"), ("bf16", "bf16")]
)
def test_a_case_is_embedded_as_the_bundle_was_trained(trained, setting):
    assert precision.precision_for("demo", trained, setting=setting) == trained


@pytest.mark.parametrize(("trained", "setting"), [("fp32", "bf16"), ("bf16", "fp32"), ("int8", "bf16")])
def test_a_bundle_refuses_another_precision(trained, setting):
    with pytest.raises(BundleError, match=f"was trained on {trained} embeddings.*ICICORE_PRECISION is {setting}") as e:
        precision.precision_for("demo", trained, setting=setting)
    assert "\n" not in str(e.value)


def test_an_engine_without_gradients_cannot_be_tuned():
    from dataclasses import replace

    from torch import nn

    with pytest.raises(BackboneUnavailable, match="cannot be tuned in int8"):
        tuned_encoder(replace(fake_encoder(precision="int8"), engine=nn.Identity()), {})


def test_doctor_says_what_is_used_and_what_could_be(tmp_path, monkeypatch):
    found = diagnose(read_settings({"ICICORE_HOME": str(tmp_path)}))["device"]
    assert found["precision"] == "fp32" and found["precisions"][0] == "fp32"
    monkeypatch.setattr(precision, "_has_bf16", lambda device: False)
    report = diagnose(read_settings({"ICICORE_HOME": str(tmp_path), "ICICORE_PRECISION": "bf16"}))
    assert any("ICICORE_PRECISION is bf16, but this processor has no bf16" in w for w in report["warnings"])
