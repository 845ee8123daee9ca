"""The Lightning module: loss, modality dropout, schedule. The model itself is plain torch."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from icicore.evaluation.metrics import auc_roc
from icicore.models.inputs import Batch, ModelOutput
from icicore.models.multimodal import MultimodalModel
from icicore.training.attention_guide import AttentionGuide
from icicore.training.config import TrainConfig
from icicore.training.epochstate import (
    EpochState,
    generator_tensors,
    named,
    optimizer_tensors,
    restore_generators,
    restore_optimizer,
)
from icicore.training.grades import GradedLoss, label_loss
from icicore.training.halved_step import HalvedStep
from icicore.training.halving import backward_in_parts, free_memory, rows_of
from icicore.training.journal import Journal
from icicore.training.pace import Pace
from icicore.training.schedule import RateSchedule

_CLIP_NORM = 1.0
_BASE = "base_lr"


class ResponseModule(HalvedStep):
    """Trains one member; ``history`` holds the selection AUC of each epoch, ``best_state`` the best epoch's weights.

    ``on_epoch`` is called with the module after each epoch, when ``snapshot`` holds all that is needed to go on.
    ``guide`` pulls the tile attention, as strongly as the recipe says; ``graded`` reads labels that come with the grade
    of the response.
    ``journal`` is told of steps and epochs under the name ``member``.
    """

    def __init__(
        self,
        model: MultimodalModel,
        config: TrainConfig,
        *,
        steps: int,
        selection: Iterable[tuple[Batch, Tensor]],
        encoder_rate: float = 1.0,
        tile_rate: float = 1.0,
        on_epoch: Callable[["ResponseModule"], None] = lambda module: None,
        journal: Journal | None = None,
        member: str = "",
        guide: AttentionGuide | None = None,
        graded: GradedLoss | None = None,
    ) -> None:
        super().__init__(config, lambda parts, cases: self.pace.halved(cases))
        self.model = model
        self.schedule = RateSchedule(config.schedule, steps, config.warmup, patience=max(1, config.patience // 2))
        self.selection, self.on_epoch = selection, on_epoch
        self.encoder_rate, self.tile_rate, self.guide, self.graded = encoder_rate, tile_rate, guide, graded
        self.step = 0
        self.history: list[float] = []
        self.losses: list[float] = []
        self.best_state: dict[str, Tensor] = {}
        self.best_epoch = -1
        self._resumed: EpochState | None = None
        self.pace = Pace(journal or Journal(), member)

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or the last ones were no better than the best one before them."""
        done = len(self.losses)
        return done >= self.config.epochs or done - 1 - self.best_epoch >= self.config.patience

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Move a batch; Lightning cannot rebuild a frozen dataclass."""
        inputs, labels = batch
        return inputs.to(device), labels.to(device)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Set the learning rates of this step."""
        self.set_rates(self.trainer.optimizers[0])

    def set_rates(self, optimizer: torch.optim.Optimizer) -> None:
        """Learning rate of each group at this step; counts the step."""
        factor = self.schedule.factor(self.step)
        for group in optimizer.param_groups:
            group["lr"] = group[_BASE] * factor
        self.step += 1

    def prepared(self, batch: tuple[Batch, Tensor]) -> tuple[Batch, Tensor]:
        """The batch with modalities and genes hidden at random."""
        inputs, labels = batch
        return hide_at_random(inputs, self.config), labels

    def whole_loss(self, held: tuple[Batch, Tensor]) -> Tensor:
        """Mean loss of the batch."""
        return self.batch_loss(*held)

    def backward_parts(self, held: tuple[Batch, Tensor], parts: int) -> Tensor:
        """Its gradients, some cases at a time."""
        inputs, labels = held
        return backward_in_parts(inputs, lambda part, rows: self.batch_loss(part, labels[rows]), parts)

    def cases_of(self, held: tuple[Batch, Tensor]) -> int:
        """Number of cases."""
        return len(held[1])

    def note_loss(self, value: Tensor) -> None:
        """For the journal."""
        self.pace.loss(value)

    def batch_loss(self, inputs: Batch, labels: Tensor) -> Tensor:
        """Mean loss over some cases."""
        output = self.model(inputs)
        each = label_loss if self.graded is None else self.graded
        total = loss(output, labels, self.model, auxiliary=self.config.auxiliary_loss, each=each)
        return total if self.guide is None else total + self.config.attention_guide * self.guide(inputs, output)

    def on_train_epoch_start(self) -> None:
        """Begin to count."""
        self.pace.begin(int(self.trainer.num_training_batches))

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Tell the journal of the step, not more often than once a second."""
        rate = max(float(group["lr"]) for group in self.trainer.optimizers[0].param_groups)
        self.pace.step(len(batch[1]), len(self.losses), rate, self.device)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Clip the gradient; here, because Lightning's own clipping refuses fused optimisers."""
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), _CLIP_NORM)

    def on_train_epoch_end(self) -> None:
        """Score the selection patients; keep the best epoch, stop when it no longer improves."""
        self.select()
        if self.finished:
            self.trainer.should_stop = True
        self.pace.epoch(len(self.losses) - 1, self.history[-1], self.losses[-1], self.device)
        self.on_epoch(self)

    def select(self) -> None:
        """Judge the weights as they are now and keep them if they are the best.

        By default by class-balanced cross-entropy, since AUC does not see scale: it prefers hardly trained weights
        whose logits are near zero, and calibration would then blow up their noise.
        """
        self.model.eval()
        with torch.inference_mode():
            found = [(self._logits(b), y) for b, y in self.selection]
        self.model.train()
        logits, labels = (torch.cat(part) for part in zip(*found, strict=True))
        self.history.append(auc_roc(labels.numpy(), logits.numpy()))
        self.losses.append(balanced_loss(logits, labels))
        self.schedule.epoch_done(self.losses[-1])
        scores = self.losses if self.config.select_on == "loss" else [-auc for auc in self.history]
        if self.best_epoch < 0 or scores[-1] < scores[self.best_epoch]:
            self.best_epoch = len(scores) - 1
            self.best_state = {k: v.detach().cpu().clone() for k, v in self.model.state_dict().items()}

    def _logits(self, batch: Batch) -> Tensor:
        """Logits on the CPU; of half the cases at a time where memory runs out."""
        try:
            return self.model(batch.to(self.device)).logit.float().cpu()  # type: ignore[no-any-return]
        except torch.OutOfMemoryError:
            if len(batch) == 1:
                raise
        free_memory()
        middle = len(batch) // 2
        return torch.cat([self._logits(rows_of(batch, 0, middle)), self._logits(rows_of(batch, middle, len(batch)))])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW; no weight decay on vectors. The schedule is applied at every step by ``set_rates``."""
        config = self.config
        parameters = [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]
        parameters += [] if self.graded is None else list(self.graded.named_parameters())
        groups = [
            {
                "params": [p for name, p in parameters if (p.ndim > 1) == matrix and _part(name) == part],
                "weight_decay": config.weight_decay if matrix else 0.0,
                _BASE: config.learning_rate * factor,
            }
            for matrix in (True, False)
            for part, factor in (
                ("projection", self.encoder_rate * self.tile_rate),
                ("encoder", self.encoder_rate),
                ("rest", 1.0),
            )
        ]
        return torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)

    def snapshot(self) -> EpochState:
        """State at the end of an epoch."""
        tensors = {
            **named("model", dict(self.model.state_dict())),
            **named("best", self.best_state),
            **named("graded", {} if self.graded is None else dict(self.graded.state_dict())),
            **named("optimizer", optimizer_tensors(self.trainer.optimizers[0])),
            **named("generators", generator_tensors()),
        }
        note = {
            "step": self.step,
            "history": self.history,
            "losses": self.losses,
            "best_epoch": self.best_epoch,
            "schedule": self.schedule.state(),
        }
        return EpochState(tensors, note)

    def restore(self, state: EpochState) -> None:
        """Continue from a snapshot; optimiser and generators follow when training starts."""
        self.model.load_state_dict(state.part("model"))
        self.best_state = state.part("best")
        if self.graded is not None:
            self.graded.load_state_dict(state.part("graded"))
        note = state.note
        self.step, self.best_epoch = int(note["step"]), int(note["best_epoch"])
        self.history, self.losses = list(note["history"]), list(note["losses"])
        self.schedule.restore(note["schedule"])
        self._resumed = state

    def on_train_start(self) -> None:
        """Put optimiser and random generators where the snapshot left them."""
        if self._resumed is not None:
            restore_optimizer(self.trainer.optimizers[0], self._resumed.part("optimizer"))
            restore_generators(self._resumed.part("generators"))
            self._resumed = None


def loss(
    output: ModelOutput,
    labels: Tensor,
    model: MultimodalModel,
    *,
    auxiliary: float,
    each: Callable[[Tensor, Tensor], Tensor] = label_loss,
) -> Tensor:
    """Loss of the fused logit plus ``auxiliary`` times that of each arm alone, over the cases that have it.

    ``each`` is the loss of each logit (B, ...) under labels (B,), or (B, 3) with the grades of the response.
    """
    present = output.modality_weights > 0
    total = each(output.logit, labels).mean()
    if auxiliary == 0 or len(model.arms) == 1:
        return total
    arms = each(output.arm_logits, labels)
    return total + auxiliary * (arms * present).sum() / len(labels)


def _part(name: str) -> str:
    """Which learning rate a parameter gets: the tile projection, the rest of the encoders, or everything else."""
    if name.startswith("encoders.histology.project."):
        return "projection"
    return "encoder" if name.startswith("encoders.") else "rest"


def balanced_loss(logits: Tensor, labels: Tensor) -> float:
    """Cross-entropy in which both classes weigh the same, as in the oversampled training batches."""
    each = bce(logits, labels, reduction="none")
    parts = [each[labels == k].mean() for k in (0, 1) if bool((labels == k).any())]
    return float(torch.stack(parts).mean())


def hide_at_random(batch: Batch, config: TrainConfig) -> Batch:
    """Hide modalities of a case at random, never all of them, and gene tokens of the rest."""
    keep = torch.rand(batch.present.shape, device=batch.present.device) >= config.modality_dropout
    keep &= batch.present
    present = torch.where(keep.any(dim=1, keepdim=True), keep, batch.present)
    genes = batch.gene_measured
    if config.gene_dropout:
        genes = genes & (torch.rand(genes.shape, device=genes.device) >= config.gene_dropout)
    return replace(batch, present=present, gene_measured=genes)
