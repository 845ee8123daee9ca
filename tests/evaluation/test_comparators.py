"""Simple scores: right direction, NaN where an input is missing, not moved by a batch."""

import numpy as np

from icicore.evaluation.comparators import COMPARATORS, INFLAMED, ComparatorInputs, comparator_scores
from icicore.evaluation.metrics import auc_roc

TOKENS = ("BRAF", "TMB", *INFLAMED)
KINDS = ("mutation", "tmb", *("expression",) * len(INFLAMED))


def inputs(n: int = 60, *, shift: float = 0.0) -> tuple[ComparatorInputs, np.ndarray]:
    rng = np.random.default_rng(0)
    label = rng.random(n) < 0.4
    values = rng.normal(size=(n, len(TOKENS))).astype(np.float32)
    values[:, 1] = np.log2(1 + rng.gamma(2, 4, n))
    values[:, 2:] += 1.5 * label[:, None] + shift
    measured = np.ones_like(values, np.bool_)
    ages = np.full(n, 60.0)
    ages[0] = np.nan
    routine = {name: np.full(n, v) for name, v in (("albumin", 4.0), ("nlr", 3.0), ("systemic_history", 0.0))}
    return ComparatorInputs(TOKENS, KINDS, values, measured, ("melanoma",) * n, ages, routine), label


def test_scores_are_in_their_units_and_find_a_planted_difference():
    given, label = inputs()
    scores = comparator_scores(given)
    assert tuple(scores) == COMPARATORS
    np.testing.assert_allclose(scores["tmb"], np.exp2(given.values[:, 1]) - 1, rtol=1e-6)
    np.testing.assert_array_equal(scores["pdl1"], given.values[:, TOKENS.index("CD274")])
    assert auc_roc(label, scores["signature"]) > 0.95
    assert np.isnan(scores["loris"][0])
    assert np.isfinite(scores["loris"][1:]).all()


def test_a_batch_that_shifts_every_gene_does_not_move_the_signature():
    one, other = inputs()[0], inputs(shift=3.0)[0]
    np.testing.assert_allclose(comparator_scores(one)["signature"], comparator_scores(other)["signature"], atol=1e-5)


def test_what_is_missing_is_nan():
    given, _ = inputs()
    given.measured[:, 1:] = False
    given.measured[3, 2:13] = True  # 11 of 18 genes: too few
    scores = comparator_scores(given)
    for name in ("tmb", "signature", "loris"):
        assert np.isnan(scores[name]).all(), name
    assert np.isfinite(scores["pdl1"]).sum() == 1


def test_pdl1_is_staining_only_where_nobody_has_expression():
    given, _ = inputs()
    given.routine["pdl1_tps"] = np.linspace(0, 100, len(given.values))
    assert comparator_scores(given)["pdl1"][1] == given.values[1, TOKENS.index("CD274")]
    given.measured[:, 2:] = False
    np.testing.assert_array_equal(comparator_scores(given)["pdl1"], given.routine["pdl1_tps"])
