"""Panels of a study: stated, listed in the study, unknown, and not stated at all."""

import numpy as np
import pytest

from icicore.genomics.assays import known_assay
from icicore.genomics.coverage import apply_coverage, read_coverage
from icicore.genomics.records import Mutation, MutationCalls

CANCER = sorted(known_assay("IMPACT505").genes)


def calls(genes: list[str], *, n: int = 24, each: int = 5) -> dict[str, MutationCalls]:
    rng = np.random.default_rng(0)
    drawn = [rng.choice(genes, each, replace=False) for _ in range(n)]
    return {
        f"S{i}": MutationCalls(tuple(Mutation(g, "Missense_Mutation") for g in own), tmb=0.2)
        for i, own in enumerate(drawn)
    }


@pytest.mark.parametrize("name", ["data_gene_matrix.txt", "data_gene_panel_matrix.txt"])
def test_the_matrix_goes_before_the_clinical_table(tmp_path, name):
    (tmp_path / name).write_text("SAMPLE_ID\tmutations\nS0\tOWN\nS1\tIMPACT468\n")
    (tmp_path / "data_gene_panel_own.txt").write_text("stable_id: OWN\ngene_list:\tBRAF\tNRAS\n")
    coverage = read_coverage(tmp_path, {"S0": "IMPACT341", "S2": "WES", "S3": ""})
    assert coverage.names == {"S0": "OWN", "S1": "IMPACT468", "S2": "WES"}
    assert coverage.panels["OWN"].genes == {"BRAF", "NRAS"}
    assert coverage.panels["IMPACT468"].megabases == 1.22
    assert "WES" not in coverage.panels


def test_each_sample_gets_the_genes_and_the_burden_of_its_panel(tmp_path):
    found = calls(CANCER[:100], n=3)
    notes: list[str] = []
    covered = apply_coverage(found, read_coverage(tmp_path, {"S0": "IMPACT410", "S1": "WES"}), notes)
    assert covered["S0"].covered_genes == known_assay("IMPACT410").genes
    assert covered["S0"].tmb == pytest.approx(5 / 1.06)
    assert covered["S1"].covered_genes is None
    assert covered["S2"].covered_genes is None
    assert notes == []


def test_a_panel_that_nobody_lists_stands_for_the_genes_seen_in_it(tmp_path):
    names = {f"S{i}": "SECRET" for i in range(24)}
    notes: list[str] = []
    covered = apply_coverage(calls(CANCER[:50]), read_coverage(tmp_path, names), notes)
    assert covered["S0"].covered_genes <= set(CANCER[:50])
    assert covered["S0"].tmb is None
    assert "genes of panel SECRET are not listed" in notes[0]


def test_too_few_samples_of_such_a_panel_are_left_out(tmp_path):
    names = {f"S{i}": "SECRET" for i in range(5)}
    notes: list[str] = []
    covered = apply_coverage(calls(CANCER[:50]), read_coverage(tmp_path, names), notes)
    assert "S0" not in covered
    assert "S10" in covered
    assert "mutations of 5 samples are left out" in notes[0]


@pytest.mark.parametrize(("genes", "n", "panel"), [(CANCER, 24, True), (CANCER[:50], 10, False), (None, 24, False)])
def test_a_panel_that_the_study_does_not_mention_is_noticed(tmp_path, genes, n, panel):
    """Not in an exome, and not from a handful of samples."""
    notes: list[str] = []
    found = calls(genes or [f"OTHER{i}" for i in range(400)] + CANCER[:100], n=n)
    covered = apply_coverage(found, read_coverage(tmp_path, {}), notes)
    assert (covered["S0"].covered_genes is not None) is panel
    assert bool(notes) is panel
