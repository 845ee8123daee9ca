"""Distributions of the training patients, saved beside a bundle, so that a case can be placed among them."""

import numpy as np

from icicore.clinical.features import NAMES, encode
from icicore.evaluation.calibration import platt
from icicore.models.reference import N_QUANTILES, Distribution, Reference, score_scale
from icicore.training.dataset import StudyData
from icicore.training.simple_scores import study_scores
from icicore.training.tissue import tissue_measures
from icicore.types import F32, F64, I32, Mask

_WITHIN_COHORT = ("signature",)
"""Scores that are standardised over the patients given: they place nobody from outside."""
_FEWEST = 20
"""With fewer training patients a regression on one score says nothing."""


def training_reference(study: StudyData, rows: I32) -> Reference:
    """Distributions over the patients at ``rows``, which must be those of the training part alone."""
    values, measured = study.gene_values[rows], study.gene_measured[rows]
    scores = {k: v[rows] for k, v in study_scores(study).items() if k not in _WITHIN_COHORT}
    scores = {k: v for k, v in scores.items() if np.isfinite(v).any()}
    count = measured.sum(axis=0)
    mean = np.where(measured, values, 0).sum(axis=0, dtype=np.float64) / np.maximum(count, 1)
    return Reference(
        genes=_gene_quantiles(values, measured),
        gene_n=count.astype(np.int32),
        gene_mean=mean.astype(np.float32),
        clinical=_clinical(study, rows),
        measures={name: Distribution.of(found) for name, found in tissue_measures(study, rows).named.items()},
        scores={name: Distribution.of(found) for name, found in scores.items()},
        score_rates=_rates(scores, study.responder[rows]),
    )


def _gene_quantiles(values: F32, measured: Mask) -> F32:
    """Float32 (T, 101)."""
    found = np.full((values.shape[1], N_QUANTILES), np.nan, np.float32)
    share = np.linspace(0, 1, N_QUANTILES)
    whole = measured.all(axis=0)
    if len(values):
        found[whole] = np.quantile(values[:, whole], share, axis=0).T
    for token in np.flatnonzero(~whole & measured.any(axis=0)):
        found[token] = np.quantile(values[measured[:, token], token], share)
    return found


def _clinical(study: StudyData, rows: I32) -> dict[str, Distribution]:
    known = [encode(c) for c in (study.clinical[int(i)] for i in rows) if c is not None]
    if not known:
        return {}
    values = np.array([np.where(there, raw, np.nan) for raw, there in known], np.float32)
    return {name: Distribution.of(values[:, k]) for k, name in enumerate(NAMES)}


def _rates(scores: dict[str, F64], responder: Mask) -> dict[str, tuple[float, float]]:
    """Intercept and slope of a logistic regression on each score alone."""
    found = {}
    for name, values in scores.items():
        known = np.isfinite(values)
        labels = responder[known]
        if known.sum() < _FEWEST or labels.all() or not labels.any():
            continue
        slope, intercept = platt(score_scale(name, values[known]), labels)
        found[name] = (intercept, slope)
    return found
