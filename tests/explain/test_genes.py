import dataclasses

import numpy as np
import pytest
import torch

from icicore.explain.clinical import explain_clinical
from icicore.explain.features import rank_features
from icicore.explain.genes import explain_genes, group_by_pathway
from icicore.explain.tiles import explain_tiles
from tests.explain.small_bundles import KINDS, TOKENS, small_bundle, small_case


def test_gene_attributions_are_complete_and_leave_unmeasured_genes_alone():
    bundle, case = small_bundle(), small_case()
    genes = explain_genes(bundle, case)
    assert genes.symbols == TOKENS and genes.kinds == KINDS
    assert genes.logit == pytest.approx(bundle.score(case).logit, abs=1e-5)
    assert abs(genes.delta) < 2e-3
    assert genes.attribution.sum() == pytest.approx(genes.logit - genes.baseline_logit, abs=2e-3)
    assert abs(genes.logit - genes.baseline_logit) > 0.01
    unmeasured = ~case.gene_measured.numpy()
    assert (genes.attribution[unmeasured] == 0).all() and (genes.attention[unmeasured] == 0).all()
    assert genes.attention.sum() == pytest.approx(1, abs=1e-5)
    assert (genes.attribution[genes.value == 0] == 0).all()


def test_gene_rows_hold_every_token():
    genes = explain_genes(small_bundle(), small_case())
    rows = genes.rows(np.arange(15, dtype=np.float32))
    assert [r["symbol"] for r in rows] == list(TOKENS)
    assert rows[2] == {"symbol": "BRAF", "kind": "mutation", "value": None, "measured": False, "attention": 0.0,
                       "attribution": 0.0}  # fmt: skip
    assert rows[7]["value"] == 7.0 and rows[7]["measured"]


def test_gene_baseline_is_the_score_of_wild_type_and_mean_expression():
    bundle, case = small_bundle(), small_case()
    baseline = dataclasses.replace(case, gene_values=torch.zeros(15))
    assert explain_genes(bundle, case).baseline_logit == pytest.approx(bundle.score(baseline).logit, abs=1e-5)


def test_nan_in_an_unmeasured_gene_changes_nothing():
    bundle, case = small_bundle(), small_case()
    dirty = case.gene_values.clone()
    dirty[2] = torch.nan
    a, b = explain_genes(bundle, case), explain_genes(bundle, dataclasses.replace(case, gene_values=dirty))
    np.testing.assert_array_equal(a.attribution, b.attribution)


def test_pathways_sum_their_measured_genes():
    genes = explain_genes(small_bundle(), small_case())
    rows = {
        r.pathway: r for r in group_by_pathway(genes, {"JAK1": ("IFN",), "IFNG": ("IFN", "Th1"), "BRAF": ("MAPK",)})
    }
    place = [i for i, s in enumerate(TOKENS) if s in ("JAK1", "IFNG")]
    assert rows["IFN"].attribution == pytest.approx(genes.attribution[place].sum(), abs=1e-6)
    assert rows["IFN"].n_measured == 3 and rows["IFN"].attention == pytest.approx(genes.attention[place].sum())
    assert "MAPK" not in rows, "BRAF was not measured"
    assert rows["other"].n_measured == 12 - 3
    assert set(rows["IFN"].top_genes) == {"JAK1", "IFNG"}


def test_clinical_shares_are_complete():
    bundle, case = small_bundle(), small_case()
    result = explain_clinical(bundle, case)
    assert result.attribution["ecog"] is None and result.value["ecog"] is None
    known = [v for v in result.attribution.values() if v is not None]
    assert sum(known) == pytest.approx(result.logit - result.baseline_logit, abs=1e-5)
    assert result.logit == pytest.approx(bundle.score(case).logit, abs=1e-5)
    mean = dataclasses.replace(case, clinical_values=torch.zeros(4))
    assert result.baseline_logit == pytest.approx(bundle.score(mean).logit, abs=1e-5)


def test_features_are_ranked_over_all_modalities():
    bundle, case = small_bundle(), small_case()
    tiles, genes, clinical = explain_tiles(bundle, case), explain_genes(bundle, case), explain_clinical(bundle, case)
    rows = rank_features(tiles=tiles, genes=genes, clinical=clinical)
    assert [r.rank for r in rows] == list(range(1, len(rows) + 1))
    assert len(rows) == 2 + 12 + 3
    size = [abs(r.importance) for r in rows]
    assert size == sorted(size, reverse=True)
    histology = [r for r in rows if r.modality == "histology"]
    assert sum(r.importance for r in histology) == pytest.approx(tiles.logit - tiles.baseline_logit, abs=1e-5)
    names = {r.name for r in rows}
    assert {"TP53 mutation", "CD274 expression", "TMB", "age", "JAK1 mutation", "JAK1 expression"} <= names
    assert "BRAF mutation" not in names and "ecog" not in names
    for row in rows:
        word = {True: "for response", False: "against response"}[row.importance > 0] if row.importance else "none"
        assert row.direction == word and set(row.to_json()) == set(vars(row))
    assert rank_features(clinical=clinical, limit=2) == rank_features(clinical=clinical)[:2]


@pytest.mark.parametrize(("kind", "explain"), [("image", explain_genes), ("image", explain_clinical)])
def test_what_was_not_used_is_not_explained(kind, explain):
    with pytest.raises(ValueError, match="was scored without"):
        explain(small_bundle(kind=kind), small_case())
