"""Fit one ensemble member with Lightning, and score patients with members."""

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.utils.data import DataLoader

from icicore.models.fusion import reset_readout
from icicore.models.inputs import Batch, collate
from icicore.models.multimodal import ModelConfig, MultimodalModel
from icicore.models.zoo import build
from icicore.training.config import TrainConfig
from icicore.training.dataset import ScaledStudy, TrainingBatches, draw_tiles
from icicore.training.module import ResponseModule
from icicore.training.splits import Split
from icicore.types import F64, I32, Mask


@dataclass(frozen=True, eq=False)
class Member:
    """A fitted member: weights of its best epoch, and the selection AUC of every epoch."""

    model: MultimodalModel
    history: tuple[float, ...]
    best_epoch: int


def fit_member(
    study: ScaledStudy,
    split: Split,
    config: TrainConfig,
    *,
    model: ModelConfig,
    index: int,
    arms: Sequence[MultimodalModel] = (),
    on_epoch: Callable[[int], None] = lambda epoch: None,
) -> Member:
    """Train member ``index`` on its bootstrap resample of the training patients.

    The epoch is selected by class-balanced cross-entropy over the validation patients and the training patients that
    the resample left out: neither was trained on, and together they are several times as many as the validation
    patients alone.
    A single member (``config.members == 1``) trains on all training patients. ``arms`` are models of single arms,
    trained before on the same resample; their encoders are adopted and trained on slowly.
    """
    rng = np.random.default_rng([config.seed, index])
    rows, left_out = resample(split.train, study.labels, rng) if config.members > 1 else (split.train, split.train[:0])
    selection = _selection(study, np.concatenate([split.val, left_out]), config, rng)
    batches = TrainingBatches(study, rows, config.batch_size, config.tiles_per_bag, rng)
    with seeded(int(rng.integers(2**31))), one_thread(config.device):
        network = build(model)
        network.set_pathways(study.membership)
        with seeded(config.seed + index):
            reset_readout(network.fusion)
        network.adopt_arms(arms)
        module = ResponseModule(
            network,
            config,
            steps=len(batches) * config.epochs,
            selection=selection,
            encoder_rate=config.encoder_rate if arms else 1.0,
        )
        _run(module, batches, config, on_epoch)
    module.model.load_state_dict(module.best_state)
    return Member(module.model.cpu().eval(), tuple(module.history), module.best_epoch)


def _selection(
    study: ScaledStudy, rows: I32, config: TrainConfig, rng: np.random.Generator
) -> list[tuple[Batch, Tensor]]:
    """Batches for choosing the epoch: one fixed draw of tiles per case, which is enough to rank epochs by."""
    found = []
    for start in range(0, len(rows), 64):
        part = rows[start : start + 64]
        cases = [draw_tiles(study.cases[i], config.tiles_per_bag, rng) for i in part]
        found.append((collate(cases), torch.from_numpy(study.labels[part].astype(np.float32))))
    return found


def resample(rows: I32, labels: Mask, rng: np.random.Generator) -> tuple[I32, I32]:
    """Bootstrap rows within each class; also return those that were left out."""
    drawn = np.concatenate([rng.choice(part, len(part)) for part in (rows[labels[rows]], rows[~labels[rows]])])
    return np.sort(drawn), np.setdiff1d(rows, drawn)


def raw_logits(members: Sequence[MultimodalModel], study: ScaledStudy, rows: I32) -> F64:
    """Uncalibrated logits, float64 (members, len(rows)), of whole bags."""
    with torch.inference_mode(), one_thread():
        parts = [torch.stack([m(batch).logit for m in members]) for batch in study.batches(rows)]
    return torch.cat(parts, dim=1).double().numpy()


def mean_slide_embedding(member: MultimodalModel, study: ScaledStudy, rows: I32) -> Tensor:
    """Mean slide embedding (d,) of the patients that have slides: the baseline of additive explanations."""
    with torch.inference_mode(), one_thread():
        outputs = [(member.encode_histology(b.tiles, b.tile_mask)[0], b.present[:, 0]) for b in study.batches(rows)]
    embeddings = torch.cat([embedding[present] for embedding, present in outputs])
    return embeddings.mean(dim=0) if len(embeddings) else embeddings.new_zeros(embeddings.shape[1])


def model_config(study: ScaledStudy, config: TrainConfig, kind: str) -> ModelConfig:
    """Architecture for a study and a recipe."""
    return ModelConfig(
        kind=kind,
        tile_dim=study.tile_dim,
        gene_kinds=study.gene_kinds,
        gene_pathways=study.membership.shape[1],
        gene_attention=config.gene_attention,
        dropout=config.dropout,
    )


class _Epochs(Callback):
    def __init__(self, on_epoch: Callable[[int], None]) -> None:
        self.on_epoch = on_epoch

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.on_epoch(trainer.current_epoch)


def _run(
    module: ResponseModule, batches: TrainingBatches, config: TrainConfig, on_epoch: Callable[[int], None]
) -> None:
    kind, _, device = config.device.partition(":")
    with quiet():
        trainer = lightning.Trainer(
            max_epochs=config.epochs,
            accelerator={"auto": "auto", "cpu": "cpu"}.get(kind, "gpu"),
            devices=[int(device)] if device else 1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            gradient_clip_val=1.0,
            callbacks=[_Epochs(on_epoch)],
        )
        trainer.fit(module, DataLoader(batches, batch_size=None))


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
