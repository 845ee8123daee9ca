"""What an evaluation works on: the study, the test patients, and the scores of all bundles and comparators."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from icicore.errors import StudyError
from icicore.evaluation.evaluate import Scores
from icicore.models.bundle import ModelBundle
from icicore.training.dataset import StudyData
from icicore.training.tissue import TissueMeasures, tissue_measures
from icicore.types import F64, Mask, Progress
from icicore.workflows.evaluation.comparators import comparators
from icicore.workflows.evaluation.faithfulness import FaithfulnessLimits
from icicore.workflows.evaluation.features import FeatureLimits
from icicore.workflows.evaluation.patients import TestPatients, find_test_patients, on_scale_of
from icicore.workflows.evaluation.scoring import CohortScorer, scaled_cases
from icicore.workflows.evaluation.truth import Truth, read_truth

_MAIN_KINDS = ("multimodal", "concat", "genomic", "image", "clinical")


@dataclass(frozen=True)
class EvaluationSpec:
    """Seed, resamples and how much work the explanations may do; the same spec gives the same report."""

    seed: int = 0
    bootstrap: int = 1000
    features: FeatureLimits = field(default_factory=FeatureLimits)
    faithfulness: FaithfulnessLimits = field(default_factory=FaithfulnessLimits)

    def rng(self, part: str) -> np.random.Generator:
        """Generator of one part, so that a change of one part leaves the others as they were."""
        return np.random.default_rng([self.seed, *part.encode()])


@dataclass(frozen=True, eq=False)
class Prepared:
    """A study, its test patients and what every bundle says about them."""

    study_dir: Path
    study: StudyData
    bundles: tuple[ModelBundle, ...]
    patients: TestPatients
    scorers: tuple[CohortScorer, ...]
    scores: tuple[Scores, ...]
    truth: Truth | None
    tissue: TissueMeasures
    spec: EvaluationSpec
    progress: Progress

    @property
    def y(self) -> Mask:
        """Responder, bool (n,)."""
        return np.asarray(self.study.responder[self.patients.rows])

    @property
    def main(self) -> int:
        """The bundle that is examined closely: the first multimodal one, or the next best kind."""
        kinds = [b.spec.model.kind for b in self.bundles]

        def order(k: int) -> tuple[bool, int]:
            known = _MAIN_KINDS.index(kinds[k]) if kinds[k] in _MAIN_KINDS else len(_MAIN_KINDS)
            return not self.scorers[k].present.any(), known

        return min(range(len(kinds)), key=order)


def prepare(
    study: StudyData, study_dir: Path, bundles: Sequence[ModelBundle], spec: EvaluationSpec, progress: Progress
) -> Prepared:
    """Find the test patients and score them with everything.

    Raises
    ------
    InputError
        a bundle does not fit the study, or too few test patients are left
    """
    patients = find_test_patients(study, [b.spec for b in bundles])
    _check_size(study, patients)
    scorers = tuple(
        CohortScorer(b, scaled_cases(on_scale_of(b.spec, study), b, patients.rows), progress=progress) for b in bundles
    )
    if not any(scorer.present.any() for scorer in scorers):
        raise StudyError(
            study.name,
            "holds nothing that these bundles look at",
            expected="their modalities",
            remedy="use other bundles",
        )
    scores = [
        Scores(name, _probability(scorer), bundle=b.name, threshold=b.spec.threshold)
        for name, b, scorer in zip(_names(bundles), bundles, scorers, strict=True)
    ]
    progress(0, 1, "measuring tissue")
    return Prepared(
        study_dir=study_dir,
        study=study,
        bundles=tuple(bundles),
        patients=patients,
        scorers=scorers,
        scores=(*scores, *comparators(study, patients, bundles[0])),
        truth=read_truth(study_dir, [study.patients[i] for i in patients.rows]) if study.virtual else None,
        tissue=tissue_measures(study, patients.rows),
        spec=spec,
        progress=progress,
    )


def _check_size(study: StudyData, patients: TestPatients) -> None:
    if len(patients.rows) < 20:
        raise StudyError(
            study.name,
            f"{len(patients.rows)} test patients are too few for an evaluation",
            expected="at least 20",
            remedy="use a larger study",
        )


def _names(bundles: Sequence[ModelBundle]) -> list[str]:
    """Kind of each bundle; with its name where two are of one kind."""
    kinds = [b.spec.model.kind for b in bundles]
    return [k if kinds.count(k) == 1 else f"{k} ({b.name})" for k, b in zip(kinds, bundles, strict=True)]


def _probability(scorer: CohortScorer) -> F64:
    """Calibrated probability (n,); NaN for all when nobody has anything that the bundle looks at."""
    if not scorer.present.any():
        return np.full(len(scorer.cases), np.nan)
    return np.asarray(1 / (1 + np.exp(-scorer.logit())), np.float64)
