"""Tile encoders that need no weights: small, fast, deterministic."""

import hashlib

import torch
from torch import nn

from icicore.embeddings.encoder import TileEncoder


def fake_encoder(dim: int = 16, *, seed: int = 0, input_px: int = 256, precision: str = "fp32") -> TileEncoder:
    """Three strided convolutions with ReLU: 256 or 64 px -> (dim, 8, 8), of fixed random weights."""
    generator = torch.Generator().manual_seed(seed)
    layers: list[nn.Module] = []
    strides = {256: (4, 4, 2), 64: (2, 2, 2)}[input_px]
    for source, target, stride in zip((3, 8, 12), (8, 12, dim), strides, strict=True):
        conv = nn.Conv2d(source, target, stride, stride=stride)
        with torch.no_grad():
            conv.weight.normal_(0, (2 / (source * stride**2)) ** 0.5, generator=generator)
            conv.bias.normal_(0, 0.1, generator=generator)
        layers += [conv, nn.ReLU()]
    trunk = nn.Sequential(*layers).eval().requires_grad_(False)
    mean, std = (127.0, 127.0, 127.0), (128.0, 128.0, 128.0)
    return TileEncoder(
        f"fake{dim}", hashlib.sha256(f"{dim} {seed}".encode()).hexdigest(), dim, trunk, mean, std, input_px, precision
    )
