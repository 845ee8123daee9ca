"""Lightning as it is used here: quiet, on the device of the recipe, from a seed, one CPU thread per member."""

import logging
import signal
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import lightning
import torch

from icicore.training.ahead import ahead
from icicore.training.config import TrainConfig


def run_trainer(module: lightning.LightningModule, batches: Iterable[Any], epochs: int, config: TrainConfig) -> None:
    """Train for so many epochs.

    Lightning gets the batches as they are: a ``DataLoader`` around them would only draw a seed per epoch.
    """
    kind, _, device = config.device.partition(":")
    with quiet():
        trainer = lightning.Trainer(
            max_epochs=epochs,
            accelerator={"auto": "auto", "cpu": "cpu"}.get(kind, "gpu"),
            devices=[int(device)] if device else 1,
            precision="bf16-mixed" if config.precision == "bf16" else "32-true",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        handler = signal.getsignal(signal.SIGINT)
        try:
            trainer.fit(module, ahead(batches, on_gpu=trainer.strategy.root_device.type == "cuda"))
        except SystemExit as stop:
            if stop.code != 1:
                raise
            signal.signal(signal.SIGINT, handler)  # Lightning turns Ctrl-C into an exit, deaf to further ones
            raise KeyboardInterrupt from None


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch inside the block only: initial weights and dropout are the two things that need it."""
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


@contextmanager
def one_thread(device: str = "cpu") -> Iterator[None]:
    """Use one CPU thread inside the block.

    The operations are too small to share: on a machine with other work, two threads that wait for each other took ten
    times the CPU of one. It also makes a member the same on every number of cores.
    """
    before = torch.get_num_threads()
    if not device.startswith("cuda"):
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Lightning's advice (hardware found, workers, logging interval) out of the log of a training run."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            warnings.filterwarnings("ignore", message=".*IterableDataset.*has `__len__` defined.*")
            warnings.filterwarnings("ignore", message=".*GPU available but not used.*")
            warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
