"""Places among the training patients, as prediction.json has them."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from icicore.clinical.features import encode
from icicore.domain import Case, ClinicalValues, TumourType
from icicore.genomics.features import encode as encode_genes
from icicore.genomics.panel import load_panel
from icicore.genomics.records import Expression, Mutation, MutationCalls
from icicore.models.inputs import CaseInputs
from icicore.models.reference import Distribution, Reference
from icicore.workflows.evidence import Evidence
from icicore.workflows.places import clinical_places, comparator_places, gene_details
from tests.factories import make_bundle

PANEL = load_panel()
TOKENS = [(t.symbol, t.kind) for t in PANEL.tokens]


def token(symbol, kind):
    return TOKENS.index((symbol, kind))


@pytest.fixture
def reference():
    n = len(TOKENS)
    return Reference(
        genes=np.tile(np.linspace(0, 20, 101, dtype=np.float32), (n, 1)),
        gene_n=np.full(n, 800, np.int32),
        gene_mean=np.full(n, 0.12, np.float32),
        clinical={
            "age": Distribution.of(np.linspace(40, 80, 401)),
            "sex": Distribution.of(np.array([1.0] * 60 + [0.0] * 40)),
            "ldh_uln": Distribution.of(np.linspace(-1, 3, 500)),
        },
        measures={},
        scores={"tmb": Distribution.of(np.linspace(0, 40, 401)), "pdl1": Distribution.of(np.linspace(0, 10, 101))},
        score_rates={"tmb": (-2.0, 0.5)},
    )


@pytest.fixture
def evidence():
    clinical = ClinicalValues(age=50.0, sex="F", ecog=1, ldh_uln=2.0)
    values, known = encode(clinical)
    calls = MutationCalls(
        mutations=(Mutation("BRAF", "Missense_Mutation", "p.V600E", 0.31), Mutation("TP53", "Nonsense_Mutation")),
        tmb=10.0,
        covered_genes=frozenset({"BRAF", "TP53", "KRAS"}),
    )
    expression = Expression(("CD274",), np.array([15.0], np.float32), "tpm")
    return Evidence(
        Case("P1", TumourType.MELANOMA, Path("P1"), clinical=clinical),
        PANEL,
        CaseInputs("P1", clinical_values=torch.from_numpy(values), clinical_measured=torch.from_numpy(known)),
        mutations=calls,
        expression=expression,
        genes=encode_genes(PANEL, mutations=calls, expression=expression),
    )


def test_clinical_values_have_unit_percentile_and_n(evidence, reference):
    rows = {row["name"]: row for row in clinical_places(evidence, reference)}
    assert rows["age"]["percentile"] == pytest.approx(25, abs=0.6)
    assert rows["age"]["n"] == 401 and rows["age"]["unit"] == "years"
    assert rows["sex"]["share"] == pytest.approx(0.4, abs=0.02) and rows["sex"]["value"] == "F"
    assert rows["ldh_uln"]["percentile"] == pytest.approx(50, abs=1)  # log2 of 2
    assert rows["ecog"]["percentile"] is None and rows["ecog"]["n"] == 0  # the training patients had none


def test_expression_has_a_percentile_and_a_mutation_its_change_and_share(evidence, reference):
    rows = gene_details(evidence, None, reference)
    pdl1 = rows[token("CD274", "expression")]
    assert pdl1["percentile"] == pytest.approx(75, abs=0.5) and pdl1["n"] == 800
    braf = rows[token("BRAF", "mutation")]
    assert braf["changes"] == [{"protein": "p.V600E", "class": "Missense_Mutation", "vaf": 0.31}]
    assert braf["share"] == pytest.approx(0.12) and braf["percentile"] is None
    assert "changes" not in rows[token("KRAS", "mutation")]
    assert rows[token("VEGFA", "expression")]["percentile"] is None  # not measured in this case


def test_without_a_reference_there_are_values_and_no_places(evidence):
    rows = clinical_places(evidence, None)
    assert [row["value"] for row in rows] == [50.0, "F", 1, 2.0]
    assert all(row["percentile"] is None and row["n"] == 0 for row in rows)
    genes = gene_details(evidence, None, None)
    assert genes[token("BRAF", "mutation")]["changes"][0]["protein"] == "p.V600E"
    assert genes[token("CD274", "expression")]["percentile"] is None


def test_a_comparator_gets_a_rate_only_where_one_was_fitted(reference, tmp_path):
    spec = make_bundle(tmp_path / "b-virtual").spec
    spec = dataclasses.replace(spec, tokens=("CD274", *spec.tokens[1:]), token_kinds=("expression",) * 16)
    small = dataclasses.replace(reference, gene_n=np.ones(16, np.int32))
    found = comparator_places({"tmb": 15.0, "pdl1": 5.0, "loris": 0.4}, spec, small)
    assert found["tmb"]["rate"] == pytest.approx(1 / (1 + np.exp(2.0 - 0.5 * 4)))
    assert found["pdl1"]["rate"] is None and found["pdl1"]["percentile"] == pytest.approx(50, abs=1)
    assert found["loris"] is None
    # expression cannot be placed among patients of whom only a tumour proportion score is known
    scores_only = dataclasses.replace(small, gene_n=np.zeros(16, np.int32))
    assert comparator_places({"pdl1": 5.0}, spec, scores_only) == {"pdl1": None}
