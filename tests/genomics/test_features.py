import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import StandardScaler

from icicore.genomics.features import TokenScaler, encode
from icicore.genomics.panel import load_panel
from icicore.genomics.records import Expression, Mutation, MutationCalls

PANEL = load_panel()
BRAF = PANEL.mutation_genes.index("BRAF")
TP53 = PANEL.mutation_genes.index("TP53")
CD274 = PANEL.expression_genes.index("CD274")


def test_exome_measures_every_gene():
    features = encode(
        PANEL, mutations=MutationCalls((Mutation("BRAF", "Missense_Mutation"),), tmb=7.0), expression=None
    )
    assert features.mutation.sum() == features.mutation[BRAF] == 1
    assert features.mutation_measured.all() and not features.expression_measured.any()
    assert features.values[500] == pytest.approx(3.0) and features.measured[500]
    assert features.values.dtype == np.float32 and features.values.shape == (PANEL.n_tokens,)


def test_gene_outside_the_assay_is_not_measured_rather_than_wild_type():
    calls = MutationCalls((Mutation("BRAF", "Missense_Mutation"),), tmb=None, covered_genes=frozenset({"BRAF", "MLL2"}))
    features = encode(PANEL, mutations=calls, expression=None)
    assert features.mutation_measured.sum() == 2
    assert not features.mutation_measured[TP53] and features.mutation_measured[PANEL.mutation_genes.index("KMT2D")]
    assert not features.measured[500] and features.values[500] == 0


def test_mutated_gene_is_measured_whatever_the_assay_claims():
    calls = MutationCalls((Mutation("TP53", "Nonsense_Mutation"),), covered_genes=frozenset({"BRAF"}))
    assert encode(PANEL, mutations=calls, expression=None).mutation_measured[TP53]


def test_expression_lands_in_panel_order():
    expression = Expression(("NOTINPANEL", "CD274", "CD8A"), np.array([1, 2, np.nan], np.float32), "tpm")
    features = encode(PANEL, mutations=None, expression=expression)
    assert features.expression[CD274] == 2 and features.expression_measured.sum() == 1
    assert np.isfinite(features.expression).all()
    assert features.values[501 + CD274] == 2 and features.tmb is None


def test_scaler_agrees_with_scikit_learn_where_all_is_measured():
    values = np.random.default_rng(0).normal(5, 3, (40, 6)).astype(np.float32)
    measured = np.ones_like(values, dtype=bool)
    scaler = TokenScaler.fit(values, measured, n_binary=2)
    expected = StandardScaler().fit_transform(values.astype(np.float64))
    scaled, usable = scaler.transform(values, measured)
    assert usable.all()
    np.testing.assert_allclose(scaled[:, 2:], expected[:, 2:], atol=1e-5)
    np.testing.assert_array_equal(scaled[:, :2], values[:, :2].clip(-10, 10))


@settings(deadline=None)
@given(
    values=arrays(np.float32, (5, 4), elements=st.floats(-1e3, 1e3, width=32)),
    measured=arrays(np.bool_, (5, 4)),
    junk=st.floats(-1e3, 1e3, width=32),
)
def test_unmeasured_values_never_matter(values, measured, junk):
    other = np.where(measured, values, np.float32(junk))
    first, second = (TokenScaler.fit(v, measured, n_binary=1) for v in (values, other))
    np.testing.assert_array_equal(first.mean, second.mean)
    np.testing.assert_array_equal(first.scale, second.scale)
    scaled, usable = first.transform(other, measured)
    np.testing.assert_array_equal(usable, measured)
    assert np.isfinite(scaled).all() and (scaled[~measured] == 0).all() and np.abs(scaled[:, 1:]).max() <= 10


def test_scaler_survives_json():
    scaler = TokenScaler.fit(
        np.random.default_rng(1).normal(size=(9, 7)).astype(np.float32), np.ones((9, 7), bool), n_binary=3
    )
    restored = TokenScaler.from_json(json.loads(json.dumps(scaler.to_json())))
    np.testing.assert_array_equal(restored.mean, scaler.mean)
    np.testing.assert_array_equal(restored.scale, scaler.scale)


def test_what_no_training_case_had_is_not_measured_later_either():
    values, measured = np.arange(20, dtype=np.float32).reshape(5, 4), np.ones((5, 4), bool)
    measured[:, [0, 3]] = False  # a mutation outside every panel, and expression that nobody has
    scaler = TokenScaler.from_json(json.loads(json.dumps(TokenScaler.fit(values, measured, n_binary=2).to_json())))
    scaled, usable = scaler.transform(np.full(4, 9, np.float32), np.array([True, True, False, True]))
    assert usable.tolist() == [False, True, False, False]
    assert scaled.tolist() == [0, 9, 0, 0]


def test_a_scaler_that_has_seen_all_is_stored_as_before():
    assert set(TokenScaler.fit(np.eye(3, dtype=np.float32), np.ones((3, 3), bool)).to_json()) == {"mean", "scale"}
