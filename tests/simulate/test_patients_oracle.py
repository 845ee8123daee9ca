"""How hard the virtual cohort is: best possible scores, and what no single variable may give away."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from icicore.domain import MODALITIES
from icicore.simulate.latents import draw_latents
from icicore.simulate.oracle import SOURCES, draw_response
from icicore.simulate.scenarios import N_SITES
from tests.simulate.cohorts import cohort, labels

AIMS = {"histology": 0.80, "genomics": 0.83, "clinical": 0.66, "all": 0.92}


def _oracle_aucs(n, seed):
    oracle = draw_response(draw_latents(n, np.random.default_rng(seed)), np.random.default_rng(seed + 1))
    single = {m: oracle.given(np.array([m == name for name in MODALITIES])) for m in MODALITIES}
    scores = single | {"all": oracle.probability}
    return {name: roc_auc_score(oracle.responder, score) for name, score in scores.items()}, oracle


@pytest.mark.parametrize("seed", [1, 20, 300])
def test_oracle_aucs_are_as_aimed(seed):
    found, oracle = _oracle_aucs(4000, seed)
    for name, aim in AIMS.items():
        assert found[name] == pytest.approx(aim, abs=0.025), name
    assert oracle.probability.mean() == pytest.approx(oracle.responder.mean(), abs=0.015)


def test_oracle_probability_is_calibrated():
    _, oracle = _oracle_aucs(8000, 5)
    bins = np.digitize(oracle.probability, np.linspace(0, 1, 11)[1:-1])
    for k in range(10):
        chosen = bins == k
        expected, found = oracle.probability[chosen].mean(), oracle.responder[chosen].mean()
        assert found == pytest.approx(expected, abs=4 * np.sqrt(0.25 / chosen.sum()))


def test_the_oracle_of_one_modality_is_no_worse_than_a_fit_on_its_factors():
    """Second opinion: a logistic regression on the clinical factors cannot beat the clinical oracle."""
    found, oracle = _oracle_aucs(4000, 7)
    x = np.stack([np.log(oracle.latents.ldh), oracle.latents.ecog, oracle.latents.age], axis=1)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    fitted = LogisticRegression().fit(x, oracle.responder).decision_function(x)
    assert found["clinical"] == pytest.approx(roc_auc_score(oracle.responder, fitted), abs=0.01)


def test_knowing_all_modalities_gives_the_oracle_probability_back():
    _, oracle = _oracle_aucs(300, 2)
    np.testing.assert_allclose(oracle.given(np.array([True, True, True])), oracle.probability, atol=1e-12)
    none = oracle.given(np.array([False, False, False]))
    assert np.ptp(none) < 1e-12 and none[0] == pytest.approx(oracle.probability.mean(), abs=1e-9)


def test_what_is_attainable_shrinks_with_what_can_be_read_and_stays_calibrated():
    _, oracle = _oracle_aucs(4000, 3)
    n, y = len(oracle.responder), oracle.responder
    auc = {}
    for unread in ((), ("expression",), ("mutations",), ("mutations", "expression")):
        readable = np.broadcast_to([source not in unread for source in SOURCES], (n, len(SOURCES)))
        probability = oracle.attainable(readable)
        auc[unread] = roc_auc_score(y, probability)
        for part in np.array_split(np.argsort(probability), 5):
            assert y[part].mean() == pytest.approx(probability[part].mean(), abs=0.07)
    assert auc[()] == pytest.approx(roc_auc_score(y, oracle.probability), abs=1e-9)
    whole, mutations, expression, neither = auc.values()  # by what is read of the genes
    assert whole > max(mutations, expression) and min(mutations, expression) > neither + 0.01
    known = np.array([True, False, True])
    np.testing.assert_allclose(
        oracle.attainable(np.broadcast_to([True, False, False, True], (n, 4))), oracle.given(known)
    )


@pytest.mark.parametrize("seed", [11, 12])
def test_no_single_gene_tells_it(seed):
    patients = cohort(1240, seed)
    y = labels(patients)
    known = np.array([p.expression is not None for p in patients])
    values = np.stack([p.expression for p in patients if p.expression is not None])
    ranks = values.argsort(axis=0).argsort(axis=0) + 1
    positive = int(y[known].sum())
    auc = (ranks[y[known]].sum(axis=0) - positive * (positive + 1) / 2) / (positive * (known.sum() - positive))
    strength = np.maximum(auc, 1 - auc)
    assert values.shape[1] >= 1000
    assert strength.max() <= 0.70
    genes = np.array(patients[0].expression_genes)
    assert {"CD274", "CXCL9"} <= set(genes[np.argsort(-strength)[:150]])
    planted = np.isin(genes, patients[0].truth.causal_expression)
    assert np.median(strength[planted]) > 0.58 > 0.54 > np.median(strength[~planted])


def test_no_single_other_variable_tells_it():
    patients = cohort(1240, 11)
    y = labels(patients)
    for name in ("til", "tumour_share", "tmb", "ldh", "ecog", "age"):
        auc = roc_auc_score(y, [p.truth.factors[name] for p in patients])
        assert max(auc, 1 - auc) <= 0.73, name  # true factors; what a slide or a file shows of them is weaker


def test_no_signal_means_none():
    patients = cohort(620, 11, "no-signal")
    y = labels(patients)
    assert y.sum() == 225
    truth = cohort(620, 11)
    informative = [p.truth.oracle_probability for p in truth]  # same factors, other labels
    assert [p.truth.factors for p in patients] == [p.truth.factors for p in truth]
    assert roc_auc_score(y, informative) == pytest.approx(0.5, abs=0.09)
    assert len({p.truth.oracle_probability for p in patients}) == 1
    assert patients[0].truth.oracle_probability == pytest.approx(225 / 620, abs=0.06)


def test_the_shortcut_goes_through_the_stain_alone():
    fair, cheat = cohort(620, 11), cohort(620, 11, "shortcut")
    rate = {}
    for name, patients in (("fair", fair), ("cheat", cheat)):
        y, site = labels(patients), np.array([p.site for p in patients])
        rate[name] = np.array([y[site == k].mean() for k in range(N_SITES)])
        score = rate[name][site]
        rate[name + " auc"] = roc_auc_score(y, score)
    assert rate["fair auc"] < 0.58 and rate["cheat auc"] > 0.67
    assert (labels(fair) == labels(cheat)).all()
    assert all(p.slide_spec is None or p.slide_spec.site == p.site for p in cheat)
