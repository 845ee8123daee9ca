"""The tile projection starts as the hidden layer of the tile-class head."""

import numpy as np
import pytest
import torch
from torch.nn.functional import layer_norm

from icicore.models.zoo import build
from icicore.training import tile_start
from icicore.training.config import TrainConfig
from icicore.training.dataset import ScaledStudy, Scalers
from icicore.training.fit import fit_member, model_config
from icicore.training.splits import split_patients
from icicore.training.tile_start import projection_of, start_from_tissue
from tests.factories import make_study


@pytest.fixture(scope="module")
def tiles(head):
    """Embeddings like those that the head was fitted on, with a few directions of larger variance."""
    rng = np.random.default_rng(0)
    mean, scale = head.weights["mean"], head.weights["scale"]
    ways = rng.normal(size=(8, len(mean))) * scale
    drawn = mean + rng.normal(size=(4000, 8)) @ ways + 0.3 * rng.normal(size=(4000, len(mean))) * scale
    return torch.from_numpy(drawn.astype(np.float32))


def test_projection_of_standardised_tiles_is_what_the_head_sees(head, tiles):
    weight, bias = projection_of(head, tiles)
    seen = layer_norm(tiles, tiles.shape[-1:]) @ weight.T + bias
    wanted = torch.from_numpy(head.before_hidden(tiles.numpy()))
    unexplained = (seen - wanted).square().sum(dim=0) / (wanted - wanted.mean(dim=0)).square().sum(dim=0)
    assert float(unexplained.median()) < 0.05
    torch.testing.assert_close(seen.mean(dim=0), wanted.mean(dim=0), rtol=1e-3, atol=1e-3)


def scaled(study):
    split = split_patients(study.patients, study.strata, rng=np.random.default_rng(0))
    return ScaledStudy(study, Scalers.fit(study, split.train)), split


def test_encoder_without_a_head_keeps_its_random_start():
    study, split = scaled(make_study())
    network = build(model_config(study, TrainConfig(), "image"))
    before = network.encoders["histology"].project[0].weight.clone()
    assert not start_from_tissue(network, study, split.train)
    assert torch.equal(network.encoders["histology"].project[0].weight, before)


def test_started_projection_is_trained_slowly_and_the_rest_at_the_full_rate(monkeypatch):
    study, split = scaled(make_study())
    given = torch.linspace(-1, 1, 64 * 16).reshape(64, 16), torch.zeros(64)
    monkeypatch.setattr(tile_start, "load_tile_head", lambda encoder_id: object())
    monkeypatch.setattr(tile_start, "projection_of", lambda head, tiles: given)
    study.study.__dict__["backbone"] = study.study.backbone or "fake"
    config = TrainConfig(model="image", members=1, epochs=1, tile_rate=0.0, weight_decay=0.0, attention_guide=0.0)
    member = fit_member(study, split, config, model=model_config(study, config, "image"), index=0)
    layer = member.model.encoders["histology"].project[0]
    assert torch.equal(layer.weight[:64], given[0])
    free = fit_member(study, split, config.model_copy(update={"tile_rate": 1.0}), model=member.model.config, index=0)
    assert not torch.equal(free.model.encoders["histology"].project[0].weight[:64], given[0])


def test_tiles_are_sampled_at_even_steps_over_all_patients():
    study, split = scaled(make_study())
    everything, some = study.sample_tiles(split.train, 10**6), study.sample_tiles(split.train, 50)
    assert 0 < len(some) <= 50 + len(split.train)
    assert len(everything) == sum(len(study.cases[i].tiles) for i in split.train if study.cases[i].tiles is not None)
