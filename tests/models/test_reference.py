"""The place of a value among the training patients, and the file that keeps it."""

import numpy as np
import pytest
from scipy import stats

from icicore.errors import BundleError
from icicore.models.bundle import load_bundle
from icicore.models.reference import REFERENCE, Distribution, Reference, score_scale
from tests.factories import make_bundle


def a_reference(rng, tokens=16):
    genes = np.sort(rng.normal(size=(tokens, 101)), axis=1).astype(np.float32)
    return Reference(
        genes=genes,
        gene_n=np.full(tokens, 868, np.int32),
        gene_mean=genes.mean(axis=1),
        clinical={"age": Distribution.of(rng.normal(63, 10, 500))},
        measures={"TIL density at the margin": Distribution.of(rng.lognormal(6, 1, 300))},
        scores={"tmb": Distribution.of(rng.lognormal(2, 1, 400))},
        score_rates={"tmb": (-1.2, 0.4)},
    )


@pytest.fixture
def bundle(tmp_path):
    return make_bundle(tmp_path / "with", reference=a_reference(np.random.default_rng(0)))


def test_a_place_agrees_with_the_percentile_of_the_patients_themselves():
    rng = np.random.default_rng(3)
    values = rng.lognormal(1, 1, 868)
    distribution = Distribution.of(values)
    for value in rng.choice(values, 40):
        place = distribution.place(value)
        assert place.n == 868
        assert place.percentile == pytest.approx(stats.percentileofscore(values, value, "mean"), abs=0.6)


def test_ties_stand_in_their_middle_and_what_lies_outside_at_the_ends():
    distribution = Distribution.of(np.array([0.0] * 40 + [1.0] * 40 + [2.0] * 20))
    assert distribution.place(0).percentile == pytest.approx(20, abs=1)
    assert distribution.place(1).percentile == pytest.approx(60, abs=1)
    assert distribution.place(-3).percentile == 0
    assert distribution.place(9).percentile == 100
    assert Distribution.of(np.array([7.0] * 5)).place(7).percentile == 50


def test_nothing_known_has_no_place():
    nothing = Distribution.of(np.array([np.nan, np.nan]))
    assert nothing.n == 0
    assert nothing.place(3.0) is None


def test_a_saved_reference_comes_back(bundle):
    again = load_bundle(bundle.folder).reference
    expected = a_reference(np.random.default_rng(0))
    np.testing.assert_array_equal(again.genes, expected.genes)
    np.testing.assert_array_equal(again.gene_n, expected.gene_n)
    np.testing.assert_array_equal(
        again.measures["TIL density at the margin"].quantiles, expected.measures["TIL density at the margin"].quantiles
    )
    assert again.clinical["age"].n == 500
    assert again.score_rates == {"tmb": (-1.2, 0.4)}


def test_the_reference_is_part_of_the_digest(bundle, tmp_path):
    without = make_bundle(tmp_path / "without")
    assert without.reference is None
    assert without.digest != bundle.digest
    assert not (without.folder / REFERENCE).exists()


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9] + b"x" * 9), "is not the file that bundle.json"),
    ],
)
def test_a_harmed_reference_is_refused_in_one_line(bundle, harm, message):
    harm(bundle.folder / REFERENCE)
    with pytest.raises(BundleError, match=message) as caught:
        load_bundle(bundle.folder)
    assert "\n" not in str(caught.value)


def test_a_reference_of_other_genes_is_refused(tmp_path):
    with pytest.raises(BundleError, match="holds 9 gene tokens; expected 16"):
        make_bundle(tmp_path / "other", reference=a_reference(np.random.default_rng(0), tokens=9))


def test_a_score_becomes_a_rate_only_through_its_regression():
    reference = a_reference(np.random.default_rng(0))
    assert reference.score_probability("tmb", 15.0) == pytest.approx(1 / (1 + np.exp(1.2 - 0.4 * 4)))
    assert reference.score_probability("pdl1", 3.0) is None
    assert score_scale("loris", np.array([0.5]))[0] == pytest.approx(0)
