"""How fast a member trains and what it holds in memory, told to the journal."""

import math
import time

import torch
from torch import Tensor

from icicore.training.gauges import gpu_peak_mib, rss_mib
from icicore.training.journal import Journal
from icicore.types import Json

STEP_SECONDS = 1.0
"""At least so long between two entries about steps."""


class Pace:
    """Counts samples and seconds of the epochs of one member."""

    def __init__(self, journal: Journal, member: str) -> None:
        self._journal, self._member = journal, member
        self._losses: list[Tensor] = []
        self._steps = self._samples = self._of = 0
        self._started = self._told = 0.0
        self._rate = 0.0

    def begin(self, steps: int) -> None:
        """An epoch of so many steps begins."""
        self._losses, self._steps, self._samples, self._of = [], 0, 0, steps
        self._started = self._told = time.monotonic()

    def loss(self, value: Tensor) -> None:
        """Loss of a batch; stays where it is, as asking a GPU for it would make it wait."""
        self._losses.append(value)

    def step(self, samples: int, epoch: int, rate: float, device: torch.device) -> None:
        """A step is done."""
        self._steps += 1
        self._samples += samples
        self._rate = rate
        now = time.monotonic()
        if now - self._told < STEP_SECONDS:
            return
        self._told = now
        self._tell("step", epoch, device, now, step=self._steps, steps=self._of)

    def epoch(self, epoch: int, auc: float, loss: float, device: torch.device) -> None:
        """An epoch is done and judged."""
        train = float(torch.stack(self._losses).mean()) if self._losses else None
        self._tell(
            "epoch",
            epoch,
            device,
            time.monotonic(),
            auc=_finite(auc),
            loss=_finite(loss),
            train_loss=_finite(train),
            samples=self._samples,
        )

    def resumed(self, aucs: list[float], losses: list[float]) -> None:
        """The member goes on after these epochs."""
        values: Json = {"aucs": [_finite(v) for v in aucs], "losses": [_finite(v) for v in losses]}
        self._journal.add("resumed", member=self._member, **values)

    def halved(self, cases: int) -> None:
        """Memory ran out; so many cases are taken at a time now."""
        self._journal.add("halved", member=self._member, cases=cases)

    def _tell(self, event: str, epoch: int, device: torch.device, now: float, **facts: object) -> None:
        seconds = now - self._started
        gpu = gpu_peak_mib(device)
        memory: Json = {"rss_mib": round(rss_mib(), 1)} | ({} if gpu is None else {"gpu_mib": round(gpu, 1)})
        speed = round(self._samples / seconds, 1) if seconds > 0 else None
        self._journal.add(
            event,
            member=self._member,
            epoch=epoch,
            rate=self._rate,
            seconds=round(seconds, 3),
            samples_per_second=speed,
            **memory,
            **facts,
        )


def _finite(value: float | None) -> float | None:
    return round(value, 6) if value is not None and math.isfinite(value) else None
