"""Places in words."""

import pytest

from icicore.ui import placement
from icicore.ui.findings import finding_words, gene_words


@pytest.mark.parametrize(
    ("percentile", "word"),
    [(0, "very low"), (4.9, "very low"), (5, "low"), (24.9, "low"), (25, "typical"), (75, "high"), (95, "very high")],
)
def test_levels(percentile: float, word: str) -> None:
    assert placement.level(percentile) == word


@pytest.mark.parametrize(
    ("percentile", "shown"),
    [(0, "1st"), (1.6, "2nd"), (3, "3rd"), (11, "11th"), (12, "12th"), (13, "13th"), (21, "21st"), (52, "52nd")]
    + [(91.2, "91st"), (100, "99th")],
)
def test_ordinals_never_claim_the_ends_of_a_population(percentile: float, shown: str) -> None:
    assert placement.ordinal(percentile) == shown


def test_a_place_has_level_percentile_and_n_or_nothing() -> None:
    assert placement.place_words({"percentile": 91.2, "n": 868}) == "high, 91st percentile of 868 training patients"
    assert placement.place_words({"percentile": None, "n": 0}) == ""


def test_several_changes_are_cut_and_counted() -> None:
    change = {"protein": "p.G12D", "class": "Missense_Mutation"}
    assert placement.change_words([change]) == "p.G12D (missense)"
    assert placement.change_words([{"protein": "", "class": "Splice_Site"}]) == "splice site"
    assert placement.change_words([change] * 5).endswith("and 2 more")
    assert placement.change_words([]) == ""


def test_values_have_units_of_the_field() -> None:
    assert placement.value_words(1840.4, "lymphocytes/mm2") == "1\u202f840 lymphocytes/mm²"
    assert placement.value_words(1.48, "times the upper limit of normal") == "1.48 × ULN"
    assert placement.percent_of(0.025) == "2.5\u202f%"
    assert placement.percent_of(0.31) == "31\u202f%"


def test_not_measured_wild_type_and_mutated_are_three_things() -> None:
    gene = {"symbol": "TP53", "kind": "mutation", "measured": True, "value": 0.0, "share": 0.31, "n": 853}
    assert gene_words(gene) == "wild type · mutated in 31\u202f% of 853 training patients"
    assert gene_words(gene | {"measured": False, "value": None}) == "not measured"
    assert gene_words(gene | {"value": 1.0}).startswith("mutated · as in 31")


def test_a_feature_without_a_place_still_says_its_value() -> None:
    tissue = {"modality": "histology", "name": "TIL density at the margin", "value": 2100.0, "unit": "lymphocytes/mm2"}
    assert finding_words(tissue, {}) == "2\u202f100 lymphocytes/mm²"
    tiles = {"modality": "histology", "name": "other tiles", "value": 0.067, "unit": ""}
    assert finding_words(tiles, {}) == "6.7\u202f% of the tiles"
    assert finding_words({"modality": "clinical", "name": "ecog", "value": 1.0}, {}) == ""


def test_the_mark_of_a_mini_scale_stays_on_it() -> None:
    assert "left:100.0%" in placement.mini_scale(130)
    assert "<i" not in placement.mini_scale(None)
