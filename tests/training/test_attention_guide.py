"""The pull of the tile attention towards tissue that holds lymphocytes."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from icicore.models.inputs import CaseInputs, collate
from icicore.training.attention_guide import AttentionGuide


@pytest.fixture(scope="module")
def batch(head):
    """Three cases of 40, 25 and no tiles, in which the density of lymphocytes varies."""
    rng = np.random.default_rng(3)
    mean, scale = head.weights["mean"], head.weights["scale"]

    def tiles(n):
        return torch.from_numpy((mean + 2 * rng.normal(size=(n, len(mean))) * scale).astype(np.float32))

    return collate([CaseInputs("a", tiles=tiles(40)), CaseInputs("b", tiles=tiles(25)), CaseInputs("c")])


def loss(guide, batch, logits):
    attention = torch.softmax(logits.masked_fill(~batch.tile_mask, -torch.inf), dim=1).nan_to_num(0.0)
    return guide(batch, SimpleNamespace(tile_attention=attention, logit=torch.zeros(len(batch))))


def test_density_is_the_one_of_the_tile_class_head(head, batch):
    wanted = head(batch.tiles[0, :40].numpy()).log_density
    assert np.ptp(wanted) > 1
    np.testing.assert_allclose(AttentionGuide(head).log_density(batch.tiles)[0, :40].numpy(), wanted, atol=2e-3)


def test_attention_that_follows_the_density_costs_little_and_the_contrary_twice_as_much_as_none(head, batch):
    guide = AttentionGuide(head)
    density = guide.log_density(batch.tiles)
    follows, blind, contrary = (float(loss(guide, batch, k * density)) for k in (1.0, 0.0, -1.0))
    assert blind == pytest.approx(2 / 3, abs=1e-3), "two of three cases have tiles"
    assert follows < 0.25 * blind
    assert contrary - blind == pytest.approx(blind - follows, abs=1e-3)
    assert float(loss(guide, batch, 0.2 * density + 1)) == pytest.approx(follows, abs=0.01), (
        "only the order of tiles counts"
    )


def test_hidden_tiles_do_not_matter_even_when_they_are_no_numbers(head, batch):
    guide, logits = AttentionGuide(head), torch.randn(3, 40, generator=torch.Generator().manual_seed(0))
    spoiled = batch.tiles.masked_fill(~batch.tile_mask[..., None], torch.nan)
    assert torch.equal(loss(guide, replace(batch, tiles=spoiled), logits), loss(guide, batch, logits))


def test_a_batch_adds_up_from_its_parts(head, batch):
    guide, logits = AttentionGuide(head), torch.randn(3, 40, generator=torch.Generator().manual_seed(1))
    parts = []
    for rows in (slice(0, 1), slice(1, 3)):
        part = replace(batch, tiles=batch.tiles[rows], tile_mask=batch.tile_mask[rows], present=batch.present[rows])
        parts.append(loss(guide, part, logits[rows]) * len(part.present))
    assert float(sum(parts)) / 3 == pytest.approx(float(loss(guide, batch, logits)), abs=1e-6)


def test_descent_turns_attention_towards_lymphocytes(head, batch):
    guide, density = AttentionGuide(head), AttentionGuide(head).log_density(batch.tiles)[0]
    logits = torch.randn(3, 40, generator=torch.Generator().manual_seed(2), requires_grad=True)
    before = np.corrcoef(logits[0].detach(), density)[0, 1]
    for _ in range(20):
        (gradient,) = torch.autograd.grad(loss(guide, batch, logits), logits)
        assert not gradient[2].any(), "a case without tiles asks for nothing"
        logits = (logits - 5 * gradient).detach().requires_grad_(True)
    assert np.corrcoef(logits[0].detach(), density)[0, 1] > before + 0.3
