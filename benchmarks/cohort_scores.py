"""Scores of real patients: models trained on other cohorts or other folds, and the simple scores they must match."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from icicore.clinical.features import ClinicalScaler
from icicore.evaluation.comparators import ComparatorInputs, comparator_scores
from icicore.genomics.features import TokenScaler
from icicore.models.bundle import ModelBundle
from icicore.training.config import TrainConfig
from icicore.training.dataset import ScaledStudy, Scalers, StudyData
from icicore.training.fit import fit_member, model_config, raw_logits
from icicore.training.pool import aligned_to
from icicore.training.splits import Split, stratified_folds
from icicore.training.train import train_on
from icicore.types import F32, F64, I32, Mask

Fit = Callable[[StudyData, I32, I32], F64]
"""Fitted on rows of the study, scores of other rows of it; NaN where the score is undefined."""
SEEN = 0.03
"""A gene counts for the elastic net when at least this share of the training patients has it mutated."""


def simple_scores(study: StudyData) -> dict[str, F64]:
    """Scores that need no fitting, of all patients; those that nobody has the inputs for are left out."""
    ages = np.array([np.nan if c is None or c.age is None else float(c.age) for c in study.clinical])
    genes = (study.tokens, study.token_kinds, study.gene_values, study.gene_measured)
    found = comparator_scores(ComparatorInputs(*genes, study.tumour_types, ages, study.routine))
    return {name: values for name, values in found.items() if np.isfinite(values).any()}


def clinical_regression(study: StudyData, train: I32, test: I32) -> F64:
    """Logistic regression on age, sex, ECOG and LDH; unknown values stand at the training mean."""
    known = np.array([c is not None and not c.empty for c in study.clinical])
    scaler = ClinicalScaler.fit([study.clinical[i] for i in train if known[i]])

    def inputs(rows: I32) -> F32:
        return np.stack([scaler.transform(study.clinical[i])[0] if known[i] else np.zeros(4, np.float32) for i in rows])

    if len(set(study.responder[train])) < 2 or not known[train].any():
        return np.full(len(test), np.nan)
    model = LogisticRegression(max_iter=1000).fit(inputs(train), study.responder[train])
    return np.where(known[test], model.decision_function(inputs(test)), np.nan)


def elastic_net(study: StudyData, train: I32, test: I32) -> F64:
    """Elastic net on the mutated panel genes and the burden; genes are selected and scaled on the training rows."""
    kinds = np.array(study.token_kinds)
    binary, tmb = np.flatnonzero(kinds == "mutation"), int(np.flatnonzero(kinds == "tmb")[0])
    has = study.gene_measured[:, binary].any(axis=1)
    fit_rows = train[has[train]]
    if len(set(study.responder[fit_rows])) < 2:
        return np.full(len(test), np.nan)
    genes = binary[study.gene_values[np.ix_(fit_rows, binary)].mean(axis=0) >= SEEN]
    scaler = TokenScaler.fit(study.gene_values[fit_rows], study.gene_measured[fit_rows], n_binary=len(binary))
    scaled = scaler.transform(study.gene_values, study.gene_measured)[0][:, [*genes, tmb]]
    model = LogisticRegression(l1_ratio=0.5, C=0.1, solver="saga", max_iter=5000, random_state=0)
    model.fit(scaled[fit_rows], study.responder[fit_rows])
    return np.where(has[test], model.decision_function(scaled[test]), np.nan)


FITTED: dict[str, Fit] = {"clinical regression": clinical_regression, "elastic net": elastic_net}


def transferred(fit: Fit, pool: StudyData, test: StudyData) -> F64:
    """Scores of a test cohort by a simple model fitted on all patients of the pool."""
    both = replace(
        pool,
        responder=np.concatenate([pool.responder, np.zeros(len(test), np.bool_)]),  # labels of the test stay unseen
        grades=None,
        gene_values=np.concatenate([pool.gene_values, test.gene_values]),
        gene_measured=np.concatenate([pool.gene_measured, test.gene_measured]),
        clinical=(*pool.clinical, *test.clinical),
    )
    n = len(pool)
    return fit(both, np.arange(n, dtype=np.int32), np.arange(n, n + len(test), dtype=np.int32))


def trained_bundle(pool: StudyData, kind: str, folder: Path, *, members: int, epochs: int, seed: int) -> ModelBundle:
    """The package's own model, trained on the pool as ``icicore train`` does."""
    config = TrainConfig(model=kind, members=members, epochs=epochs, seed=seed, comparisons=(), device="cpu")
    return train_on(pool, folder / f"{pool.name}-{kind}", config)


def bundle_scores(bundle: ModelBundle, study: StudyData, *, align: bool) -> F64:
    """Calibrated logit of each patient of an external cohort; NaN where a patient has nothing the model looks at."""
    shown = aligned_to(study, bundle.spec.token_scaler) if align else study
    scaled = ScaledStudy(shown, Scalers(bundle.spec.token_scaler, bundle.spec.clinical_scaler))
    rows = np.arange(len(study), dtype=np.int32)
    raw = raw_logits(list(bundle.model.members), scaled, rows).mean(axis=0)
    used = bundle.model.used.numpy()
    present = np.array([bool((case.present.numpy() & used).any()) for case in scaled.cases])
    return np.where(present, bundle.spec.calibration.slope * raw + bundle.spec.calibration.intercept, np.nan)


def own_model(kind: str, *, epochs: int, seed: int) -> Fit:
    """The package's own model as a fit: one member, its epoch chosen on a fifth of the training rows."""

    def fit(study: StudyData, train: I32, test: I32) -> F64:
        inner = stratified_folds(train, study.responder, 5, rng=np.random.default_rng([seed, 7]))
        split = Split(np.setdiff1d(train, inner[0]), inner[0], test)
        config = TrainConfig(model=kind, members=1, epochs=epochs, seed=seed, arms_first=False, device="cpu")
        scaled = ScaledStudy(study, Scalers.fit(study, split.train))
        member = fit_member(scaled, split, config, model=model_config(scaled, config, kind), index=0)
        has = study.gene_measured[test].any(axis=1) if kind == "genomic" else np.ones(len(test), np.bool_)
        return np.where(has, raw_logits([member.model], scaled, test)[0], np.nan)

    return fit


def measured_rows(study: StudyData, *, fewest: int = 200) -> Mask:
    """Patients with expression."""
    expression = np.array(study.token_kinds) == "expression"
    return study.gene_measured[:, expression].sum(axis=1) >= fewest
