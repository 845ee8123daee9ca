"""Train a bundle from a study folder: members, calibration, threshold, test metrics, card."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
from torch import Tensor

from icicore.embeddings.stage import tuned_encoder
from icicore.errors import InputError
from icicore.models.bundle import ModelBundle
from icicore.models.multimodal import ModelConfig, MultimodalModel
from icicore.training.comparison import Scored, clinical_regression, held_out_metrics
from icicore.training.config import Kind, TrainConfig
from icicore.training.dataset import ScaledStudy, StudyData
from icicore.training.finetune import TuningData, finetune
from icicore.training.finished import bundle_spec, save_comparison, save_model
from icicore.training.fit import (
    Member,
    fit_member,
    member_rows,
    model_config,
    raw_logits,
)
from icicore.training.heldout import operating_point
from icicore.training.plan import arms_of, reported
from icicore.training.run import TrainingRun, prepare
from icicore.training.slide_access import SlideAccess
from icicore.training.study import EmbedSlide, log_left_out, read_study
from icicore.training.successor import After
from icicore.types import F64, I32, Mask, Progress, no_progress


def train(
    study_dir: Path,
    out: Path,
    config: TrainConfig,
    progress: Progress = no_progress,
    *,
    embed: EmbedSlide | None = None,
    slides: SlideAccess | None = None,
    after: After | None = None,
    keep_journal: Path | None = None,
) -> ModelBundle:
    """Train and save a bundle, with its comparison models measured on the same held-out test patients.

    Finished members are kept in a work folder beside ``out``: the same command continues after an interruption as
    long as neither data nor recipe changed. ``out`` itself appears whole or not at all.

    Parameters
    ----------
    study_dir : see ``study.read_study``, which also explains ``embed``
    out : folder of the bundle; one that is there is replaced at the very end
    progress : counts epochs over all models; may raise ``Cancelled``
    slides : the slide files, needed only where the backbone's last stage is to be tuned
    after : an earlier bundle whose test patients stay test patients, and which may be continued
    keep_journal : where the journal of the run is left at its end; until then it lies in the work folder

    Raises
    ------
    InputError
        the study cannot be read, or is too small for both classes in every part
    """
    study = log_left_out(read_study(study_dir, embed=embed, progress=progress))
    return train_on(study, out, config, progress, slides=slides, after=after, keep_journal=keep_journal)


def train_on(
    study: StudyData,
    out: Path,
    config: TrainConfig,
    progress: Progress = no_progress,
    *,
    slides: SlideAccess | None = None,
    after: After | None = None,
    keep_journal: Path | None = None,
) -> ModelBundle:
    """Train on a study in memory; see ``train``."""
    tuning = _slides_to_tune_on(config, slides)
    run = prepare(study, out, config, progress, after=after or After())
    fitted: dict[str, list[Member]] = {}
    for kind in run.kinds:
        continued = run.parent is not None and kind == config.model
        fitted[kind] = _fit(run, kind, [] if continued else [fitted[arm] for arm in arms_of(kind, config)])
    final, stage = (run, None) if tuning is None else _tune_backbone(run, fitted, tuning)
    scored = {
        kind: _score(final if kind == config.model else run, fitted[kind])
        for kind in reported(config)
        if kind in fitted
    }
    shown = {str(kind): one for kind, one in scored.items()}
    if config.model != "clinical" and "clinical" in reported(config):
        shown["clinical"] = clinical_regression(run.scaled, run.split, config)
    metrics = held_out_metrics(shown, study, run.split, config)
    if config.save_comparisons:
        for kind in (k for k in scored if k != config.model):
            save_comparison(run, out, kind, scored[kind], fitted[kind])
    spec = bundle_spec(final, out.name, final.config, scored[config.model], metrics, fitted[config.model])
    bundle = save_model(final, out, spec, fitted, stage=stage)
    run.journal.add("done")
    if keep_journal is not None:
        run.journal.copy_to(keep_journal)
    run.work.remove()
    progress(run.total, run.total, "bundle saved")
    return bundle


def _slides_to_tune_on(config: TrainConfig, slides: SlideAccess | None) -> SlideAccess | None:
    """Slide files for the final phase, None where there is none; what cannot be tuned is refused before training."""
    if config.finetune_epochs == 0:
        return None
    if slides is None or config.model in ("genomic", "clinical"):
        raise InputError(
            "finetune_epochs",
            f"{config.finetune_epochs} epochs of tuning the backbone, but the model reads no slide files",
            expected="a model with histology and a study that lists slides",
            remedy="set it to 0",
        )
    slides.check()
    return slides


def _tune_backbone(
    run: TrainingRun, fitted: dict[str, list[Member]], slides: SlideAccess
) -> tuple[TrainingRun, dict[str, Tensor] | None]:
    """Tune the last stage with the main model; where that helps, read the study again with the tuned encoder."""
    kind, scratch = run.config.model, run.work.place / "finetune.maps.npy"
    models = [member.model for member in fitted[kind]]
    data = TuningData(run.study, run.scaled, run.split, run.config)
    tuned = finetune(data, models, access=slides, scratch=scratch, progress=run.progress, journal=run.journal)
    if tuned.stage is None:
        return run, None
    fitted[kind] = [replace(m, model=model) for m, model in zip(fitted[kind], tuned.models, strict=True)]
    study = slides.study(tuned_encoder(slides.encoder, tuned.stage), run.progress)
    # The stage has seen every training patient, whichever of them a member left out.
    config = run.config.model_copy(update={"calibrate_on": "validation"})
    return replace(run, study=study, scaled=ScaledStudy(study, run.scalers), config=config), tuned.stage


def _fit(run: TrainingRun, kind: Kind, arms: list[list[Member]]) -> list[Member]:
    architecture = model_config(run.scaled, run.config, kind)
    return [
        _fit_one(run, architecture, index, [members[index].model for members in arms])
        for index in range(run.config.n_members)
    ]


def _fit_one(run: TrainingRun, architecture: ModelConfig, index: int, arms: list[MultimodalModel]) -> Member:
    kind, config = cast(Kind, architecture.kind), run.config
    name = f"{kind}-{index}"
    done = (run.kinds.index(kind) * config.n_members + index) * config.epochs
    kept = run.work.load(name, architecture)
    if kept is None:
        kept = fit_member(
            run.scaled,
            run.split,
            config,
            model=architecture,
            index=index,
            arms=arms,
            keep=run.work.epoch_file(name),
            on_epoch=lambda epoch, _: run.progress(done + epoch, run.total, f"training {name}"),
            journal=run.journal,
            start=None if kind != config.model else run.beginning(index),
        )
        run.work.save(name, kept)
        run.journal.add("member", member=name, best_epoch=kept.best_epoch, epochs=len(kept.history))
    run.progress(done + config.epochs, run.total, f"trained {name}")
    return kept


def _score(run: TrainingRun, members: list[Member]) -> Scored:
    """Calibrate and choose the threshold on patients not trained on; score the test patients."""
    models = [m.model for m in members]
    logits, labels = _held_out(run, models)
    point = operating_point(logits, labels, sensitivity=run.config.sensitivity)
    test = raw_logits(models, run.scaled, run.split.test).mean(axis=0)
    calibrated = point.calibration.slope * test + point.calibration.intercept
    return Scored(np.asarray(1 / (1 + np.exp(-calibrated))), point.threshold, point.calibration)


def _held_out(run: TrainingRun, models: list[MultimodalModel]) -> tuple[F64, Mask]:
    """Raw logits (members, n), NaN where a member was trained on the patient, and labels of these patients."""
    val, config, labels = run.split.val, run.config, run.study.responder
    known = raw_logits(models, run.scaled, val)
    if config.calibrate_on == "validation":
        return known, labels[val]
    column = {int(row): k for k, row in enumerate(run.split.train)}
    train = np.full((len(models), len(column)), np.nan)
    for index, model in enumerate(models):
        rng = np.random.default_rng([config.seed, index])
        _, left_out = member_rows(run.split.train, labels, config, index=index, rng=rng)
        if len(left_out):
            train[index, [column[int(row)] for row in left_out]] = raw_logits([model], run.scaled, left_out)[0]
    judged = np.isfinite(train).any(axis=0)
    rows: I32 = np.concatenate([val, run.split.train[judged]])
    return np.concatenate([known, train[:, judged]], axis=1), labels[rows]
