"""The step of a Lightning module that is repeated in parts where memory runs out, with the same gradients."""

from collections.abc import Callable
from typing import Any

import lightning
import torch
from torch import Tensor

from icicore.training.config import TrainConfig
from icicore.training.halving import Halving, free_memory, generator_state, set_generator_state


class HalvedStep(lightning.LightningModule):
    """A training step that survives a lack of GPU memory in its forward and in its backward pass.

    A module says what a step works on (``prepared``), its loss as a whole (``whole_loss``) and how its gradients are
    added up part by part (``backward_parts``). ``on_halved`` is told parts and patients at a time.
    """

    def __init__(self, config: TrainConfig, on_halved: Callable[[int, int], None]) -> None:
        super().__init__()
        self.config, self.halving = config, Halving(on_halved)
        self._held: Any = None
        self._state: Tensor | None = None

    def prepared(self, batch: Any) -> Any:
        """What the step works on; draws what must not depend on the number of parts."""
        return batch

    def whole_loss(self, held: Any) -> Tensor:
        """Mean loss of the batch as a whole."""
        raise NotImplementedError

    def backward_parts(self, held: Any, parts: int) -> Tensor:
        """Add up the gradients of that loss in parts; returns the loss, without a graph."""
        raise NotImplementedError

    def cases_of(self, held: Any) -> int:
        """Number of patients of the batch."""
        return len(held)

    def note_loss(self, value: Tensor) -> None:
        """The loss of the step once its gradients are there."""

    def training_step(self, batch: Any, index: int) -> Tensor:
        """Loss of one batch; 0 where ``backward`` has to do it in parts."""
        self._held = self.prepared(batch)
        self._state = generator_state(self.device)
        if self.halving.parts == 1:
            try:
                return self.whole_loss(self._held)
            except torch.OutOfMemoryError:
                pass  # what the failed step held is free only after this block
            self._halve()
        return torch.zeros((), device=self.device, requires_grad=True)

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Gradients of the batch, in as many parts as memory asks for."""
        if self.halving.parts == 1:
            try:
                loss.backward(*args, **kwargs)  # type: ignore[no-untyped-call]
                self.note_loss(loss.detach())
                return
            except torch.OutOfMemoryError:
                pass
            self._halve()
        while not self._in_parts():
            self._halve()

    def _in_parts(self) -> bool:
        """Whether the parts fitted into memory; if not, nothing of them is left."""
        assert self._state is not None  # noqa: S101 - Lightning calls training_step first
        set_generator_state(self.device, self._state)
        autocast = torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bf16")
        try:
            with autocast:
                total = self.backward_parts(self._held, self.halving.parts)
        except torch.OutOfMemoryError:
            return False
        self.note_loss(total)
        return True

    def _halve(self) -> None:
        self.zero_grad(set_to_none=True)
        free_memory()
        self.halving.halve(self.cases_of(self._held))
