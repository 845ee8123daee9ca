"""A training step that survives a lack of GPU memory: the batch in parts, gradients added up, the same result.

What is random must not depend on the number of parts. Modalities and genes are hidden once for the whole batch, and
``SameDropout`` draws the dropout masks that the whole batch would have drawn and gives each part its rows of them.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from icicore.errors import InputError
from icicore.models.inputs import Batch

log = logging.getLogger(__name__)


def rows_of(batch: Batch, start: int, stop: int) -> Batch:
    """Some cases of a batch, with its padding."""
    return Batch(**{f.name: getattr(batch, f.name)[start:stop] for f in fields(batch)})


class SameDropout(TorchFunctionMode):
    """Inside the block, dropout on rows ``start:stop`` of a batch of ``total`` is that of the whole batch.

    The first part draws the masks in turn from torch's generator, as the whole batch would; the others draw the same
    ones again. Only one mask of full size exists at a time.
    """

    def __init__(self, total: int) -> None:
        super().__init__()
        self._total = total
        self._states: list[Tensor] = []
        self._call = 0
        self._rows = slice(0, 0)
        self.end: Tensor | None = None

    def part(self, start: int, stop: int) -> "SameDropout":
        """Set the rows that follow."""
        self._rows, self._call = slice(start, stop), 0
        return self

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Replace dropout, pass everything else on."""
        if function is torch.nn.functional.dropout:
            return self._dropout(*args, **(kwargs or {}))
        return function(*args, **(kwargs or {}))

    def _dropout(self, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:  # noqa: FBT001, FBT002
        if not training or p == 0:
            return x
        if self._call == len(self._states):
            self._states.append(generator_state(x.device))
        else:
            set_generator_state(x.device, self._states[self._call])
        self._call += 1
        whole = torch.dropout(x.new_ones((self._total, *x.shape[1:])), p, train=True)
        return x * whole[self._rows]


def backward_in_parts(batch: Batch, loss_of: Callable[[Batch, slice], Tensor], parts: int) -> Tensor:
    """Add up the gradients of the mean loss over a batch, a part of its cases at a time; returns that loss.

    Parameters
    ----------
    loss_of : mean loss over some cases, whose rows it is told
    parts : number of parts, at most one per case
    """
    n, size = len(batch), -(-len(batch) // parts)
    total, dropout = batch.present.new_zeros((), dtype=torch.float32), SameDropout(n)
    for start in range(0, n, size):
        rows = slice(start, min(start + size, n))
        with dropout.part(rows.start, rows.stop):
            loss = loss_of(rows_of(batch, rows.start, rows.stop), rows) * ((rows.stop - rows.start) / n)
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.detach()
    return total


class Halving:
    """In how many parts a batch is worked on; doubles whenever memory runs out, and says so."""

    def __init__(self, told: Callable[[int, int], None] = lambda parts, cases: None) -> None:
        self.parts = 1
        self._told = told

    def halve(self, cases: int) -> None:
        """Take half as many cases at a time.

        Raises
        ------
        InputError
            they were taken one by one
        """
        if self.parts >= cases:
            raise InputError(
                "GPU memory",
                "is too small even for one patient at a time",
                expected="a batch that fits",
                remedy="lower tiles_per_bag or width, or train on the CPU",
            )
        self.parts = min(2 * self.parts, cases)
        held = -(-cases // self.parts)
        log.warning("GPU memory ran out: %d patients at a time from here on, with the same result", held)
        self._told(self.parts, held)


def generator_state(device: torch.device) -> Tensor:
    """State of torch's generator of a device."""
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def set_generator_state(device: torch.device, state: Tensor) -> None:
    """Put torch's generator of a device back."""
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)


def free_memory() -> None:
    """Give unused GPU memory back, so that a smaller step finds it in one piece."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
