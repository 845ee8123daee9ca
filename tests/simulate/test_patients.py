import numpy as np
import pytest

from icicore.domain import Recist
from icicore.errors import InputError
from icicore.genomics.panel import load_panel
from icicore.simulate.cohort import simulate_patients
from icicore.simulate.genes import RESISTANCE, passenger_genes
from icicore.simulate.mutation_model import EXOME_MB
from icicore.simulate.oracle import responder_quota
from icicore.simulate.scenarios import SCENARIOS
from tests.simulate.cohorts import cohort, labels


@pytest.mark.parametrize(("n", "responders"), [(1240, 450), (620, 225), (200, 73), (2, 1)])
def test_responder_quota_is_exact(n, responders):
    assert responder_quota(n) == responders
    if n <= 200:
        assert labels(cohort(n, 3)).sum() == responders


def test_equal_seeds_give_equal_patients_and_others_do_not():
    panel = load_panel()
    genes = {"panel_genes": panel.mutation_genes, "expression_genes": panel.expression_genes}
    first, again = (simulate_patients(30, seed=5, **genes) for _ in range(2))
    other = simulate_patients(30, seed=6, **genes)
    for a, b in zip(first, again, strict=True):
        assert (a.patient_id, a.response, a.clinical, a.slide_spec) == (
            b.patient_id,
            b.response,
            b.clinical,
            b.slide_spec,
        )
        assert a.truth == b.truth
        assert (a.mutations is None) == (b.mutations is None)
        if a.mutations is not None:
            assert a.mutations.equals(b.mutations)
        if a.expression is not None:
            np.testing.assert_array_equal(a.expression, b.expression)
    assert [p.slide_spec for p in first] != [p.slide_spec for p in other]
    assert not {p.patient_id for p in first} & {p.patient_id for p in other}


def test_missing_rates_are_those_of_the_scenario():
    for name in ("reference", "missing"):
        patients, rules = cohort(620, 11, name), SCENARIOS[name]
        rates = {
            rules.missing_histology: np.mean([p.slide_spec is None for p in patients]),
            rules.missing_mutations: np.mean([p.mutations is None for p in patients]),
            rules.missing_expression: np.mean([p.expression is None for p in patients]),
        }
        for expected, found in rates.items():
            assert found == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 620) + 0.002)
        for p in patients:
            present = (p.slide_spec, p.mutations, p.expression)
            assert any(x is not None for x in present) or not p.clinical.empty


def test_a_poor_block_shows_somebody_else():
    """Histology that is called uninformative must not follow the patient's own factors."""
    patients = [p for p in cohort(620, 11) if p.slide_spec is not None]
    til = np.log([[p.truth.factors["til"], p.slide_spec.til_density] for p in patients])
    good = np.array([p.truth.informative["histology"] for p in patients])
    assert np.corrcoef(til[good].T)[0, 1] > 0.99
    assert abs(np.corrcoef(til[~good].T)[0, 1]) < 0.5
    necrosis = np.array([p.slide_spec.necrosis for p in patients])
    assert necrosis[~good].min() > necrosis[good].max()


def test_mutations_follow_tmb_and_the_tumour_type():
    patients = [p for p in cohort(620, 11) if p.mutations is not None]
    changing = np.array([(p.mutations["Variant_Classification"] != "Silent").sum() for p in patients])
    tmb = np.array([p.truth.factors["tmb"] for p in patients])
    assert np.corrcoef(np.log(changing + 1), np.log(tmb))[0, 1] > 0.98
    assert np.median(changing / EXOME_MB / tmb) == pytest.approx(1.0, abs=0.05)
    hit = {gene: np.array([(p.mutations["Hugo_Symbol"] == gene).any() for p in patients]) for gene in ("BRAF", "KRAS")}
    melanoma = np.array([p.tumour_type == "melanoma" for p in patients])
    assert hit["BRAF"][melanoma].mean() > 0.4 > 0.15 > hit["BRAF"][~melanoma].mean()
    assert hit["KRAS"][~melanoma].mean() > 0.2 > 0.1 > hit["KRAS"][melanoma].mean()
    for p in patients:
        planted = set(p.truth.lost_genes)
        assert planted <= set(p.mutations["Hugo_Symbol"]) and planted <= set(RESISTANCE)


def test_a_v600e_is_where_it_is_in_the_genome():
    rows = [row for p in cohort(200, 3) if p.mutations is not None for row in p.mutations.itertuples()]
    found = {(r.Chromosome, r.Start_Position, r.Reference_Allele, r.Tumor_Seq_Allele2) for r in rows if
             r.Hugo_Symbol == "BRAF" and r.HGVSp_Short == "p.V600E"}  # fmt: skip
    assert found == {("chr7", 140753336, "A", "T")}


def test_expression_is_tpm_over_the_given_genes():
    panel = load_panel()
    for p in cohort(200, 3):
        if p.expression is not None:
            assert p.expression.shape == (len(panel.expression_genes),)
            assert p.expression.min() >= 0
            assert p.expression.sum() == pytest.approx(1e6, rel=1e-3)


def test_passenger_symbols_are_single_and_plain():
    genes = passenger_genes()
    assert len(set(genes)) == len(genes) > 800
    assert all(g and g.replace("-", "").isalnum() for g in genes)


def test_response_words_follow_the_label():
    words = {p.response for p in cohort(200, 3)}
    assert words == {Recist.CR, Recist.PR, Recist.SD, Recist.PD}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scenario": "sunny"}, "one of reference, no-signal, shortcut, missing"),
        ({"expression_genes": ("A", "B")}, "at least 50 genes"),
        ({"n": 1}, "at least 2"),
        ({"seed": -1}, "0 or more"),
    ],
)
def test_bad_requests_are_one_line(change, message):
    panel = load_panel()
    request = {"n": 10, "seed": 1, "panel_genes": panel.mutation_genes, "expression_genes": panel.expression_genes}
    request |= change
    with pytest.raises(InputError, match=message) as caught:
        simulate_patients(request.pop("n"), **request)
    assert "\n" not in str(caught.value)
