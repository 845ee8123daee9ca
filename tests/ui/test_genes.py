"""Gene tables."""

import math

from icicore.ui import genes

TOKENS = [
    {"symbol": "TP53", "kind": "mutation", "value": 1.0, "measured": True, "attention": 0.1, "attribution": -0.2},
    {"symbol": "KRAS", "kind": "mutation", "value": 0.0, "measured": True, "attention": 0.1, "attribution": 0.01},
    {"symbol": "STK11", "kind": "mutation", "value": None, "measured": False, "attention": 0.0, "attribution": 0.0},
    {"symbol": "TMB", "kind": "tmb", "value": 12.0, "measured": True, "attention": 0.3, "attribution": 0.5},
    {"symbol": "CXCL9", "kind": "expression", "value": 7.0, "measured": True, "attention": 0.2, "attribution": 0.3},
]
PATHWAYS = {("CXCL9", "expression"): ("Interferon gamma", "Chemokines"), ("TP53", "mutation"): ("Cell cycle",)}
TABLE = genes.gene_table(TOKENS, PATHWAYS)


def test_largest_attribution_first_and_unmeasured_last() -> None:
    assert TABLE["symbol"].tolist() == ["TMB", "CXCL9", "TP53", "KRAS", "STK11"]


def test_not_measured_is_not_wild_type() -> None:
    states = dict(zip(TABLE["symbol"], TABLE["state"], strict=True))
    assert states == {
        "TP53": "mutated", "KRAS": "wild type", "STK11": "not measured", "TMB": "measured", "CXCL9": "measured",
    }  # fmt: skip
    unmeasured = TABLE.iloc[-1]
    assert math.isnan(unmeasured["value"]) and math.isnan(unmeasured["attribution"])
    assert genes.measured_counts(TABLE) == {"mutated": 1, "wild type": 1, "measured": 2, "not measured": 1}


def test_first_pathway_is_the_principal_one() -> None:
    row = TABLE[TABLE["symbol"] == "CXCL9"].iloc[0]
    assert (row["pathway"], row["pathways"]) == ("Interferon gamma", "Interferon gamma, Chemokines")
    assert TABLE[TABLE["symbol"] == "KRAS"].iloc[0]["pathway"] == genes.OTHER


def test_search_by_symbol_pathway_and_state() -> None:
    assert genes.search(TABLE, "chemo", [])["symbol"].tolist() == ["CXCL9"]
    assert genes.search(TABLE, "tp53 cycle", [])["symbol"].tolist() == ["TP53"]
    assert genes.search(TABLE, "", ["not measured"])["symbol"].tolist() == ["STK11"]
    assert genes.search(TABLE, "(.*", []).empty  # no pattern language


def test_top_genes_leaves_out_what_was_not_measured() -> None:
    assert genes.top_genes(TABLE, 10)["symbol"].tolist() == ["TMB", "CXCL9", "TP53", "KRAS"]


def test_pathway_sums_count_each_token_once() -> None:
    sums = genes.pathway_sums(TABLE).set_index("pathway")
    assert sums.loc["Interferon gamma", "attribution"] == 0.3
    assert sums.loc[genes.OTHER, "n"] == 2
    assert sums["n"].sum() == 4


def test_a_case_without_genes() -> None:
    assert genes.gene_table([], {}).empty
    assert genes.pathway_sums(genes.gene_table([], {})).empty
