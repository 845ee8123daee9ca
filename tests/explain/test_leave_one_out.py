"""Leaving out one tile, against scoring the case anew without it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from icicore.explain.leave_one_out import leave_one_out
from icicore.models.inputs import collate
from tests.explain.small_bundles import small_bundle, small_case


@pytest.mark.parametrize("kind", ["multimodal", "concat", "image"])
@pytest.mark.parametrize("members", [1, 3])
def test_it_is_the_difference_of_two_scores(kind, members):
    bundle, case = small_bundle(kind=kind, members=members), small_case()
    whole = bundle.score(case).logit
    rest = [
        bundle.score(replace(case, tiles=torch.cat([case.tiles[:i], case.tiles[i + 1 :]]))).logit for i in range(20)
    ]
    found = leave_one_out(bundle, case)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, whole - np.array(rest), atol=2e-6)
    assert (found > 0).any() and (found < 0).any()


def test_it_resolves_one_tile_of_thousands():
    """Twenty thousand copies of two tiles: the effect is far below what single precision can tell apart."""
    bundle, case = small_bundle(members=1), small_case(n_tiles=2)
    many = replace(case, tiles=case.tiles.repeat(10_000, 1))
    found = leave_one_out(bundle, many)
    assert len(np.unique(found)) == 2
    assert np.abs(found).max() < 1e-3
    attention = bundle.model.member_outputs(collate([many]))[0].tile_attention[0]
    np.testing.assert_allclose(float(attention.numpy() @ found), 0, atol=1e-6)


def test_an_encoder_that_lets_tiles_talk_to_each_other_has_no_such_layer(monkeypatch):
    bundle, case = small_bundle(members=1), small_case()
    encode = bundle.model.members[0].encode_histology

    def mixing(tiles, mask):
        return encode(tiles - 0.7 * tiles.mean(dim=1, keepdim=True), mask)

    monkeypatch.setattr(bundle.model.members[0], "encode_histology", mixing)
    assert leave_one_out(bundle, case) is None


def test_a_single_tile_cannot_be_left_out():
    assert leave_one_out(small_bundle(), small_case(n_tiles=1)) is None


def test_a_score_without_histology_is_refused():
    with pytest.raises(ValueError, match="without histology"):
        leave_one_out(small_bundle(kind="clinical"), small_case())
