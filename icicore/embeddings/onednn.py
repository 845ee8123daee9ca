"""Convolutions of oneDNN with their activation and addition in one pass, and weights in the order it likes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Place:
    """Where a convolution's window goes, in pixels, and how many groups of channels it keeps apart."""

    padding: tuple[int, int] = (0, 0)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    @property
    def arguments(self) -> tuple[list[int], list[int], list[int], int]:
        """As the operators take them."""
        return list(self.padding), list(self.stride), list(self.dilation), self.groups


def laid_out(weight: Tensor, place: Place, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Weights (out, in / groups, kh, kw) in the order that oneDNN likes for inputs of ``shape`` (n, c, h, w)."""
    reorder: Callable[..., Tensor] = torch._C._nn.mkldnn_reorder_conv2d_weight
    return reorder(weight.detach().to(dtype).to_mkldnn(), *place.arguments, list(shape))


def convolved(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    place: Place,
    *,
    activation: str = "none",
    limits: tuple[float, ...] = (),
    other: Tensor | None = None,
) -> Tensor:
    """Convolution of ``x`` (n, c, h, w) with weights of `laid_out`, plus ``other``, then the activation."""
    ops: Any = torch.ops.mkldnn._convolution_pointwise
    if other is None:
        out: Tensor = ops(x, weight, bias, *place.arguments, activation, list(limits), "")
    else:
        attr = None if activation == "none" else activation
        out = ops.binary(x, other, weight, bias, *place.arguments, "add", 1.0, attr, list(limits), "")
    return out
