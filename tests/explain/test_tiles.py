import numpy as np
import pytest
import torch

from icicore.explain.target import Target
from icicore.explain.tiles import explain_tiles
from tests.explain.small_bundles import small_bundle, small_case


@pytest.mark.parametrize("kind", ["multimodal", "concat", "image"])
@pytest.mark.parametrize("members", [1, 3])
def test_contributions_sum_to_the_score_minus_the_baseline(kind, members):
    bundle, case = small_bundle(kind=kind, members=members), small_case()
    result = explain_tiles(bundle, case)
    assert result.logit == pytest.approx(bundle.score(case).logit, abs=1e-5)
    assert result.contribution.sum(dtype=np.float64) == pytest.approx(result.logit - result.baseline_logit, abs=1e-5)
    assert abs(result.residual) < 0.01 * max(0.1, abs(result.logit - result.baseline_logit))
    assert result.attention.sum() == pytest.approx(1, abs=1e-5)
    assert (result.contribution > 0).any() and (result.contribution < 0).any()


def test_the_baseline_logit_is_the_score_with_the_mean_slide():
    bundle, case = small_bundle(members=2), small_case()
    target = Target(bundle, case)
    logits = []
    for state, z0 in zip(target.states(), bundle.baseline_slide, strict=True):
        embeddings = [z0[None], *state.embeddings[1:]]
        logits.append(float(state.member.fuse(embeddings, torch.ones(1, 3, dtype=torch.bool), torch.ones(1))[0]))
    expected = 1.3 * np.mean(logits) - 0.4
    assert explain_tiles(bundle, case).baseline_logit == pytest.approx(expected, abs=1e-5)


def test_a_linear_head_gives_the_contribution_by_hand():
    """With one linear layer the mean gradient is its weight, so every contribution can be written down."""
    bundle, case = small_bundle(kind="image", members=1), small_case(n_tiles=5)
    member = bundle.model.members[0]
    weight = torch.randn(12)
    member.fuse = lambda embeddings, present, readable: (embeddings[0] @ weight, present.float())
    state = Target(bundle, case).states()[0]
    by_hand = 1.3 * state.tile_attention * ((state.tile_hidden - bundle.baseline_slide[0]) @ weight)
    np.testing.assert_allclose(explain_tiles(bundle, case).contribution, by_hand, atol=1e-5)


def test_tiles_can_be_given_in_any_order():
    bundle, case = small_bundle(), small_case()
    order = torch.randperm(20, generator=torch.Generator().manual_seed(3))
    shuffled = type(case)(**{**vars(case), "tiles": case.tiles[order]})
    a, b = explain_tiles(bundle, case), explain_tiles(bundle, shuffled)
    np.testing.assert_allclose(b.contribution, a.contribution[order], atol=1e-5)


@pytest.mark.parametrize("kind", ["genomic", "clinical"])
def test_a_score_without_histology_has_no_tile_explanation(kind):
    with pytest.raises(ValueError, match="without histology"):
        explain_tiles(small_bundle(kind=kind), small_case())
    with pytest.raises(ValueError, match="without histology"):
        explain_tiles(small_bundle(), small_case().without("histology"))
