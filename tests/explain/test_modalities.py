from itertools import permutations

import numpy as np
import pytest

from icicore.domain import MODALITIES
from icicore.explain.modalities import explain_modalities
from icicore.explain.shapley import shapley
from tests.explain.small_bundles import small_bundle, small_case


def brute_force(players, value):
    """Marginal gains averaged over all orders of arrival: the definition."""
    gains = {p: [] for p in players}
    for order in permutations(players):
        before = frozenset()
        for player in order:
            gains[player].append(value(before | {player}) - value(before))
            before |= {player}
    return {p: np.mean(v) for p, v in gains.items()}


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5])
def test_shapley_equals_all_permutations(n):
    rng = np.random.default_rng(n)
    worth = {}

    def value(coalition):
        return worth.setdefault(coalition, float(rng.normal()))

    players = list("abcde"[:n])
    result = shapley(players, value)
    expected = brute_force(players, value)
    assert result == pytest.approx(expected)
    assert sum(result.values()) == pytest.approx(value(frozenset(players)) - value(frozenset()))


@pytest.mark.parametrize("absent", [(), ("genomics",), ("histology", "clinical"), MODALITIES])
def test_modalities_share_the_whole_difference(absent):
    bundle, case = small_bundle(), small_case().without(*absent)
    result = explain_modalities(bundle, case)
    used = [m for m in MODALITIES if m not in absent]
    given = {m: v for m, v in result.contributions.items() if v is not None}
    assert list(given) == used
    assert result.logit == pytest.approx(bundle.score(case).logit)
    assert sum(given.values()) == pytest.approx(result.logit - bundle.spec.base_logit, abs=1e-6)
    assert len(result.subset_logits) == 2 ** len(used)

    def value(coalition):
        rest = [m for m in MODALITIES if m not in coalition]
        return bundle.score(case.without(*rest)).logit if coalition else bundle.spec.base_logit

    assert given == pytest.approx(brute_force(used, value))


def test_a_modality_without_encoder_gets_no_share():
    bundle, case = small_bundle(kind="clinical"), small_case()
    result = explain_modalities(bundle, case)
    assert result.contributions["histology"] is None and result.contributions["genomics"] is None
    assert result.contributions["clinical"] == pytest.approx(bundle.score(case).logit - bundle.spec.base_logit)
    assert set(result.subsets_json()) == {"none", "clinical"}
