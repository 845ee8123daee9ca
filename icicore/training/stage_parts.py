"""A step of the final phase in parts: first the heads on the embeddings, then the backbone's last stage behind them.

The stage is what fills the memory. Its tiles are encoded without a graph, the heads give the gradient of every
embedding, and the stage is run again, some tiles of one patient at a time, to carry that gradient on. The stage keeps
its batch statistics, so a tile does not depend on its neighbours and the sum is the gradient of the whole batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from icicore.models.inputs import Batch, CaseInputs, collate
from icicore.models.multimodal import MultimodalModel
from icicore.training.config import TrainConfig
from icicore.training.halving import backward_in_parts
from icicore.training.module import hide_at_random, loss


def pooled(stage: nn.Module, maps: Tensor, parts: int = 1) -> Tensor:
    """Embeddings (k, dim) of maps (k, channels, h, w), encoded in so many parts."""
    return torch.cat([stage(chunk).mean(dim=(2, 3)) for chunk in _chunks(maps, parts)])


def _chunks(maps: Tensor, parts: int) -> list[Tensor]:
    size = max(1, -(-len(maps) // parts))
    return [maps[start : start + size] for start in range(0, len(maps), size)]


def heads_in_parts(
    cases: Sequence[CaseInputs], labels: Tensor, models: Sequence[MultimodalModel], config: TrainConfig, parts: int
) -> tuple[Tensor, Tensor]:
    """Add up the gradients of the heads; returns the loss and the gradient of the tiles, float (n, tiles, dim)."""
    whole = collate(cases).to(labels.device)
    batch = replace(whole, tiles=whole.tiles.detach().requires_grad_())
    drawn: list[Batch] = []

    def loss_of(part: Batch, rows: slice) -> Tensor:
        losses = []
        for number, model in enumerate(models):
            if number == len(drawn):  # drawn in turn with the dropout of the models, as the whole batch draws
                drawn.append(hide_at_random(batch, config))
            hidden = drawn[number]
            seen = replace(part, present=hidden.present[rows], gene_measured=hidden.gene_measured[rows])
            losses.append(loss(model(seen), labels[rows], model, auxiliary=config.auxiliary_loss))
        return torch.stack(losses).mean()

    total = backward_in_parts(batch, loss_of, parts)
    gradient = batch.tiles.grad
    return total, torch.zeros_like(batch.tiles) if gradient is None else gradient


def stage_in_parts(stage: nn.Module, bags: Sequence[Tensor | None], gradient: Tensor, parts: int) -> None:
    """Carry the gradient of the tiles on to the stage.

    Parameters
    ----------
    bags : maps (k, channels, h, w) of each patient, None without tiles
    gradient : of the loss by the embedding of every tile, (n, tiles, dim)
    """
    for row, maps in enumerate(bags):
        if maps is None:
            continue
        start = 0
        for chunk in _chunks(maps, parts):
            made = pooled(stage, chunk.to(gradient.device))
            made.backward(gradient[row, start : start + len(made)].to(made.dtype))  # type: ignore[no-untyped-call]
            start += len(made)


def in_halves(work: Callable[[Sequence[int]], Tensor], rows: Sequence[int]) -> Tensor:
    """What ``work`` gives for all rows, joined; of half of them at a time where memory runs out."""
    try:
        return work(rows)
    except torch.OutOfMemoryError:
        if len(rows) == 1:
            raise
    middle = len(rows) // 2
    return torch.cat([in_halves(work, rows[:middle]), in_halves(work, rows[middle:])])
