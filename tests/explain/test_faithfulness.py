import dataclasses

import numpy as np
import pytest

from icicore.explain.faithfulness import deletion_curve
from icicore.explain.tiles import explain_tiles
from tests.explain.small_bundles import small_bundle, small_case


def test_leaving_out_supporting_tiles_lowers_the_score():
    bundle, case = small_bundle(kind="image"), small_case(n_tiles=60)
    contribution = explain_tiles(bundle, case).contribution
    curve = deletion_curve(bundle, case, contribution, rng=np.random.default_rng(0))
    assert curve.gap > 0 and curve.supporting[3] < curve.random[3] < curve.opposing[3]
    noise = np.random.default_rng(1).permutation(contribution)
    assert deletion_curve(bundle, case, noise, rng=np.random.default_rng(0)).gap < curve.gap
    flipped = deletion_curve(bundle, case, -contribution, rng=np.random.default_rng(0))
    assert flipped.gap == pytest.approx(-curve.gap, abs=1e-6)


def test_the_change_is_the_score_without_those_tiles():
    bundle, case = small_bundle(), small_case(n_tiles=10)
    contribution = np.arange(10, dtype=np.float32)
    curve = deletion_curve(bundle, case, contribution, rng=np.random.default_rng(0), fractions=(0.2,))
    logits = [bundle.score(dataclasses.replace(case, tiles=t)).logit for t in (case.tiles[:8], case.tiles[2:])]
    whole = bundle.score(case).logit
    assert (*curve.supporting, *curve.opposing) == pytest.approx([v - whole for v in logits], abs=1e-6)
    assert set(curve.to_json()) == {"fractions", "supporting", "opposing", "random", "gap"}


def test_too_few_tiles_are_refused():
    with pytest.raises(ValueError, match="at least two tiles"):
        deletion_curve(small_bundle(), small_case(n_tiles=1), np.zeros(1, np.float32), rng=np.random.default_rng(0))
