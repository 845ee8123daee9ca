"""Learning rate as a factor of its start value: linear warm-up, then cosine, or halved where the loss stands still."""

import math
from dataclasses import dataclass
from typing import Literal

from icicore.types import Json

ScheduleKind = Literal["cosine", "plateau"]


@dataclass
class RateSchedule:
    """The factor of each step; what it remembers fits into JSON, so that an interrupted member can go on.

    Parameters
    ----------
    kind : ``cosine`` falls to 0 over all steps; ``plateau`` halves after ``patience`` epochs without a better loss
    steps : gradient steps of the whole stage
    warmup : share of them with linearly rising rate
    patience : epochs, for ``plateau``
    """

    kind: ScheduleKind
    steps: int
    warmup: float
    patience: int = 2
    scale: float = 1.0
    best: float = math.inf
    waited: int = 0

    def factor(self, step: int) -> float:
        """Factor of the learning rate at a step, counted from 0."""
        warm = max(1, int(self.steps * self.warmup))
        if step < warm:
            return self.scale * (step + 1) / warm
        if self.kind == "plateau":
            return self.scale
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1, self.steps - warm))))

    def epoch_done(self, loss: float) -> None:
        """Take note of the selection loss of an epoch."""
        if loss < self.best:
            self.best, self.waited = loss, 0
            return
        self.waited += 1
        if self.kind == "plateau" and self.waited >= self.patience:
            self.scale, self.waited = self.scale / 2, 0

    def state(self) -> Json:
        """What ``restore`` needs."""
        return {"scale": self.scale, "best": self.best if math.isfinite(self.best) else None, "waited": self.waited}

    def restore(self, state: Json) -> None:
        """Continue where ``state`` was taken."""
        self.scale, self.waited = float(state["scale"]), int(state["waited"])
        self.best = math.inf if state["best"] is None else float(state["best"])
