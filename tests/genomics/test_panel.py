import pytest

from icicore.errors import GenomicsError
from icicore.genomics.panel import Token, is_known, load_panel, resolve_symbol, table_rows

PANEL = load_panel()


def test_panel_has_the_sizes_and_order_that_bundles_rely_on():
    assert len(PANEL.mutation_genes) == len(set(PANEL.mutation_genes)) == 500
    assert len(PANEL.expression_genes) == len(set(PANEL.expression_genes)) >= 1000
    assert PANEL.n_tokens == len(PANEL.tokens) == 501 + len(PANEL.expression_genes)
    assert PANEL.tokens[500] == Token("TMB", "tmb")
    assert [token.kind for token in PANEL.tokens[:500]] == ["mutation"] * 500
    assert PANEL.tokens[501] == Token(PANEL.expression_genes[0], "expression")


def test_mutation_genes_of_immunotherapy_are_in_the_panel():
    needed = "B2M JAK1 JAK2 STK11 KEAP1 PTEN TP53 KRAS BRAF NRAS NF1 POLE SMARCA4 PBRM1 ARID1A EGFR MLH1 HLA-A CDKN2A"
    assert set(needed.split()) <= set(PANEL.mutation_genes)


def test_expression_genes_of_immunotherapy_are_in_the_panel():
    needed = (
        "CD274 CXCL9 CXCL10 PDCD1LG2 CD8A GZMA PRF1 IFNG STAT1 IDO1 HLA-A HLA-B HLA-C HLA-E HLA-F HLA-G HLA-DRA "
        "HLA-DRB1 B2M TAP1 TAP2 TAPBP NLRC5 PSMB8 PSMB9 PSMB10 CIITA TGFB1 "
        "CXCL13 CCL19 CCL21 LAG3 TIGIT HAVCR2 CTLA4 PDCD1 "
        "VSIR MLANA PMEL NKX2-1 MKI67 VEGFA"
    )
    assert set(needed.split()) <= set(PANEL.expression_genes)


def test_every_gene_has_a_pathway_and_an_approved_symbol():
    for token in PANEL.tokens:
        assert all(PANEL.pathways_of(token)), token
    for gene in (*PANEL.mutation_genes, *PANEL.expression_genes):
        assert resolve_symbol(gene) == gene and is_known(gene)
        assert PANEL.pathways[gene]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("MLL2", "KMT2D"),
        ("MLL", "KMT2A"),
        ("PDL1", "CD274"),
        ("PD-L1", "CD274"),
        ("C10orf54", "VSIR"),
        ("FAM175A", "ABRAXAS1"),
        ("MRE11A", "MRE11"),
        ("WHSC1", "NSD2"),
        ("HIST1H3B", "H3C2"),
        ("PARK2", "PRKN"),
        ("WARS", "WARS1"),
        ("CTGF", "CCN2"),
        ("HER2", "ERBB2"),
        ("ENSG00000120217", "CD274"),
        ("ENSG00000120217.14", "CD274"),
        (" tp53 ", "TP53"),
        ("HLA.A", "HLA-A"),
        ("CD274|29126", "CD274"),
        ("NOTAGENE", "NOTAGENE"),
        ("AL161915.1", "AL161915.1"),
    ],
)
def test_names_resolve_to_todays_symbol(old, new):
    assert resolve_symbol(old) == new


def test_every_name_of_the_table_means_one_gene_in_any_case():
    for symbol, ensembl, earlier in table_rows("symbols"):
        for name in filter(None, (symbol, ensembl, *earlier.split("|"))):
            assert resolve_symbol(name) == resolve_symbol(name.upper()) == symbol


def test_an_approved_symbol_is_never_taken_for_the_old_name_of_another_gene():
    # TTF1 was once a name of NKX2-1 and is today the symbol of transcription termination factor 1.
    assert resolve_symbol("TTF1") == "TTF1"


def test_unknown_version_names_those_there_are():
    with pytest.raises(GenomicsError, match="version 'v0' is unknown; expected v1"):
        load_panel("v0")
