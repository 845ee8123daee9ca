"""A cohort from elsewhere: a batch effect in every gene is undone, mutations and single cases stay as they are."""

import numpy as np
import pytest

from icicore.genomics.alignment import align_cohort, rank_within_samples
from icicore.genomics.features import TokenScaler

N_BINARY, T = 4, 12


def cohort(n: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    values = rng.normal(5, 2, size=(n, T)).astype(np.float32)
    values[:, :N_BINARY] = rng.random((n, N_BINARY)) < 0.3
    measured = rng.random((n, T)) < 0.9
    return np.where(measured, values, 0).astype(np.float32), measured


def scaler(seed: int = 1) -> TokenScaler:
    values, measured = cohort(200, seed)
    return TokenScaler.fit(values, measured, n_binary=N_BINARY)


def test_a_batch_effect_in_every_gene_does_not_change_what_the_model_sees():
    values, measured = cohort()
    rng = np.random.default_rng(2)
    batch = values.copy()
    batch[:, N_BINARY:] = values[:, N_BINARY:] * rng.uniform(0.5, 2, T - N_BINARY) + rng.normal(0, 3, T - N_BINARY)
    batch = np.where(measured, batch, 0).astype(np.float32)
    to = scaler()
    seen = [to.transform(align_cohort(v, measured, to=to, n_binary=N_BINARY), measured)[0] for v in (values, batch)]
    np.testing.assert_allclose(seen[0], seen[1], atol=1e-4)
    known = np.where(measured, seen[0], np.nan)[:, N_BINARY:]
    np.testing.assert_allclose(np.nanmean(known, axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(np.nanstd(known, axis=0), 1, atol=1e-5)


def test_mutations_and_what_was_not_measured_stay_as_they_are():
    values, measured = cohort()
    moved = align_cohort(values, measured, to=scaler(), n_binary=N_BINARY)
    np.testing.assert_array_equal(moved[:, :N_BINARY], values[:, :N_BINARY])
    np.testing.assert_array_equal(moved[~measured], values[~measured])


@pytest.mark.parametrize("n", [1, 19])
def test_few_patients_are_scored_with_the_statistics_of_training(n):
    values, measured = cohort(n)
    np.testing.assert_array_equal(align_cohort(values, measured, to=scaler(), n_binary=N_BINARY), values)


def test_a_gene_that_few_have_is_left_alone():
    values, measured = cohort()
    measured[10:, -1] = False
    moved = align_cohort(values, measured, to=scaler(), n_binary=N_BINARY)
    np.testing.assert_array_equal(moved[:, -1], values[:, -1])
    assert not np.array_equal(moved[:, -2], values[:, -2])


def test_ranks_within_a_sample_do_not_depend_on_its_depth():
    values, measured = cohort()
    expression = np.arange(T) >= N_BINARY + 1
    once = rank_within_samples(values, measured, expression=expression)
    again = rank_within_samples(
        np.where(expression & measured, 2 * values + 3, values), measured, expression=expression
    )
    np.testing.assert_array_equal(once, again)
    np.testing.assert_array_equal(once[:, ~expression], values[:, ~expression])
