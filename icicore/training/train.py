"""Train a bundle from a study folder: members, calibration, threshold, test metrics, card."""

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from icicore import __version__
from icicore.embeddings.stage import tuned_encoder
from icicore.errors import InputError
from icicore.fingerprint import fingerprint
from icicore.models.bundle import ModelBundle, save_bundle
from icicore.models.drift import write_drift
from icicore.models.multimodal import ModelConfig, MultimodalModel
from icicore.models.spec import BundleSpec
from icicore.models.zoo import Ensemble
from icicore.training.card import write_card
from icicore.training.comparison import Scored, clinical_regression, held_out_metrics
from icicore.training.config import Kind, TrainConfig
from icicore.training.dataset import ScaledStudy, Scalers, StudyData
from icicore.training.drift import training_drift
from icicore.training.finetune import TuningData, finetune
from icicore.training.fit import (
    Beginning,
    Member,
    fit_member,
    mean_slide_embedding,
    member_rows,
    model_config,
    raw_logits,
)
from icicore.training.heldout import operating_point
from icicore.training.journal import JOURNAL, Journal
from icicore.training.leakage import PARTS, case_hash, part_of
from icicore.training.plan import arms_of, order, order_without_arms, reported
from icicore.training.reference import training_reference
from icicore.training.slide_access import SlideAccess
from icicore.training.splits import Split
from icicore.training.study import EmbedSlide, log_left_out, read_study
from icicore.training.successor import After, check_architecture, lineage, member_of, scalers_of
from icicore.training.workfolder import WorkFolder
from icicore.types import F64, I32, Json, Mask, Progress, no_progress


@dataclass(frozen=True, eq=False)
class _Run:
    """What all models of one training run share."""

    study: StudyData
    scaled: ScaledStudy
    scalers: Scalers
    split: Split
    config: TrainConfig
    kinds: tuple[Kind, ...]
    work: WorkFolder
    progress: Progress
    salt: str
    journal: Journal
    parent: ModelBundle | None = None

    @property
    def total(self) -> int:
        """Epochs of all models together, the unit of progress."""
        return len(self.kinds) * self.config.n_members * self.config.epochs

    def beginning(self, index: int) -> Beginning | None:
        """What a member of the main model begins with; None from scratch."""
        if self.parent is None:
            return None
        known = part_of(self.parent.spec.cohort, self.study.patients)
        seen = np.array([row for row, part in enumerate(known) if part is not None], np.int32)
        return Beginning(member_of(self.parent, index), seen)


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
    run = _prepare(study, out, config, progress, after=after or After())
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
            _save_comparison(run, out, kind, scored[kind], fitted[kind])
    spec = _spec(final, out.name, final.config, scored[config.model], metrics, fitted[config.model])
    bundle = _save(final, out, spec, fitted, stage=stage)
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
    run: _Run, fitted: dict[str, list[Member]], slides: SlideAccess
) -> tuple[_Run, dict[str, Tensor] | None]:
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


def _save_comparison(run: _Run, out: Path, kind: Kind, scored: Scored, members: list[Member]) -> None:
    """Write a comparison model as a bundle of its own beside the main one, with its own calibration and threshold."""
    name = None if run.config.name is None else f"{run.config.name}-{kind}"
    config = run.config.model_copy(update={"model": kind, "name": name})
    metrics = held_out_metrics({kind: scored}, run.study, run.split, config)
    place = out.with_name(f"{out.name}-{kind}")
    _save(run, place, _spec(run, place.name, config, scored, metrics, members), {kind: members})


def _save(
    run: _Run,
    out: Path,
    spec: BundleSpec,
    fitted: Mapping[str, list[Member]],
    *,
    stage: dict[str, Tensor] | None = None,
) -> ModelBundle:
    models = [member.model for member in fitted[spec.model.kind]]
    baseline = torch.stack([mean_slide_embedding(model, run.scaled, run.split.train) for model in models])
    ensemble = Ensemble(models).eval()
    bundle = save_bundle(
        out,
        ensemble,
        spec,
        write_card(spec),
        baseline_slide=baseline,
        backbone_stage=stage,
        reference=training_reference(run.study, run.split.train),
    )
    inputs = training_drift(run.study, run.split.train, rng=np.random.default_rng([run.config.seed, 9]))
    write_drift(out, bundle.digest, inputs)
    return bundle


def _prepare(study: StudyData, out: Path, config: TrainConfig, progress: Progress, *, after: After) -> _Run:
    split, parent = after.split(study, config.seed), after.parent
    if parent is not None:  # its weights have seen the training patients, whichever of them a member leaves out
        config = config.model_copy(update={"calibrate_on": "validation"})
    scalers = Scalers.fit(study, split.train) if parent is None else scalers_of(parent)
    digest = study.digest()
    key = fingerprint(digest, config.model_dump(mode="json"), __version__, *after.marks)
    work = WorkFolder(out.parent / f".{out.name}.work", key)
    run = _Run(
        study=study,
        scaled=ScaledStudy(study, scalers),
        scalers=scalers,
        split=split,
        config=config,
        kinds=order(config) if parent is None else order_without_arms(config),
        work=work,
        progress=progress,
        salt=fingerprint(digest, "case hashes")[:16],
        journal=Journal(work.place / JOURNAL),
        parent=parent,
    )
    if parent is not None:
        check_architecture(parent, study, model_config(run.scaled, config, config.model))
    _announce(run)
    return run


def _announce(run: _Run) -> None:
    """Tell the journal what is going to be done."""
    run.journal.mend()
    run.journal.add(
        "run",
        kinds=list(run.kinds),
        members=run.config.n_members,
        epochs=run.config.epochs,
        batch_size=run.config.batch_size,
        tiles_per_bag=run.config.tiles_per_bag,
        device=run.config.device,
        patients={part: len(getattr(run.split, part)) for part in PARTS},
        parent=None if run.parent is None else run.parent.spec.name,
    )


def _fit(run: _Run, kind: Kind, arms: list[list[Member]]) -> list[Member]:
    architecture = model_config(run.scaled, run.config, kind)
    return [
        _fit_one(run, architecture, index, [members[index].model for members in arms])
        for index in range(run.config.n_members)
    ]


def _fit_one(run: _Run, architecture: ModelConfig, index: int, arms: list[MultimodalModel]) -> Member:
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


def _score(run: _Run, members: list[Member]) -> Scored:
    """Calibrate and choose the threshold on patients not trained on; score the test patients."""
    models = [m.model for m in members]
    logits, labels = _held_out(run, models)
    point = operating_point(logits, labels, sensitivity=run.config.sensitivity)
    test = raw_logits(models, run.scaled, run.split.test).mean(axis=0)
    calibrated = point.calibration.slope * test + point.calibration.intercept
    return Scored(np.asarray(1 / (1 + np.exp(-calibrated))), point.threshold, point.calibration)


def _held_out(run: _Run, models: list[MultimodalModel]) -> tuple[F64, Mask]:
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


def _spec(
    run: _Run, folder: str, config: TrainConfig, scored: Scored, metrics: Json, members: list[Member]
) -> BundleSpec:
    study, prevalence = run.study, float(run.study.responder[run.split.train].mean())
    name = config.name or folder
    if study.virtual and "virtual" not in name.lower():
        name = f"{name}-virtual"
    recipe = config.model_dump(mode="json", exclude={"name"})
    history = {f"member {k}": [round(v, 4) for v in m.history] for k, m in enumerate(members)}
    return BundleSpec(
        name=name,
        virtual=study.virtual,
        model=model_config(run.scaled, config, config.model),
        members=len(members),
        panel=study.panel,
        tokens=study.tokens,
        token_kinds=study.token_kinds,
        token_scaler=run.scalers.tokens,
        clinical_scaler=run.scalers.clinical,
        backbone=study.backbone,
        backbone_digest=study.backbone_digest,
        grid=study.grid,
        stain=study.stain,
        calibration=scored.calibration,
        threshold=scored.threshold,
        base_logit=float(np.log(prevalence / (1 - prevalence))),
        cohort=_cohort(run, prevalence),
        training=recipe
        | ({} if run.parent is None or config.model != run.config.model else {"parent": dict(lineage(run.parent))})
        | {"best_epochs": [m.best_epoch for m in members], "selection_auc": history},
        metrics=metrics,
        created_with={"icicore": __version__}
        | {n: importlib.metadata.version(n) for n in ("torch", "lightning", "numpy")},
    )


def _cohort(run: _Run, prevalence: float) -> Json:
    """What the bundle says of its patients; the split is stored as salted hashes, which name nobody."""
    study, salt = run.study, run.salt
    parts: dict[str, I32] = {part: getattr(run.split, part) for part in PARTS}
    slides = study.slide_digests or ((),) * len(study)
    return {
        "study": study.name,
        "virtual": study.virtual,
        "n": {part: len(rows) for part, rows in parts.items()},
        "responders": {part: int(study.responder[rows].sum()) for part, rows in parts.items()},
        "prevalence": prevalence,
        "tumour_types": {t: study.tumour_types.count(t) for t in sorted(set(study.tumour_types))},
        "salt": salt,
        "case_hashes": {part: [case_hash(salt, study.patients[i]) for i in rows] for part, rows in parts.items()},
        "slide_hashes": {
            part: [case_hash(salt, digest) for i in rows for digest in slides[i]] for part, rows in parts.items()
        },
    }
