"""Attention that gene sets begin with: what few patients can teach begins low, whatever else the set is."""

import numpy as np
import pytest
import torch

from icicore.training.gene_sets import gene_sets

KINDS = ("mutation", "tmb", "expression", "expression")
PATHWAYS = (("P",), (), ("P",), ("P",))
SIGNATURES = (("S",), (), (), ("S",))


def starts(with_expression: int, n: int) -> dict[str, float]:
    measured = np.ones((n, 4), np.bool_)
    measured[with_expression:, 2:] = False
    found = gene_sets(KINDS, PATHWAYS, SIGNATURES, measured)
    assert found.published.tolist() == [False, False, True, True]
    assert found.membership.shape == (4, 4)
    names = ("expression", "mutation", "expression signature", "mutation signature")
    return dict(zip(names, found.start.tolist(), strict=True))


def test_sets_that_many_patients_have_begin_with_all_of_their_start():
    assert starts(300, 1000) == starts(1000, 1000)
    assert starts(300, 1000)["expression signature"] == 3 * starts(300, 1000)["expression"]


@pytest.mark.parametrize("few", [3, 75, 299])
def test_sets_that_few_patients_have_begin_with_the_root_of_their_share(few):
    low, full = starts(few, 400), starts(400, 400)
    assert {k: low[k] / full[k] for k in low} == pytest.approx(
        {k: (few / 300) ** 0.5 if "expression" in k else 1.0 for k in low}
    )


def test_a_set_that_nobody_has_still_begins_with_a_finite_attention():
    assert 0 < starts(0, 400)["expression"] < 0.1
    assert torch.tensor(list(starts(0, 400).values())).log().isfinite().all()


def test_a_patient_counts_for_a_set_by_any_of_its_genes():
    measured = np.zeros((100, 4), np.bool_)
    measured[:50, 2], measured[50:, 3] = True, True
    found = gene_sets(KINDS, PATHWAYS, SIGNATURES, measured).start
    assert found[0] == pytest.approx((100 / 300) ** 0.5) and found[2] == pytest.approx(3 * (50 / 300) ** 0.5)
