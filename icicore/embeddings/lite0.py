"""EfficientNet-Lite0 as a plain network: the embedded default, without loading a library of hundreds of others.

Names of layers follow timm's ``tf_efficientnet_lite0``, so weights and their digest are the same as for that one.
"""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

_EPS = 1e-3
_STEM, _HEAD, DIM = 32, 1280, 1280
# Blocks, kernel, stride, expansion and width of each stage, as published.
_STAGES: tuple[tuple[int, int, int, int, int], ...] = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class SameConv(nn.Conv2d):
    """Convolution of stride 2 whose padding puts the odd pixel to the right and below, as in the published weights."""

    def forward(self, x: Tensor) -> Tensor:
        """Pad to half the size, rounded up, and convolve."""
        rows, cols = self.padding_of(x.shape[-2:])
        x = functional.pad(x, [*cols, *rows])
        return functional.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)

    def padding_of(self, size: Sequence[int]) -> list[tuple[int, int]]:
        """Pixels before and after, for (height, width)."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        total = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in size]
        return [(pixels // 2, pixels - pixels // 2) for pixels in total]


class NormAct(nn.BatchNorm2d):
    """Batch norm with the activation that follows it, which outlives folding."""

    def __init__(self, width: int, *, active: bool = True) -> None:
        super().__init__(width, eps=_EPS)
        self.act: nn.Module = nn.ReLU6() if active else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Normalise and activate."""
        out: Tensor = self.act(super().forward(x))
        return out


def _conv(width_in: int, width_out: int, *, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    kind = SameConv if stride > 1 else nn.Conv2d
    padding = 0 if stride > 1 else kernel // 2
    return kind(width_in, width_out, kernel, stride=stride, padding=padding, groups=groups, bias=False)


class Separable(nn.Module):
    """Depthwise convolution, then a linear mix of channels."""

    def __init__(self, width_in: int, width_out: int, *, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv_dw = _conv(width_in, width_in, kernel=kernel, stride=stride, groups=width_in)
        self.bn1 = NormAct(width_in)
        self.conv_pw = _conv(width_in, width_out)
        self.bn2 = NormAct(width_out, active=False)

    def forward(self, x: Tensor) -> Tensor:
        """NCHW to NCHW."""
        out: Tensor = self.bn2(self.conv_pw(self.bn1(self.conv_dw(x))))
        return out


class Inverted(nn.Module):
    """Widen, convolve each channel, narrow; the input is added where the shape allows."""

    def __init__(self, width_in: int, width_out: int, *, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = width_in * expansion
        self.adds = stride == 1 and width_in == width_out
        self.conv_pw = _conv(width_in, wide)
        self.bn1 = NormAct(wide)
        self.conv_dw = _conv(wide, wide, kernel=kernel, stride=stride, groups=wide)
        self.bn2 = NormAct(wide)
        self.conv_pwl = _conv(wide, width_out)
        self.bn3 = NormAct(width_out, active=False)

    def forward(self, x: Tensor) -> Tensor:
        """NCHW to NCHW."""
        out: Tensor = self.bn1(self.conv_pw(x))
        out = self.bn3(self.conv_pwl(self.bn2(self.conv_dw(out))))
        return out + x if self.adds else out


def _stage(width_in: int, blocks: int, kernel: int, stride: int, *, expansion: int, width: int) -> nn.Sequential:
    widths = [width_in, *[width] * blocks]
    made: list[nn.Module] = []
    for number, (before, after) in enumerate(pairwise(widths)):
        step = stride if number == 0 else 1
        if expansion == 1:
            made.append(Separable(before, after, kernel=kernel, stride=step))
        else:
            made.append(Inverted(before, after, kernel=kernel, stride=step, expansion=expansion))
    return nn.Sequential(*made)


class Lite0(nn.Module):
    """The network up to its last feature maps: NCHW to (n, 1280, h / 32, w / 32)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = _conv(3, _STEM, kernel=3, stride=2)
        self.bn1 = NormAct(_STEM)
        widths = [_STEM, *(width for *_, width in _STAGES)]
        self.blocks = nn.Sequential(
            *(
                _stage(before, blocks, kernel, stride, expansion=expansion, width=width)
                for before, (blocks, kernel, stride, expansion, width) in zip(widths, _STAGES, strict=False)
            )
        )
        self.conv_head = _conv(widths[-1], _HEAD)
        self.bn2 = NormAct(_HEAD)

    def forward_features(self, x: Tensor) -> Tensor:
        """Feature maps after the last activation."""
        out: Tensor = self.bn2(self.conv_head(self.blocks(self.bn1(self.conv_stem(x)))))
        return out
