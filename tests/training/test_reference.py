"""The reference distributions come from the training patients alone and from nobody else."""

from dataclasses import replace

import numpy as np
import pytest

from icicore.training.leakage import checked_split
from icicore.training.reference import training_reference
from tests.factories import make_study


@pytest.fixture
def study():
    return make_study(200)


@pytest.fixture
def split(study):
    return checked_split(study, 0)


def test_quantiles_are_those_of_the_measured_values_of_the_training_patients(study, split):
    reference = training_reference(study, split.train)
    rows, token = split.train, 12
    known = study.gene_values[rows][study.gene_measured[rows][:, token], token]
    assert reference.gene_n[token] == len(known) < len(rows)
    np.testing.assert_allclose(reference.genes[token], np.quantile(known, np.linspace(0, 1, 101)), rtol=1e-6)
    mutated = study.gene_values[rows][study.gene_measured[rows][:, 0], 0]
    assert reference.gene_mean[0] == pytest.approx(mutated.mean(), abs=1e-6)
    ages = [study.clinical[i].age for i in rows]
    assert reference.clinical["age"].median == pytest.approx(np.median(ages), abs=1e-3)
    assert reference.clinical["ecog"].n == 0


def test_patients_for_validation_and_test_leave_no_trace(study, split):
    held_out = np.setdiff1d(np.arange(len(study)), split.train)
    values, responder, clinical = study.gene_values.copy(), study.responder.copy(), list(study.clinical)
    values[held_out], responder[held_out] = 1e3, ~responder[held_out]
    for i in held_out:
        clinical[i] = replace(clinical[i], age=99.0)
    other = replace(study, gene_values=values, responder=responder, clinical=tuple(clinical))
    first, second = training_reference(study, split.train), training_reference(other, split.train)
    assert first.to_bytes() == second.to_bytes()


def test_the_rate_of_a_score_follows_the_patients(study, split):
    rows = split.train
    strong = study.gene_values.copy()
    strong[:, 6] = np.where(study.responder, 5.0, 2.0) + np.random.default_rng(0).normal(size=len(study))
    planted = replace(study, gene_values=strong, gene_measured=np.ones_like(study.gene_measured))
    reference = training_reference(planted, rows)
    low, high = (reference.score_probability("tmb", 2.0**x - 1) for x in (2.0, 5.0))
    assert low < 0.3
    assert high > 0.7
    assert reference.scores["tmb"].n == len(rows)
    assert "signature" not in reference.scores
