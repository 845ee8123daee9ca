"""Published signatures of response: every one can be read from the panel and names its source."""

import re

from icicore.genomics.panel import load_panel
from icicore.genomics.signatures import load_signatures, signatures_of


def test_every_gene_of_a_signature_is_a_token_of_its_kind():
    panel = load_panel()
    known = {
        "expression": set(panel.expression_genes),
        "mutation": set(panel.mutation_genes),
    }
    missing = {s.name: set(s.genes) - known[s.kind] for s in load_signatures()}
    assert not {name: genes for name, genes in missing.items() if genes}


def test_names_are_unique_and_each_states_journal_and_year():
    found = load_signatures()
    assert len({s.name for s in found}) == len(found)
    assert all(re.fullmatch(r".+ et al\., .+ (19|20)\d\d", s.source) for s in found)


def test_a_token_knows_the_signatures_of_its_own_kind_only():
    tokens = {(t.symbol, t.kind): signatures_of(t) for t in load_panel().tokens}
    assert tokens["B2M", "mutation"] == ("B2M mutation",)
    assert tokens["B2M", "expression"] == ("Antigen presentation, class I",)
    assert set(tokens["CXCL9", "expression"]) >= {"T-cell inflamed", "CXCL9 expression", "Twelve chemokines"}
    assert tokens["TMB", "tmb"] == ()
