"""Train a bundle from a study folder: members, calibration, threshold, test metrics, card."""

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from icicore import __version__
from icicore.evaluation.calibration import platt
from icicore.evaluation.threshold import sensitivity_first
from icicore.fingerprint import fingerprint
from icicore.models.bundle import ModelBundle, save_bundle
from icicore.models.multimodal import ModelConfig, MultimodalModel
from icicore.models.spec import BundleSpec, Calibration
from icicore.models.zoo import Ensemble
from icicore.training.card import write_card
from icicore.training.comparison import Scored, clinical_regression, held_out_metrics
from icicore.training.config import TrainConfig
from icicore.training.dataset import ScaledStudy, Scalers, StudyData
from icicore.training.fit import Member, fit_member, mean_slide_embedding, model_config, raw_logits
from icicore.training.splits import Split, check_classes, split_patients
from icicore.training.study import EmbedSlide, read_study
from icicore.training.workfolder import WorkFolder
from icicore.types import F64, Json, Progress, no_progress

ARMS = ("image", "genomic", "clinical")
"""Models of one arm each, in the order of ``MODALITIES``."""


@dataclass(frozen=True, eq=False)
class _Run:
    """What all models of one training run share."""

    study: StudyData
    scaled: ScaledStudy
    scalers: Scalers
    split: Split
    config: TrainConfig
    kinds: tuple[str, ...]
    work: WorkFolder
    progress: Progress

    @property
    def total(self) -> int:
        """Epochs of all models together, the unit of progress."""
        return len(self.kinds) * self.config.members * self.config.epochs


def train(
    study_dir: Path,
    out: Path,
    config: TrainConfig,
    progress: Progress = no_progress,
    *,
    embed: EmbedSlide | None = None,
) -> ModelBundle:
    """Train and save a bundle, with its comparison models measured on the same held-out test patients.

    Finished members are kept in a work folder beside ``out``: the same command continues after an interruption as
    long as neither data nor recipe changed. ``out`` itself appears whole or not at all.

    Parameters
    ----------
    study_dir : see ``study.read_study``, which also explains ``embed``
    out : folder of the bundle; one that is there is replaced at the very end
    progress : counts epochs over all models; may raise ``Cancelled``

    Raises
    ------
    InputError
        the study cannot be read, or is too small for both classes in every part
    """
    study = read_study(study_dir, embed=embed, progress=progress)
    return train_on(study, out, config, progress)


def train_on(study: StudyData, out: Path, config: TrainConfig, progress: Progress = no_progress) -> ModelBundle:
    """Train on a study in memory; see ``train``."""
    run = _prepare(study, out, config, progress)
    fitted: dict[str, list[Member]] = {}
    for kind in run.kinds:
        fitted[kind] = _fit(run, kind, [fitted[arm] for arm in _arms_of(kind, config)])
    reported = dict.fromkeys((config.model, *(config.comparisons if config.model == "multimodal" else ())))
    scored: dict[str, Scored] = {kind: _score(run, fitted[kind]) for kind in reported if kind in fitted}
    if "clinical" in reported and config.model != "clinical":
        scored["clinical"] = clinical_regression(run.scaled, run.split, config)
    metrics = held_out_metrics(scored, study, run.split, config)
    main = fitted[config.model]
    ensemble = Ensemble([member.model for member in main]).eval()
    baseline = torch.stack([mean_slide_embedding(member.model, run.scaled, run.split.train) for member in main])
    spec = _spec(run, out, scored[config.model], metrics, main)
    bundle = save_bundle(out, ensemble, spec, write_card(spec), baseline_slide=baseline)
    run.work.remove()
    progress(run.total, run.total, "bundle saved")
    return bundle


def _prepare(study: StudyData, out: Path, config: TrainConfig, progress: Progress) -> _Run:
    split = split_patients(study.patients, study.strata, rng=np.random.default_rng([config.seed, 1]))
    check_classes(split, study.responder, study.name)
    scalers = Scalers.fit(study, split.train)
    key = fingerprint(study.digest(), config.model_dump(mode="json"), __version__)
    return _Run(
        study=study,
        scaled=ScaledStudy(study, scalers),
        scalers=scalers,
        split=split,
        config=config,
        kinds=_order(config),
        work=WorkFolder(out.parent / f".{out.name}.work", key),
        progress=progress,
    )


def _order(config: TrainConfig) -> tuple[str, ...]:
    """Kinds to fit, arms before what is built of them; clinical alone, for comparison, is a regression."""
    others = [k for k in config.comparisons if k != "clinical"] if config.model == "multimodal" else []
    asked = (*others, config.model)
    return tuple(dict.fromkeys((*(arm for kind in asked for arm in _arms_of(kind, config)), *asked)))


def _arms_of(kind: str, config: TrainConfig) -> tuple[str, ...]:
    return ARMS if config.arms_first and kind in ("multimodal", "concat") else ()


def _fit(run: _Run, kind: str, arms: list[list[Member]]) -> list[Member]:
    architecture = model_config(run.scaled, run.config, kind)
    return [
        _fit_one(run, architecture, index, [members[index].model for members in arms])
        for index in range(run.config.members)
    ]


def _fit_one(run: _Run, architecture: ModelConfig, index: int, arms: list[MultimodalModel]) -> Member:
    name, config = f"{architecture.kind}-{index}", run.config
    done = (run.kinds.index(architecture.kind) * config.members + index) * config.epochs
    kept = run.work.load(name, architecture)
    if kept is None:
        kept = fit_member(
            run.scaled,
            run.split,
            config,
            model=architecture,
            index=index,
            arms=arms,
            on_epoch=lambda epoch: run.progress(done + epoch, run.total, f"training {name}"),
        )
        run.work.save(name, kept)
    run.progress(done + config.epochs, run.total, f"trained {name}")
    return kept


def _score(run: _Run, members: list[Member]) -> Scored:
    """Calibrate and choose the threshold on validation patients; score the test patients."""
    models, labels = [m.model for m in members], run.study.responder
    val = raw_logits(models, run.scaled, run.split.val).mean(axis=0)
    slope, intercept = platt(val, labels[run.split.val])

    def probability(raw: F64) -> F64:
        return np.asarray(1 / (1 + np.exp(-(slope * raw + intercept))))

    threshold = sensitivity_first(labels[run.split.val], probability(val), at_least=run.config.sensitivity)
    test = raw_logits(models, run.scaled, run.split.test).mean(axis=0)
    return Scored(probability(test), threshold, Calibration(slope, intercept))


def _spec(run: _Run, out: Path, scored: Scored, metrics: Json, members: list[Member]) -> BundleSpec:
    study, prevalence = run.study, float(run.study.responder[run.split.train].mean())
    name = run.config.name or out.name
    if study.virtual and "virtual" not in name.lower():
        name = f"{name}-virtual"
    recipe = run.config.model_dump(mode="json", exclude={"name"})
    history = {f"member {k}": [round(v, 4) for v in m.history] for k, m in enumerate(members)}
    return BundleSpec(
        name=name,
        virtual=study.virtual,
        model=model_config(run.scaled, run.config, run.config.model),
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
        training={**recipe, "best_epochs": [m.best_epoch for m in members], "selection_auc": history},
        metrics=metrics,
        created_with={"icicore": __version__}
        | {n: importlib.metadata.version(n) for n in ("torch", "lightning", "numpy")},
    )


def _cohort(run: _Run, prevalence: float) -> Json:
    study, split = run.study, run.split
    salt = fingerprint(study.digest(), "case hashes")[:16]
    parts = {"train": split.train, "val": split.val, "test": split.test}
    types = {t: study.tumour_types.count(t) for t in sorted(set(study.tumour_types))}
    return {
        "study": study.name,
        "virtual": study.virtual,
        "n": {part: len(rows) for part, rows in parts.items()},
        "responders": {part: int(study.responder[rows].sum()) for part, rows in parts.items()},
        "prevalence": prevalence,
        "tumour_types": types,
        "salt": salt,
        "case_hashes": {
            part: [fingerprint(salt, study.patients[i])[:16] for i in rows] for part, rows in parts.items()
        },
    }
