"""Convolutions of 3 x 3 with a quarter of the multiplications: Winograd's F(4 x 4, 3 x 3).

S. Winograd, Arithmetic Complexity of Computations (1980); A. Lavin and S. Gray, Fast Algorithms for Convolutional
Neural Networks (2016). A square of 6 x 6 values gives 4 x 4 results: both are transformed by small fixed matrices, and
between the transforms each of 36 positions is one product of matrices over the channels. The matrices are those of the
points 0, 1, -1, 1/2, -2 and infinity: their entries are exact in bf16, and their rounding errors are two thirds of
those of the usual 0, 1, -1, 2, -2 and infinity (an idea of B. Barabasz et al., Error Analysis and Improving the
Accuracy of Winograd Convolution for Deep Neural Networks, 2020).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from icicore.embeddings.onednn import Place, convolved, laid_out

_RESULTS, _VALUES = 4, 6
_POSITIONS = _VALUES**2
_LEAST_CHANNELS = 128
"""With fewer, moving values about costs what multiplications save (64 at 64 x 64: as much in fp32, more in bf16)."""
_TOGETHER = 2
"""Pictures that are transformed at once: what they need stays in the processor's nearer memory."""

_INPUT = torch.tensor(
    [
        [1, -1.5, -2, 1.5, 1, 0],
        [0, -1, 0.5, 2.5, 1, 0],
        [0, 1, -2.5, 0.5, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 0.5, -1, -0.5, 1, 0],
        [0, 1, -1.5, -2, 1.5, 1],
    ],
    dtype=torch.float64,
)
_KERNEL = (
    torch.tensor([[15, 0, 0], [5, 5, 5], [-5, 5, -5], [-16, -8, -4], [1, -2, 4], [0, 0, 15]], dtype=torch.float64) / 15
)
_OUTPUT = torch.tensor(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 0.5, -2, 0], [0, 1, 1, 0.25, 4, 0], [0, 1, -1, 0.125, -8, 1]],
    dtype=torch.float64,
)


def worthwhile(conv: nn.Conv2d, shape: tuple[int, ...]) -> bool:
    """Whether a convolution of inputs (n, c, h, w) can be done this way, and is then cheaper."""
    plain = (conv.kernel_size, conv.stride, conv.dilation, conv.groups) == ((3, 3), (1, 1), (1, 1), 1)
    whole = shape[-2] % _RESULTS == 0 and shape[-1] % _RESULTS == 0
    return plain and conv.padding == (1, 1) and whole and min(conv.in_channels, conv.out_channels) >= _LEAST_CHANNELS


class Winograd(nn.Module):
    """A `worthwhile` convolution, with or without ReLU: channels-last (n, c, h, w) to the same, any n."""

    def __init__(self, conv: nn.Conv2d, shape: tuple[int, ...], dtype: torch.dtype, *, relu: bool) -> None:
        super().__init__()
        flat = conv.weight.detach().float().flatten(2).flatten(0, 1)
        kernels = torch.matmul(torch.kron(_KERNEL, _KERNEL).float(), flat.T).to(dtype)  # (36, out x in)
        squares = shape[0] * (shape[-2] // _RESULTS) * (shape[-1] // _RESULTS)
        self.place = Place(groups=_POSITIONS)  # a position is a group of channels of its own
        given = (1, _POSITIONS * conv.in_channels, squares, 1)
        self.weight = laid_out(kernels.view(-1, conv.in_channels, 1, 1), self.place, given, dtype)
        self.bias = torch.zeros(()) if conv.bias is None else conv.bias.detach()
        self.bias = self.bias.to(dtype)
        self.input, self.output = (torch.kron(m, m).to(dtype) for m in (_INPUT, _OUTPUT))
        self.channels, self.relu = conv.out_channels, relu

    def forward(self, x: Tensor) -> Tensor:
        """Whole pictures, their results as the next layer takes them."""
        n, c, rows, cols = x.shape
        down, across = rows // _RESULTS, cols // _RESULTS
        parts = [slice(at, at + _TOGETHER) for at in range(0, n, _TOGETHER)]
        padded = functional.pad(x, (1, 1, 1, 1)).permute(0, 2, 3, 1)
        values = x.new_empty(n, down * across, _POSITIONS, c)
        for part in parts:
            self._transform(padded[part], values[part])
        flat = values.view(1, n * down * across, 1, _POSITIONS * c).permute(0, 3, 1, 2)
        products = convolved(flat, self.weight, None, self.place).permute(0, 2, 3, 1)
        products = products.reshape(n, down * across, _POSITIONS, self.channels)
        out = x.new_empty(n, rows, cols, self.channels)
        for part in parts:
            self._results(products[part], out[part].view(-1, down, _RESULTS, across, _RESULTS, self.channels))
        return (out.relu_() if self.relu else out).permute(0, 3, 1, 2)

    def _transform(self, padded: Tensor, values: Tensor) -> None:
        """(n, h + 2, w + 2, c) into (n, squares, 36, c)."""
        squares = padded.unfold(1, _VALUES, _RESULTS).unfold(2, _VALUES, _RESULTS).permute(0, 1, 2, 4, 5, 3)
        torch.matmul(self.input, squares.reshape(values.shape), out=values)

    def _results(self, products: Tensor, out: Tensor) -> None:
        """(n, squares, 36, c) into (n, h / 4, 4, w / 4, 4, c)."""
        n, down, _, across, _, c = out.shape
        results = torch.matmul(self.output, products).view(n, down, across, _RESULTS, _RESULTS, c)
        torch.add(results.permute(0, 1, 3, 2, 4, 5), self.bias, out=out)
