"""Simple scores to beat: TMB, PD-L1, published scores, and a logistic regression on the clinical values."""

from collections.abc import Mapping

import numpy as np

from icicore.evaluation.evaluate import Scores
from icicore.evaluation.threshold import sensitivity_first
from icicore.models.bundle import ModelBundle
from icicore.training.comparison import clinical_regression
from icicore.training.config import TrainConfig
from icicore.training.dataset import ScaledStudy, Scalers, StudyData
from icicore.training.simple_scores import study_scores
from icicore.types import F64, I32, Mask
from icicore.workflows.evaluation.patients import TestPatients

REGRESSION = "clinical logistic regression"
SENSITIVITY = 0.90
NAMES = {"tmb": "TMB", "pdl1": "PD-L1 (CD274)", "signature": "T-cell-inflamed signature", "loris": "LORIS"}


def comparators(study: StudyData, patients: TestPatients, bundle: ModelBundle) -> list[Scores]:
    """Scores of the test patients; a comparator that nobody has the inputs for is left out.

    Thresholds are chosen on the validation patients, as for the models; an external study has none, so comparators have
    no threshold there.
    """
    found = [_score(study, patients, name, values) for name, values in simple_scores(study).items()]
    found = [s for s in found if s.known.any()]
    if patients.split is not None and any(c is not None and not c.empty for c in study.clinical):
        scaled = ScaledStudy(study, Scalers(bundle.spec.token_scaler, bundle.spec.clinical_scaler))
        fitted = clinical_regression(scaled, patients.split, TrainConfig())
        found.append(Scores(REGRESSION, fitted.probability, threshold=fitted.threshold))
    return found


def simple_scores(study: StudyData) -> Mapping[str, F64]:
    """Score (N,) of all patients of the study by name; NaN where inputs are missing."""
    return {NAMES[name]: values for name, values in study_scores(study).items()}


def _score(study: StudyData, patients: TestPatients, name: str, values: F64) -> Scores:
    threshold = None
    if patients.split is not None:
        threshold = _threshold(study.responder, values, patients.split.val)
    return Scores(name, values[patients.rows], threshold=threshold, probability=False)


def _threshold(y: Mask, values: F64, rows: I32) -> float | None:
    known = rows[np.isfinite(values[rows])]
    if not len(known) or not y[known].any():
        return None
    return sensitivity_first(y[known], values[known], at_least=SENSITIVITY)
