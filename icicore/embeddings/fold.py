"""Cheaper inference without another engine: batch norm folded into convolutions."""

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights


def fold_batch_norm(module: nn.Module) -> nn.Module:
    """Return a copy in evaluation mode whose batch norms are folded into the convolution before them.

    A batch norm is folded when it is registered directly after a convolution of the same width in the same
    parent. That order is true of the networks in the registry; callers verify the result with ``same_output``.
    An activation carried by the batch norm (timm's ``BatchNormAct2d``) stays in its place.
    """
    folded = copy.deepcopy(module).eval()
    for parent in list(folded.modules()):
        children = list(parent.named_children())
        for (_, conv), (name, norm) in zip(children, children[1:], strict=False):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                _fold(conv, norm)
                setattr(parent, name, getattr(norm, "act", nn.Identity()))
    for parameter in folded.parameters():
        parameter.requires_grad_(False)  # noqa: FBT003 (torch's own signature)
    return folded


def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    if norm.running_mean is None or norm.running_var is None or conv.out_channels != norm.num_features:
        raise ValueError("only batch norms with running statistics and of the convolution's width can be folded")
    weight, bias = fuse_conv_bn_weights(
        conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    conv.weight, conv.bias = weight, bias


def same_output(a: nn.Module, b: nn.Module, *, input_px: int = 64, tolerance: float = 1e-3) -> bool:
    """Whether two networks agree on one fixed random input, to ``tolerance`` of the largest output."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 3, input_px, input_px, generator=generator)
    with torch.inference_mode():
        first, second = a(x), b(x)
    return bool((first - second).abs().max() <= tolerance * first.abs().max().clamp(min=1e-6))
