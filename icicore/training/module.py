"""The Lightning module: loss, modality dropout, schedule. The model itself is plain torch."""

import math
from dataclasses import replace
from typing import Any

import lightning
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from icicore.evaluation.metrics import auc_roc
from icicore.models.inputs import Batch, ModelOutput
from icicore.models.multimodal import MultimodalModel
from icicore.training.config import TrainConfig


class ResponseModule(lightning.LightningModule):
    """Trains one member; ``history`` holds the selection AUC of each epoch, ``best_state`` the best epoch's weights."""

    def __init__(
        self,
        model: MultimodalModel,
        config: TrainConfig,
        *,
        steps: int,
        selection: list[tuple[Batch, Tensor]],
        encoder_rate: float = 1.0,
    ) -> None:
        super().__init__()
        self.model, self.config, self.steps = model, config, steps
        self.selection, self.encoder_rate = selection, encoder_rate
        self.history: list[float] = []
        self.losses: list[float] = []
        self.best_state: dict[str, Tensor] = {}
        self.best_epoch = -1

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Move a batch; Lightning cannot rebuild a frozen dataclass."""
        inputs, labels = batch
        return inputs.to(device), labels.to(device)

    def training_step(self, batch: tuple[Batch, Tensor], index: int) -> Tensor:
        """Loss of one batch with modalities and genes hidden at random."""
        inputs, labels = batch
        output = self.model(hide_at_random(inputs, self.config))
        return loss(output, labels, self.model, auxiliary=self.config.auxiliary_loss)

    def on_train_epoch_end(self) -> None:
        """Score the selection patients; keep the best epoch, stop when it no longer improves.

        The epoch is judged by class-balanced cross-entropy, since AUC does not see scale: it prefers hardly trained
        weights whose logits are near zero, and calibration would then blow up their noise.
        """
        self.model.eval()
        with torch.inference_mode():
            logits = torch.cat([self.model(b.to(self.device)).logit.cpu() for b, _ in self.selection])
        self.model.train()
        labels = torch.cat([y for _, y in self.selection])
        self.history.append(auc_roc(labels.numpy(), logits.numpy()))
        self.losses.append(balanced_loss(logits, labels))
        if self.best_epoch < 0 or self.losses[-1] < self.losses[self.best_epoch]:
            self.best_epoch = len(self.losses) - 1
            self.best_state = {k: v.detach().cpu().clone() for k, v in self.model.state_dict().items()}
        if len(self.losses) - 1 - self.best_epoch >= self.config.patience:
            self.trainer.should_stop = True

    def configure_optimizers(self) -> Any:
        """AdamW; no weight decay on vectors; linear warm-up, then cosine."""
        config, total, warm = self.config, self.steps, max(1, int(self.steps * self.config.warmup))
        named = [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]
        groups = [
            {
                "params": [
                    p for name, p in named if (p.ndim > 1) == matrix and name.startswith("encoders.") == encoder
                ],
                "weight_decay": config.weight_decay if matrix else 0.0,
                "lr": config.learning_rate * (self.encoder_rate if encoder else 1.0),
            }
            for matrix in (True, False)
            for encoder in (True, False)
        ]
        optimizer = torch.optim.AdamW(groups)

        def factor(step: int) -> float:
            if step < warm:
                return (step + 1) / warm
            return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1, total - warm))))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def loss(output: ModelOutput, labels: Tensor, model: MultimodalModel, *, auxiliary: float) -> Tensor:
    """BCE of the fused logit plus ``auxiliary`` times the BCE of each arm alone, over the cases that have it."""
    present = output.modality_weights > 0
    total = bce(output.logit, labels)
    if auxiliary == 0 or len(model.arms) == 1:
        return total
    arms = bce(output.arm_logits, labels[:, None].expand_as(output.arm_logits), reduction="none")
    return total + auxiliary * (arms * present).sum() / len(labels)


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
