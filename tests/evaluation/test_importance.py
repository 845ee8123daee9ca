"""Permutation importance, explained variance, rank correlation and oracle efficiency obey their laws."""

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression

from icicore.evaluation.association import mean_with_interval, spearman, variance_shares
from icicore.evaluation.bootstrap import resamples
from icicore.evaluation.importance import permutation_importance
from icicore.evaluation.metrics import auc_roc
from icicore.evaluation.oracle import efficiency, oracle_section


def test_a_feature_that_matters_ranks_above_one_that_does_not():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3))
    y = x[:, 0] + 0.4 * x[:, 1] + rng.normal(size=400) > 0

    def score(matrix):
        return matrix[:, 0] + 0.4 * matrix[:, 1]

    losses = []
    for column in range(3):

        def permuted(order, column=column):
            changed = x.copy()
            changed[:, column] = x[order, column]
            return score(changed)

        found = permutation_importance(y, score(x), permuted, has=np.ones(400, bool), rng=rng, repeats=10)
        losses.append(found.value)
    assert losses[0] > losses[1] > losses[2] == 0


def test_only_patients_who_have_the_feature_exchange_it():
    seen = []
    has = np.array([True, False, True, True, False])
    permutation_importance(
        np.array([True, False, True, False, False]),
        np.arange(5.0),
        lambda order: seen.append(order) or np.arange(5.0),
        has=has,
        rng=np.random.default_rng(0),
        repeats=5,
    )
    for order in seen:
        np.testing.assert_array_equal(order[~has], np.flatnonzero(~has))
        assert sorted(order[has]) == np.flatnonzero(has).tolist()


def test_variance_shares_sum_to_r_squared_and_divide_equals_equally():
    rng = np.random.default_rng(1)
    shared = rng.normal(size=500)
    columns = np.stack([shared + 0.5 * rng.normal(size=500) for _ in range(2)] + [rng.normal(size=500)], axis=1)
    target = columns[:, 0] + columns[:, 1] + rng.normal(size=500)
    shares = variance_shares(target, columns)
    assert shares.sum() == pytest.approx(LinearRegression().fit(columns, target).score(columns, target))
    assert shares[0] == pytest.approx(shares[1], abs=0.1)
    assert shares[2] < 0.02


def test_rank_correlation_equals_scipy_and_skips_unknown_values():
    rng = np.random.default_rng(2)
    x = np.round(rng.normal(size=80), 1)
    y = x + rng.normal(size=80)
    y[:5] = np.nan
    found = spearman(x, y, rng=rng)
    assert found["n"] == 75
    assert found["value"] == pytest.approx(stats.spearmanr(x[5:], y[5:]).statistic)
    assert found["interval95"][0] < found["value"] < found["interval95"][1]
    assert spearman(np.ones(80), y, rng=rng)["value"] is None


def test_a_mean_says_over_how_many():
    found = mean_with_interval([1.0, 2.0, np.nan, 3.0], rng=np.random.default_rng(0))
    assert (found["value"], found["n"]) == (2.0, 3)
    assert mean_with_interval([], rng=np.random.default_rng(0)) == {"value": None, "interval95": None, "n": 0}


def test_the_oracle_itself_is_fully_efficient_and_chance_is_not():
    rng = np.random.default_rng(3)
    best = rng.random(300)
    y = rng.random(300) < best
    models = {"best": best, "worse": best + rng.normal(size=300), "chance": rng.random(300)}
    draws = resamples(y, rng, n=100)
    found = oracle_section(
        y, models, {"attainable": best, "causes": y + 0.0, "clinical": np.round(best, 1)}, draws=draws, main="worse"
    )
    of = {name: row["value"] for name, row in found["efficiency_of"].items()}
    assert of["best"] == 1.0
    assert found["efficiency_of"]["best"]["interval95"] == [1.0, 1.0]
    assert 1 > of["worse"] > of["chance"]
    assert found["efficiency"] == of["worse"]
    assert found["auc_roc_causes"] == 1.0 > found["auc_roc"] == auc_roc(y, best)
    assert found["efficiency_of_causes"]["best"]["value"] == pytest.approx(2 * (found["auc_roc"] - 0.5))
    assert np.isnan(efficiency(0.6, 0.5))
