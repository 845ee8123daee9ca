"""Fit the tile-class head on labelled embeddings: one hidden layer, three losses, a few seconds on one core."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from icicore.models.tile_classes import TILE_CLASSES
from icicore.types import F16, F32

_PER_MM2 = 1000.0
"""Densities are counted in thousands per mm2, so that the three losses have similar sizes."""
_MIX = dict(zip(TILE_CLASSES, (0.20, 0.45, 0.22, 0.10, 0.03, 0.0, 0.0), strict=True))
"""About what whole slides show. The tiles to fit on hold all classes alike, and the regressions would lean to the mean
of those; weighed by this they lean to the mean of slides."""
_N_OUT = len(TILE_CLASSES) + 2


@dataclass(frozen=True)
class FitSpec:
    """How the head is fitted.

    ``input_dropout`` and ``noise`` (in standard deviations) blur the embedding while fitting: no single channel of the
    backbone is trusted. ``density_weight`` and ``share_weight`` weigh the two regressions against the class loss.
    ``artefact_weight`` is what an artefact counts against a tile of another class: artefacts are rare on a slide, and
    tissue taken for one is lost to every measure.
    """

    hidden: int = 64
    epochs: int = 30
    batch: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    input_dropout: float = 0.3
    hidden_dropout: float = 0.3
    noise: float = 0.3
    smoothing: float = 0.05
    density_weight: float = 0.5
    share_weight: float = 0.5
    artefact_weight: float = 0.3
    seed: int = 0


@dataclass(frozen=True, eq=False)
class LabelledEmbeddings:
    """Rows to fit on: ``embeddings`` (n, dim), ``label`` (n,), ``density`` per mm2 and ``share`` (n,), NaN unknown."""

    embeddings: F16 | F32
    label: npt.NDArray[np.int8]
    density: F32
    share: F32


def fit_weights(data: LabelledEmbeddings, spec: FitSpec) -> dict[str, F32]:
    """Return the weights of a ``TileClassHead``; the same data and spec give the same weights on the same machine.

    Classes count alike, however many tiles they have. The density has a Poisson loss under a logarithmic link, so the
    *mean* over many tiles is right, not only the mean logarithm; that is what a density over a region needs.
    """
    with _one_thread():
        return _fit(data, spec)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Steps are tiny: threads that wait for each other would cost more than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _fit(data: LabelledEmbeddings, spec: FitSpec) -> dict[str, F32]:
    generator = torch.Generator().manual_seed(spec.seed)
    x = torch.from_numpy(data.embeddings.astype(np.float32))
    mean, scale = x.mean(dim=0), x.std(dim=0) + 1e-2
    x = ((x - mean) / scale).clamp(-6, 6)
    targets = _targets(data, spec)
    hidden, out = _layer(x.shape[1], spec.hidden, generator), _layer(spec.hidden, _N_OUT, generator)
    parameters = [*hidden.parameters(), *out.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=spec.learning_rate, weight_decay=spec.weight_decay)
    steps = spec.epochs * -(-len(x) // spec.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, spec.learning_rate, total_steps=steps)
    for _ in range(spec.epochs):
        for rows in torch.split(torch.randperm(len(x), generator=generator), spec.batch):
            y = _forward(x[rows], hidden, out, spec, generator)
            loss = _loss(y, {name: value[rows] for name, value in targets.items()}, spec)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    return _as_arrays(mean, scale, hidden, out)


def _targets(data: LabelledEmbeddings, spec: FitSpec) -> dict[str, Tensor]:
    label = data.label.astype(np.int64)
    count = np.bincount(label, minlength=len(TILE_CLASSES))
    each = len(label) / np.maximum(count, 1) / len(TILE_CLASSES)
    each[TILE_CLASSES.index("artefact")] *= spec.artefact_weight
    weight = each[label]
    arrays: dict[str, npt.NDArray[Any]] = {
        "label": label,
        "weight": weight.astype(np.float32),
        "mix": (np.array([_MIX[name] for name in TILE_CLASSES]) / np.maximum(count, 1) * len(label))[label].astype(
            np.float32
        ),
        "density": np.nan_to_num(data.density / _PER_MM2).astype(np.float32),
        "dense": np.isfinite(data.density),
        "share": np.nan_to_num(data.share).astype(np.float32),
        "shared": np.isfinite(data.share),
    }
    return {name: torch.from_numpy(value) for name, value in arrays.items()}


def _layer(width: int, n: int, generator: torch.Generator) -> nn.Linear:
    layer = nn.Linear(width, n)
    with torch.no_grad():
        layer.weight.normal_(0, width**-0.5, generator=generator)
        layer.bias.zero_()
    return layer


def _forward(x: Tensor, hidden: nn.Linear, out: nn.Linear, spec: FitSpec, generator: torch.Generator) -> Tensor:
    x = x + spec.noise * torch.randn(x.shape, generator=generator)
    h = functional.relu(hidden(_dropped(x, spec.input_dropout, generator)))
    y: Tensor = out(_dropped(h, spec.hidden_dropout, generator))
    return y


def _dropped(x: Tensor, rate: float, generator: torch.Generator) -> Tensor:
    """Dropout from a generator of our own; the one of torch would need the global seed."""
    return x * (torch.rand(x.shape, generator=generator) >= rate) / (1 - rate) if rate else x


def _loss(y: Tensor, target: dict[str, Tensor], spec: FitSpec) -> Tensor:
    n = len(TILE_CLASSES)
    each = functional.cross_entropy(y[:, :n], target["label"], reduction="none", label_smoothing=spec.smoothing)
    loss = (each * target["weight"]).mean()
    dense, shared = target["dense"], target["shared"]
    if dense.any():
        rate = y[:, n].clamp(max=4.0)
        counts = functional.poisson_nll_loss(rate[dense], target["density"][dense], log_input=True)
        loss = loss + spec.density_weight * counts
    if shared.any():
        share = functional.binary_cross_entropy_with_logits(
            y[:, n + 1][shared], target["share"][shared], weight=target["mix"][shared]
        )
        loss = loss + spec.share_weight * share
    return loss


def _as_arrays(mean: Tensor, scale: Tensor, hidden: nn.Linear, out: nn.Linear) -> dict[str, F32]:
    bias = out.bias.detach().clone()
    bias[len(TILE_CLASSES)] += float(np.log(_PER_MM2))
    tensors = {
        "mean": mean,
        "scale": scale,
        "hidden.weight": hidden.weight.detach(),
        "hidden.bias": hidden.bias.detach(),
        "out.weight": out.weight.detach(),
        "out.bias": bias,
    }
    return {name: np.ascontiguousarray(value.numpy(), np.float32) for name, value in tensors.items()}
