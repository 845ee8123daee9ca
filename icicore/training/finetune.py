"""The final phase: the backbone's last stage is trained on sampled tiles, together with the heads that read it.

What lies before the last stage stays frozen, so its maps are computed once per sampled tile and kept on disk; an epoch
then costs the last stage alone. All members of the ensemble share one stage, because a case is embedded once. The
stage is kept only if it lowers the validation loss of the ensemble; it has seen all training patients, so calibration
and threshold of a tuned bundle rest on the validation patients alone.
"""

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from icicore.embeddings.cache import BATCH
from icicore.embeddings.stage import split_last_stage
from icicore.models.inputs import Batch, CaseInputs, collate
from icicore.models.multimodal import MultimodalModel
from icicore.training.balance import BalancedRows
from icicore.training.config import TrainConfig
from icicore.training.dataset import ScaledStudy, StudyData
from icicore.training.halved_step import HalvedStep
from icicore.training.journal import Journal
from icicore.training.module import balanced_loss, hide_at_random, loss
from icicore.training.slide_access import SlideAccess
from icicore.training.splits import Split
from icicore.training.stage_parts import heads_in_parts, in_halves, pooled, stage_in_parts
from icicore.training.trainer import one_thread, run_trainer, seeded
from icicore.types import F16, I32, Progress

_WHAT = "reading tiles"


@dataclass(frozen=True, eq=False)
class Tuned:
    """Weights of the tuned stage and the members that go with it; ``stage`` is None where tuning did not help."""

    stage: dict[str, Tensor] | None
    models: list[MultimodalModel]
    losses: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class SampledMaps:
    """Frozen maps of sampled tiles, float16 (n, channels, h, w) on disk, and the rows of each patient."""

    maps: F16
    rows: dict[int, slice]

    def of(self, patient: int) -> Tensor | None:
        """Maps (k, channels, h, w) of a patient, None without tiles."""
        place = self.rows.get(patient)
        return None if place is None else torch.from_numpy(np.asarray(self.maps[place])).float()


@dataclass(frozen=True, eq=False)
class TuningData:
    """What the phase learns from."""

    study: StudyData
    scaled: ScaledStudy
    split: Split
    config: TrainConfig


def finetune(
    data: TuningData,
    models: Sequence[MultimodalModel],
    *,
    access: SlideAccess,
    scratch: Path,
    progress: Progress,
    journal: Journal | None = None,
) -> Tuned:
    """Tune the last stage on the training patients; the test patients are not read.

    Parameters
    ----------
    models : fitted members; they are copied
    scratch : file for the maps of the sampled tiles; the caller removes it
    journal : is told when memory ran out
    """
    config, train = data.config, data.split.train
    rng = np.random.default_rng([config.seed, 5])
    before, stage = split_last_stage(access.encoder)
    with one_thread(config.device):
        sampled = _sample(data, access, before, scratch=scratch, rng=rng, progress=progress)
        module = StageModule(stage, models, data, sampled, journal=journal)
        batches = RowBatches(BalancedRows(train, data.scaled.labels, data.study.cohorts), config.finetune_batch, rng)
        with seeded(config.seed + 1000):
            run_trainer(module, batches, config.finetune_epochs, config)
    if module.best_epoch == 0:
        return Tuned(None, list(models), tuple(module.losses))
    module.load_state_dict(module.best_state)
    members = [member.cpu().eval() for member in module.models]
    return Tuned(dict(module.stage.cpu().state_dict()), members, tuple(module.losses))


class StageModule(HalvedStep):
    """Trains the last stage and the heads; ``losses`` begin with that of the untuned backbone."""

    def __init__(
        self,
        stage: nn.Module,
        models: Sequence[MultimodalModel],
        data: TuningData,
        sampled: SampledMaps,
        *,
        journal: Journal | None = None,
    ) -> None:
        told = journal or Journal()
        super().__init__(data.config, lambda parts, cases: told.add("halved", member="backbone", cases=cases))
        self.stage = stage.requires_grad_(requires_grad=True)
        self.members = nn.ModuleList(copy.deepcopy(model).requires_grad_(requires_grad=True) for model in models)
        self.study, self.sampled, self.val = data.scaled, sampled, data.split.val
        self.losses: list[float] = []
        self.best_epoch = -1
        self.best_state: dict[str, Tensor] = {}
        self.train()

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Batches are patients' rows and stay where they are."""
        return batch

    def whole_loss(self, held: I32) -> Tensor:
        """Mean loss of the members on the sampled tiles of some patients."""
        batch, labels = self._batch(held), self._labels(held)
        total = [
            loss(model(hide_at_random(batch, self.config)), labels, model, auxiliary=self.config.auxiliary_loss)
            for model in self.models
        ]
        return torch.stack(total).mean()

    def backward_parts(self, held: I32, parts: int) -> Tensor:
        """Its gradients: those of the heads some patients at a time, then those of the stage some tiles at a time."""
        with torch.no_grad():
            cases = [self._case(int(row), parts) for row in held]
        total, gradient = heads_in_parts(cases, self._labels(held), self.models, self.config, parts)
        stage_in_parts(self.stage, [self.sampled.of(int(row)) for row in held], gradient, parts)
        return total

    def on_train_start(self) -> None:
        """Judge the untuned backbone on the same tiles first."""
        self.select()

    def on_train_epoch_start(self) -> None:
        """Batch norms that are left in the stage keep their statistics."""
        self.stage.eval()

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Clip the gradient."""
        torch.nn.utils.clip_grad_norm_(self.parameters(), 1.0)

    def on_train_epoch_end(self) -> None:
        """Keep the best epoch."""
        self.select()

    def select(self) -> None:
        """Validation loss of the ensemble on the sampled tiles."""
        self.eval()
        with torch.inference_mode():
            starts = range(0, len(self.val), 16)
            logits = torch.cat([in_halves(self._logits, self.val[k : k + 16].tolist()) for k in starts])
        labels = torch.from_numpy(self.study.labels[self.val].astype(np.float32))
        self.losses.append(balanced_loss(logits.float().cpu(), labels))
        if self.best_epoch < 0 or self.losses[-1] < self.losses[self.best_epoch]:
            self.best_epoch = len(self.losses) - 1
            self.best_state = {k: v.detach().cpu().clone() for k, v in self.state_dict().items()}
        self.members.train()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW; the heads were trained before and move slowly, the stage more slowly still."""
        config = self.config
        groups = [
            {"params": list(self.stage.parameters()), "lr": config.finetune_rate},
            {"params": list(self.members.parameters()), "lr": config.learning_rate * config.encoder_rate},
        ]
        return torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=True)

    @property
    def models(self) -> list[MultimodalModel]:
        """The members as what they are."""
        return [member for member in self.members if isinstance(member, MultimodalModel)]

    def _batch(self, rows: Iterable[int]) -> Batch:
        return collate([self._case(int(row)) for row in rows]).to(self.device)

    def _labels(self, rows: I32) -> Tensor:
        return torch.from_numpy(self.study.labels[rows].astype(np.float32)).to(self.device)

    def _logits(self, rows: Sequence[int]) -> Tensor:
        """Mean logit of the members."""
        part = self._batch(rows)
        return torch.stack([model(part).logit for model in self.models]).mean(dim=0)

    def _case(self, row: int, parts: int = 1) -> CaseInputs:
        """The case with embeddings of its sampled tiles as the stage makes them now."""
        maps = self.sampled.of(row)
        if maps is None:
            return replace(self.study.cases[row], tiles=None)
        return replace(self.study.cases[row], tiles=pooled(self.stage, maps.to(self.device), parts).cpu())


@dataclass(frozen=True, eq=False)
class RowBatches:
    """Endless epochs of shuffled, class-balanced rows."""

    rows: BalancedRows
    size: int
    rng: np.random.Generator

    def __iter__(self) -> Iterator[I32]:
        order = self.rows.draw(self.rng)
        for k in range(len(self)):
            yield order[k * self.size : (k + 1) * self.size]

    def __len__(self) -> int:
        return -(-len(self.rows) // self.size)


def _sample(
    data: TuningData,
    access: SlideAccess,
    before: nn.Module,
    *,
    scratch: Path,
    rng: np.random.Generator,
    progress: Progress,
) -> SampledMaps:
    """Draw tiles of each patient, read them, and keep what the frozen part of the backbone makes of them."""
    study, limit = data.study, data.config.finetune_tiles
    chosen = {}
    for row in (*data.split.train, *data.split.val):
        n = int(study.offsets[row + 1] - study.offsets[row])
        if n:
            chosen[int(row)] = np.sort(rng.choice(n, min(n, limit), replace=False)).astype(np.int32)
    places: dict[int, slice] = {}
    start, total = 0, sum(map(len, chosen.values()))
    maps: F16 = np.zeros((0, 1, 1, 1), np.float16)
    scratch.parent.mkdir(parents=True, exist_ok=True)
    for done, (row, own) in enumerate(chosen.items()):
        progress(done, len(chosen), _WHAT)
        part = _frozen(before, access, study.patients[row], own)
        if not len(part):
            continue
        if not len(maps):
            maps = np.lib.format.open_memmap(scratch, mode="w+", dtype=np.float16, shape=(total, *part.shape[1:]))
        maps[start : start + len(part)] = part
        places[row] = slice(start, start := start + len(part))
    return SampledMaps(maps, places)


def _frozen(before: nn.Module, access: SlideAccess, patient: str, chosen: I32) -> F16:
    tiles = access.tiles(patient, chosen)
    with torch.inference_mode():
        parts = [
            before(access.encoder.preprocess(tiles[start : start + BATCH])).half().cpu().numpy()
            for start in range(0, len(tiles), BATCH)
        ]
    return np.concatenate(parts) if parts else np.zeros((0, 1, 1, 1), np.float16)
