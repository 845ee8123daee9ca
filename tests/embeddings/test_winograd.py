"""Convolutions with fewer multiplications: the same results, in every batch, and only where they pay."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from icicore.embeddings import precision
from icicore.embeddings.fold import fold_batch_norm
from icicore.embeddings.fused import fused
from icicore.embeddings.resnet import Bottleneck
from icicore.embeddings.winograd import Winograd, worthwhile

pytestmark = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch without oneDNN")
NO_BF16 = precision.obstacle("bf16")
DTYPES = [torch.float32, pytest.param(torch.bfloat16, marks=pytest.mark.skipif(bool(NO_BF16), reason=str(NO_BF16)))]
FAR = {torch.float32: 2e-6, torch.bfloat16: 0.025}


def given(n, channels, rows, cols, *, wider=0, bias=True, seed=0):
    torch.manual_seed(seed)
    conv = nn.Conv2d(channels, channels + wider, 3, padding=1, bias=bias).requires_grad_(False)
    return conv, torch.randn(n, channels, rows, cols).relu().to(memory_format=torch.channels_last)


def far(found, truth):
    return float((found.double() - truth).norm() / truth.norm())


@pytest.mark.parametrize(("n", "rows", "cols", "wider"), [(1, 4, 4, 0), (3, 8, 12, 64), (8, 16, 16, 0), (5, 32, 8, 0)])
@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
@torch.inference_mode()
def test_the_results_are_those_of_the_convolution(n, rows, cols, wider, relu, bias, dtype):
    conv, x = given(n, 128, rows, cols, wider=wider, bias=bias)
    truth = functional.conv2d(x.double(), conv.weight.double(), conv.bias.double() if bias else None, padding=1)
    truth = truth.relu() if relu else truth
    found = Winograd(conv, (8, 128, rows, cols), dtype, relu=relu)(x.to(dtype))
    assert found.dtype == dtype and found.shape == truth.shape
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert far(found, truth) < FAR[dtype]


@pytest.mark.parametrize("dtype", DTYPES)
@torch.inference_mode()
def test_a_tile_gives_the_same_bits_in_every_batch(dtype):
    conv, x = given(8, 256, 16, 16)
    layer, x = Winograd(conv, (8, 256, 16, 16), dtype, relu=True), x.to(dtype)
    together = layer(x)
    for part in (slice(0, 1), slice(2, 5), slice(1, 8)):
        assert torch.equal(layer(x[part].contiguous(memory_format=torch.channels_last)), together[part])


@torch.inference_mode()
def test_neighbours_in_a_batch_keep_apart():
    conv, x = given(2, 128, 8, 8)
    layer = Winograd(conv, (8, 128, 8, 8), torch.float32, relu=False)
    before = layer(x)
    x[1] = 1e3
    assert torch.equal(layer(x)[0], before[0])


@pytest.mark.parametrize(
    ("changes", "shape"),
    [
        ({"stride": 2}, (8, 128, 16, 16)),
        ({"groups": 2}, (8, 128, 16, 16)),
        ({"dilation": 2}, (8, 128, 16, 16)),
        ({"padding": 0}, (8, 128, 16, 16)),
        ({"padding": "same"}, (8, 128, 16, 16)),
        ({"kernel_size": 1, "padding": 0}, (8, 128, 16, 16)),
        ({"in_channels": 64}, (8, 64, 16, 16)),
        ({"out_channels": 64}, (8, 128, 16, 16)),
        ({}, (8, 128, 16, 14)),
        ({}, (8, 128, 7, 16)),
    ],
)
def test_other_convolutions_stay_as_they_are(changes, shape):
    usual = {"in_channels": 128, "out_channels": 128, "kernel_size": 3, "padding": 1}
    assert worthwhile(nn.Conv2d(**usual), (8, 128, 16, 16))
    assert not worthwhile(nn.Conv2d(**(usual | changes)), shape)


def test_a_block_of_resnet50_uses_it_where_it_pays():
    torch.manual_seed(0)
    block = nn.Sequential(Bottleneck(64, 128, 1), Bottleneck(512, 128, 2), nn.AvgPool2d(1)).eval().requires_grad_(False)
    before = nn.Conv2d(3, 64, 1).requires_grad_(False)
    network = nn.Sequential(before, *block).eval()
    for norm in [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]:
        norm.running_mean.uniform_(-1, 1)
    folded = fold_batch_norm(network).to(memory_format=torch.channels_last)
    engine = fused(folded, torch.float32, 32)
    assert engine is not None
    assert sum(isinstance(m, Winograd) for m in engine.modules()) == 1, "of the two, the one without a stride"
    x = torch.randn(3, 3, 32, 32).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        truth, found = folded(x), engine(x)
    assert (truth - found).abs().max() < 1e-5 * truth.abs().max()
