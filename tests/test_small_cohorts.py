"""The measurement on small pools: cohorts are drawn as it says, and its figures mean what they say."""

from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from tests.factories import make_study

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def small_cohorts(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import small_cohorts

    return small_cohorts


def test_a_pool_is_two_cohorts_of_the_stated_sizes_and_rates(small_cohorts):
    study = make_study(500)
    pool, sign = small_cohorts.pooled(study, np.random.default_rng(1), (0.20, 0.40))
    first = pool.cohorts == 0
    assert (len(pool), first.sum(), sign) == (290, 90, 1.0)
    assert (pool.responder[first].mean(), pool.responder[~first].mean()) == (0.2, 0.4)
    assert not small_cohorts.has_expression(pool)[~first].any()
    assert small_cohorts.has_expression(pool)[first].all()
    assert len(set(pool.patients)) == 290
    k = 100
    row = study.patients.index(pool.patients[k])
    own = study.tiles[study.offsets[row] : study.offsets[row + 1]]
    np.testing.assert_array_equal(pool.tiles[pool.offsets[k] : pool.offsets[k + 1]], own)


def test_variants_change_what_they_name_and_nothing_else(small_cohorts):
    pool, _ = small_cohorts.pooled(make_study(500), np.random.default_rng(1), (0.45, 0.25))
    assert set(small_cohorts.over_all(pool).cohorts) == {0}
    before, other = pool.gene_sets(), small_cohorts.equal_start(pool).gene_sets()
    np.testing.assert_array_equal(before.membership, other.membership)
    full, share = (
        small_cohorts.full_start(pool).gene_sets(),
        small_cohorts.taught(before.membership, pool.gene_measured),
    )
    expression = before.membership[np.array(pool.token_kinds) == "expression"].any(dim=0)
    assert set(full.start.tolist()) <= {1.0, 2.0, 3.0} and (before.start < full.start)[expression].all()
    np.testing.assert_allclose(before.start, full.start * share)
    assert set((other.start / share).round(decimals=4).tolist()) <= {1.0, 3.0}
    assert before.start.tolist() != other.start.tolist()


def test_foreign_expression_is_that_of_somebody_else_and_nothing_else_moves(small_cohorts):
    study = make_study(50)
    other = small_cohorts.with_foreign_expression(study)
    tokens = np.array(study.token_kinds) == "expression"
    has = small_cohorts.has_expression(study)
    assert (study.gene_values[has] != other.gene_values[has])[:, tokens].any(axis=1).all()
    np.testing.assert_array_equal(
        np.sort(study.gene_values[:, tokens], axis=0), np.sort(other.gene_values[:, tokens], axis=0)
    )
    np.testing.assert_array_equal(study.gene_values[:, ~tokens], other.gene_values[:, ~tokens])
    np.testing.assert_array_equal(has, small_cohorts.has_expression(other))


def test_figures_of_one_small_training(small_cohorts):
    pool, sign = small_cohorts.pooled(make_study(500), np.random.default_rng(1), (0.20, 0.40))
    asked = Namespace(model="multimodal", members=1, epochs=12)
    found = small_cohorts.measured(pool, make_study(300, seed=5), sign, asked, seed=0)
    assert found["auc_half"] > max(0.7, found["auc_none"])  # the expression of the fabricated patients says something
    other_way = small_cohorts.measured(pool, make_study(300, seed=5), -sign, asked, seed=0)
    assert found["shift"] == -other_way["shift"] != 0
    assert "| shipped recipe |" in small_cohorts.markdown({"shipped recipe": [found, found]})
