"""The published formula: a worked example, its caps, what is missing, and the cohort it was made on."""

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from icicore.evaluation.loris import TUMOUR_TERMS, loris, loris_nsclc
from icicore.evaluation.metrics import auc_roc
from tests.shared_data import shared

INPUTS = {"tmb": 10.0, "systemic_history": 1.0, "albumin": 4.0, "nlr": 3.0, "age": 60.0, "tumour_type": "melanoma"}


def test_a_worked_example():
    # 0.371 - 0.8775 + 2.1528 - 0.099 + 0.294 - 0.0086 - 2.0886 = -0.2559
    assert loris(**INPUTS) == pytest.approx(1 / (1 + math.exp(0.2559)), abs=1e-6)
    # 0.353 + 0.555 - 0.375 + 1.1696 - 0.0309 - 1.5593 = 0.1124
    score = loris_nsclc(tmb=10.0, pdl1_tps=50.0, systemic_history=1.0, albumin=4.0, nlr=3.0)
    assert score == pytest.approx(1 / (1 + math.exp(-0.1124)), abs=1e-6)


@pytest.mark.parametrize(("name", "most"), [("tmb", 50.0), ("nlr", 25.0), ("age", 85.0)])
def test_large_values_are_capped(name, most):
    assert loris(**INPUTS | {name: most + 40}) == loris(**INPUTS | {name: most})


@pytest.mark.parametrize("name", ["tmb", "systemic_history", "albumin", "nlr", "age"])
@pytest.mark.parametrize("absent", [None, float("nan")])
def test_a_missing_input_gives_no_score(name, absent):
    assert loris(**INPUTS | {name: absent}) is None
    assert loris(**INPUTS | {name: 0.0}) is not None  # zero is a value


def test_a_tumour_without_a_term_gives_no_score():
    assert loris(**INPUTS | {"tumour_type": "glioma"}) is None
    assert loris(**INPUTS | {"tumour_type": "Urothelial"}) == loris(**INPUTS | {"tumour_type": "bladder"})


def test_the_training_cohort_is_reproduced():
    """AUC as published, and nearly the ranking of a regression fitted anew on the same six inputs."""
    table = pd.read_csv(shared("cohorts/loris/chowell_train.csv"))
    kinds = table["CancerType"].str.lower().str.replace("&", "and")
    assert set(kinds) == set(TUMOUR_TERMS)
    columns = ["TMB", "Systemic_therapy_history", "Albumin", "NLR", "Age"]
    rows = table[columns].to_numpy(np.float64)
    scores = np.array(
        [loris(tmb=r[0], systemic_history=r[1], albumin=r[2], nlr=r[3], age=r[4], tumour_type=k)
         for r, k in zip(rows, kinds, strict=True)], np.float64
    )  # fmt: skip
    label = table["Response"].to_numpy() == 1
    assert auc_roc(label, scores) == pytest.approx(0.741, abs=0.003)
    capped = np.minimum(rows, [50, 1, 99, 25, 85])
    inputs = np.column_stack([(capped - capped.mean(0)) / capped.std(0), pd.get_dummies(kinds)])
    again = LogisticRegression(C=0.1, max_iter=2000).fit(inputs, label).decision_function(inputs)
    assert pd.Series(scores).corr(pd.Series(again), method="spearman") > 0.95
