"""The comparison scores of every patient of a study, before anything is split."""

import numpy as np

from icicore.evaluation.comparators import ComparatorInputs, comparator_scores
from icicore.training.dataset import StudyData
from icicore.types import F64


def study_scores(study: StudyData) -> dict[str, F64]:
    """Scores (N,) by their short names, see ``comparator_scores``; NaN where inputs are missing."""
    ages = [np.nan if c is None or c.age is None else float(c.age) for c in study.clinical]
    inputs = ComparatorInputs(
        tokens=study.tokens,
        kinds=study.token_kinds,
        values=study.gene_values,
        measured=study.gene_measured,
        tumour_types=study.tumour_types,
        ages=np.array(ages),
        routine=study.routine,
    )
    return comparator_scores(inputs)
