"""Fit one ensemble member with Lightning, and score patients with members."""

import copy
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from icicore.domain import HISTOLOGY, MODALITIES, modalities_read
from icicore.models.fusion import reset_readout
from icicore.models.inputs import Batch
from icicore.models.multimodal import ModelConfig, MultimodalModel
from icicore.models.zoo import build
from icicore.training.attention_guide import AttentionGuide
from icicore.training.config import TrainConfig
from icicore.training.dataset import ScaledStudy, TrainingBatches
from icicore.training.epochstate import EpochState, numpy_state, restore_numpy
from icicore.training.frozen_arms import encoded_once, for_embeddings
from icicore.training.grades import GradedLoss
from icicore.training.journal import Journal
from icicore.training.module import ResponseModule
from icicore.training.selection import SelectionBatches, held
from icicore.training.splits import Split, stratified_folds
from icicore.training.tile_start import start_from_tissue, tissue_head
from icicore.training.trainer import one_thread, run_trainer, seeded
from icicore.types import F64, I32, Json, Mask

_WIDTHS = ("histology_dim", "attention_dim", "gene_dim", "clinical_dim", "fusion_dim")
_MULTIPLE = 8  # every width stays divisible by the number of attention heads


@dataclass(frozen=True, eq=False)
class Beginning:
    """A fitted model whose weights a member begins with, and the rows of the patients that it was trained on."""

    model: MultimodalModel
    seen: I32


@dataclass(frozen=True, eq=False)
class Member:
    """A fitted member: weights of its best epoch, the selection AUC of every epoch, and its least selection loss."""

    model: MultimodalModel
    history: tuple[float, ...]
    best_epoch: int
    loss: float


def fit_member(
    study: ScaledStudy,
    split: Split,
    config: TrainConfig,
    *,
    model: ModelConfig,
    index: int,
    arms: Sequence[MultimodalModel] = (),
    keep: Path | None = None,
    on_epoch: Callable[[int, float], None] = lambda epoch, loss: None,
    journal: Journal | None = None,
    start: Beginning | None = None,
) -> Member:
    """Train member ``index`` on its share of the training patients; see ``member_rows``.

    The epoch is selected over the validation patients and the training patients that the member does not train on:
    neither was trained on, and together they are several times as many as the validation patients alone.

    Parameters
    ----------
    arms : models of single arms, trained before on the same share; their encoders are adopted, and stay as they are
        or are trained on slowly
    keep : where the state after each epoch is kept; a member that finds one there continues, with the same result
    on_epoch : called with the number of each finished epoch and its selection loss
    journal : told of steps and epochs, under the name of the model and the member
    start : a fitted model of the same architecture whose weights the member begins with, those of arms included;
        patients that it was trained on do not judge the epochs
    """
    study = visible(study, modalities_read(model.kind))
    rng = np.random.default_rng([config.seed, index])
    rows, left_out = member_rows(split.train, study.labels, config, index=index, rng=rng)
    if start is not None:
        left_out = np.setdiff1d(left_out, start.seen)
    judges = np.concatenate([split.val, left_out])
    head = tissue_head(study) if HISTOLOGY in modalities_read(model.kind) else None
    started = config.tissue_start and head is not None
    frozen = config.freeze_arms and bool(arms) and start is None
    graded = config.grade_loss > 0 and study.knows_grades(rows)

    def epoch_done(module: ResponseModule) -> None:
        if keep is not None:
            state = module.snapshot()
            EpochState(state.tensors, state.note | {"numpy": numpy_state(rng)}).save(keep)
        on_epoch(len(module.losses) - 1, module.losses[-1])

    with seeded(int(rng.integers(2**31))), one_thread(config.device), ExitStack() as stack:
        if start is None:
            network = _new_network(model, study, rows, config, index=index, arms=arms, from_tissue=started)
        else:
            network = build(model)
            network.load_state_dict(start.model.state_dict())
        recipe, guided = config, head is not None and config.attention_guide > 0
        if frozen:
            study = stack.enter_context(encoded_once(network, study, np.concatenate([np.unique(rows), judges])))
            recipe, guided = for_embeddings(config), False
        selection = selection_batches(study, judges, config, rng)
        batches = TrainingBatches(study, rows, config.batch_size, config.tiles_per_bag, rng, graded=graded)
        module = ResponseModule(
            network,
            recipe,
            steps=len(batches) * config.epochs,
            selection=selection,
            encoder_rate=config.encoder_rate if arms or start is not None else 1.0,
            tile_rate=config.tile_rate if started else 1.0,
            on_epoch=epoch_done,
            journal=journal,
            member=f"{model.kind}-{index}",
            guide=AttentionGuide(head) if head is not None and guided else None,
            graded=GradedLoss(config.grade_loss) if graded else None,
        )
        _resume(module, keep, rng)
        if not module.finished:
            run_epochs(module, batches, config)
        module.model.load_state_dict(module.best_state)
        module.model.cpu()
    return Member(network.eval(), tuple(module.history), module.best_epoch, min(module.losses))


def _new_network(
    model: ModelConfig,
    study: ScaledStudy,
    rows: I32,
    config: TrainConfig,
    *,
    index: int,
    arms: Sequence[MultimodalModel],
    from_tissue: bool,
) -> MultimodalModel:
    """A network that has seen no response of these patients, but for the arms that were trained on the same share."""
    network = build(model)
    network.set_gene_sets(study.study.gene_sets(signatures=config.gene_signatures))
    network.fit_activities(*study.genes(rows))
    if from_tissue:
        start_from_tissue(network, study, rows)
    with seeded(config.seed + index):
        reset_readout(network.fusion)
    network.adopt_arms(arms)
    return network


def member_rows(
    train: I32, labels: Mask, config: TrainConfig, *, index: int, rng: np.random.Generator
) -> tuple[I32, I32]:
    """Training patients that a member trains on, and those that it leaves out.

    With ``config.folds`` a member leaves out one fold of all training patients; otherwise it trains on a bootstrap
    resample drawn from ``rng``. A single member trains on all training patients.
    """
    if config.folds:
        folds = stratified_folds(train, labels, config.folds, rng=np.random.default_rng([config.seed, 3]))
        return np.setdiff1d(train, folds[index]), folds[index]
    if config.members == 1:
        return train, train[:0]
    return resample(train, labels, rng)


def _resume(module: ResponseModule, keep: Path | None, rng: np.random.Generator) -> None:
    """Continue from a kept epoch; one of another architecture, or damaged, is not used."""
    state = None if keep is None else EpochState.load(keep)
    if state is not None and state.fits(module.model.state_dict()):
        module.restore(state)
        module.pace.resumed(module.history, module.losses)
        restore_numpy(rng, state.note["numpy"])


def selection_batches(
    study: ScaledStudy, rows: I32, config: TrainConfig, rng: np.random.Generator
) -> SelectionBatches | list[tuple[Batch, Tensor]]:
    """Batches for choosing the epoch: one fixed draw of tiles per case, which is enough to rank epochs by."""
    return held(SelectionBatches.draw(study, rows, config.tiles_per_bag, rng))


def visible(study: ScaledStudy, arms: Sequence[str]) -> ScaledStudy:
    """Return the study without the modalities that a model does not look at.

    Batches of the other arms then carry no tiles, which are nearly all of their bytes, and no step of a model of one
    arm is spent on hiding that arm.
    """
    gone = [modality for modality in MODALITIES if modality not in arms]
    view = copy.copy(study)
    view.cases = [case.without(*gone) for case in study.cases]
    return view


def resample(rows: I32, labels: Mask, rng: np.random.Generator) -> tuple[I32, I32]:
    """Bootstrap rows within each class; also return those that were left out."""
    drawn = np.concatenate([rng.choice(part, len(part)) for part in (rows[labels[rows]], rows[~labels[rows]])])
    return np.sort(drawn), np.setdiff1d(rows, drawn)


def raw_logits(members: Sequence[MultimodalModel], study: ScaledStudy, rows: I32) -> F64:
    """Uncalibrated logits, float64 (members, len(rows)), of whole bags."""
    study = visible(study, members[0].arms)
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
    architecture = ModelConfig(
        kind=kind,
        tile_dim=study.tile_dim,
        gene_kinds=study.gene_kinds,
        gene_pathways=study.study.gene_sets(signatures=config.gene_signatures).membership.shape[1],
        gene_attention=config.gene_attention,
        dropout=config.dropout,
        scale_by_present=config.scale_by_present,
        weigh_readable=config.weigh_readable,
    )
    sizes: Json = {} if config.depth is None else {"gene_layers": config.depth}
    if config.width != 1:
        for name in _WIDTHS:
            sizes[name] = _MULTIPLE * max(1, round(getattr(architecture, name) * config.width / _MULTIPLE))
    return replace(architecture, **sizes)


def run_epochs(module: ResponseModule, batches: Iterable[tuple[Batch, Tensor]], config: TrainConfig) -> None:
    """Run the epochs that are left, or until the module asks to stop."""
    run_trainer(module, batches, config.epochs - len(module.losses), config)
