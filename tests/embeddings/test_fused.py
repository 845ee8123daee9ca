"""The rewritten networks: what they compute, when they are used, and that they are the known architectures."""

import dataclasses

import numpy as np
import pytest
import timm
import torch
from torch import nn

from icicore.embeddings.backbones import load_backbone
from icicore.embeddings.calibration import calibration_tiles
from icicore.embeddings.fold import fold_batch_norm
from icicore.embeddings.fused import fused
from icicore.embeddings.lite0 import Lite0
from icicore.embeddings.resnet import resnet50_trunk, trunk_state

TILES = calibration_tiles()[::12]


@pytest.fixture(scope="module")
def lite0():
    return load_backbone("efficientnet_lite0")


def test_lite0_is_the_published_network():
    torch.manual_seed(0)
    known = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0).eval()
    ours = Lite0().eval()
    ours.load_state_dict(known.state_dict())
    for side in (64, 97):
        x = torch.randn(2, 3, side, side)
        with torch.inference_mode():
            assert torch.allclose(ours.forward_features(x), known.forward_features(x), atol=1e-6)


def test_resnet50_is_the_published_network():
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    known = torchvision.models.resnet50(weights=None).eval()
    ours = resnet50_trunk().eval()
    found = ours.load_state_dict(trunk_state(known.state_dict()), strict=False)
    assert not found.missing_keys and found.unexpected_keys == ["fc.weight", "fc.bias"]
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        known.avgpool, known.fc = nn.Identity(), nn.Identity()
        assert torch.allclose(ours(x).flatten(1), known(x), atol=1e-5)


def test_fusing_changes_nothing_but_rounding(lite0):
    engine = fused(lite0.module, torch.float32, 256)
    assert engine is not None and fused(lite0.module, torch.float32, 256) is engine, "made once"
    x = lite0.preprocess(TILES)
    with torch.inference_mode():
        truth, found = lite0.module(x), engine(x)
    assert (truth - found).abs().max() < 1e-4 * truth.abs().max()


def test_batches_do_not_matter(lite0):
    alone = np.concatenate([lite0.encode(tile[None]) for tile in TILES])
    np.testing.assert_allclose(lite0.encode(TILES), alone, atol=1e-5)


def test_gradients_still_flow_through_the_network_itself(lite0):
    x = lite0.preprocess(TILES[:1]).requires_grad_(True)
    lite0.embed(x).sum().backward()
    assert float(x.grad.abs().sum()) > 0


def test_maps_and_embeddings_come_from_one_pass(lite0):
    embeddings, maps = lite0.encode_with_maps(TILES)
    assert maps.dtype == np.float16 and maps.shape == (len(TILES), 1280, 8, 8)
    np.testing.assert_array_equal(embeddings, lite0.encode(TILES))
    np.testing.assert_allclose(maps.astype(np.float32).mean((2, 3)), embeddings, atol=2e-3)


class Odd(nn.Module):
    """A convolution whose result is used twice, and an addition before the activation."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 1)
        self.norm, self.relu = nn.BatchNorm2d(8), nn.ReLU()

    def forward(self, x):
        first = self.a(x)
        return self.relu(self.norm(self.b(first)) + first) * first


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.conv(x) if x.sum() > 0 else x


def test_unusual_networks_are_rewritten_rightly_or_left_alone():
    torch.manual_seed(1)
    odd = fold_batch_norm(Odd()).to(memory_format=torch.channels_last)
    engine, x = fused(odd, torch.float32, 32), torch.randn(2, 3, 32, 32).to(memory_format=torch.channels_last)
    assert engine is not None
    with torch.inference_mode():
        assert torch.allclose(engine(x), odd(x), atol=1e-5)
    assert fused(Branching().eval(), torch.float32, 32) is None


def test_a_network_that_cannot_be_rewritten_runs_as_it_is(lite0):
    encoder = dataclasses.replace(lite0, module=Branching().eval(), dim=4, input_px=32)
    assert encoder.encode(TILES[:, :32, :32].copy()).shape == (4, 4)
