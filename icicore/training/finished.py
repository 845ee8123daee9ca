"""A finished training on disk: the bundle, what it says of itself, and its comparison models."""

import importlib.metadata
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from icicore import __version__
from icicore.models.bundle import ModelBundle, save_bundle
from icicore.models.drift import write_drift
from icicore.models.spec import BundleSpec
from icicore.models.zoo import Ensemble
from icicore.training.card import write_card
from icicore.training.comparison import Scored, held_out_metrics
from icicore.training.config import Kind, TrainConfig
from icicore.training.drift import training_drift
from icicore.training.fit import Member, mean_slide_embedding, model_config
from icicore.training.grades import UNKNOWN
from icicore.training.leakage import PARTS, case_hash
from icicore.training.reference import training_reference
from icicore.training.run import TrainingRun
from icicore.training.successor import lineage
from icicore.types import I32, Json


def save_comparison(run: TrainingRun, out: Path, kind: Kind, scored: Scored, members: list[Member]) -> None:
    """Write a comparison model as a bundle of its own beside the main one, with its own calibration and threshold."""
    name = None if run.config.name is None else f"{run.config.name}-{kind}"
    config = run.config.model_copy(update={"model": kind, "name": name})
    metrics = held_out_metrics({kind: scored}, run.study, run.split, config)
    place = out.with_name(f"{out.name}-{kind}")
    save_model(run, place, bundle_spec(run, place.name, config, scored, metrics, members), {kind: members})


def save_model(
    run: TrainingRun,
    out: Path,
    spec: BundleSpec,
    fitted: Mapping[str, list[Member]],
    *,
    stage: dict[str, Tensor] | None = None,
) -> ModelBundle:
    """Write the bundle with its card, its reference of the training patients and what drift is measured from."""
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


def bundle_spec(
    run: TrainingRun, folder: str, config: TrainConfig, scored: Scored, metrics: Json, members: list[Member]
) -> BundleSpec:
    """Everything a bundle says of itself: architecture, inputs, operating point, patients, recipe, test metrics."""
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


def _cohort(run: TrainingRun, prevalence: float) -> Json:
    """What the bundle says of its patients; the split is stored as salted hashes, which name nobody."""
    study, salt = run.study, run.salt
    parts: dict[str, I32] = {part: getattr(run.split, part) for part in PARTS}
    slides = study.slide_digests or ((),) * len(study)
    return {
        "study": study.name,
        **({"studies": list(study.pooled)} if study.pooled else {}),
        "virtual": study.virtual,
        "n": {part: len(rows) for part, rows in parts.items()},
        "responders": {part: int(study.responder[rows].sum()) for part, rows in parts.items()},
        "graded": 0 if study.grades is None else int((study.grades[run.split.train] != UNKNOWN).sum()),
        "prevalence": prevalence,
        "tumour_types": {t: study.tumour_types.count(t) for t in sorted(set(study.tumour_types))},
        "salt": salt,
        "case_hashes": {part: [case_hash(salt, study.patients[i]) for i in rows] for part, rows in parts.items()},
        "slide_hashes": {
            part: [case_hash(salt, digest) for i in rows for digest in slides[i]] for part, rows in parts.items()
        },
    }
