"""Models side by side on the same test patients and the same bootstrap resamples."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from icicore.evaluation.bootstrap import all_metrics, resamples
from icicore.evaluation.threshold import sensitivity_first
from icicore.models.spec import Calibration
from icicore.training.config import TrainConfig
from icicore.training.dataset import ScaledStudy, StudyData
from icicore.training.splits import Split
from icicore.types import F64, I32, Json


@dataclass(frozen=True, eq=False)
class Scored:
    """Calibrated probability of each test patient, float64 (n_test,), and the threshold chosen on validation."""

    probability: F64
    threshold: float
    calibration: Calibration = Calibration()


def held_out_metrics(scored: Mapping[str, Scored], study: StudyData, split: Split, config: TrainConfig) -> Json:
    """Metrics of every model on the test patients with 95 % intervals; all models share the resamples."""
    labels = study.responder[split.test]
    draws = resamples(labels, np.random.default_rng([config.seed, 2]), n=config.bootstrap)
    models = {}
    for name, model in scored.items():
        estimates = all_metrics(labels, model.probability, threshold=model.threshold, draws=draws)
        values = {metric: estimate.to_json() for metric, estimate in estimates.items()}
        models[name] = {"n": len(labels), "threshold": model.threshold, **values}
    return {"split": "test", "bootstrap": config.bootstrap, "models": models}


def clinical_regression(study: ScaledStudy, split: Split, config: TrainConfig) -> Scored:
    """Logistic regression on the scaled clinical values; unknown values stand at the training mean."""
    model = LogisticRegression(max_iter=1000)
    model.fit(_clinical(study, split.train), study.labels[split.train])
    val, test = (model.predict_proba(_clinical(study, rows))[:, 1] for rows in (split.val, split.test))
    return Scored(test, sensitivity_first(study.labels[split.val], val, at_least=config.sensitivity))


def _clinical(study: ScaledStudy, rows: I32) -> F64:
    values = [study.cases[i].clinical_values for i in rows]
    width = next((len(v) for v in values if v is not None), 4)
    return np.stack([np.zeros(width) if v is None else v.double().numpy() for v in values])
