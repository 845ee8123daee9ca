"""The fusion on arms that stay as they are: it learns from embeddings what it would see of the data."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from icicore.domain import MODALITIES, modalities_read
from icicore.errors import Cancelled
from icicore.models.inputs import collate
from icicore.training.config import TrainConfig
from icicore.training.dataset import ScaledStudy, Scalers
from icicore.training.fit import fit_member, model_config, raw_logits
from icicore.training.frozen_arms import encoded_once
from icicore.training.plan import ARMS
from icicore.training.splits import Split
from tests.factories import make_study

CONFIG = TrainConfig(members=2, epochs=4, learning_rate=3e-3, device="cpu", patience=4)
SPLIT = Split(*(np.arange(a, b, dtype=np.int32) for a, b in ((0, 60), (60, 75), (75, 90))))


@pytest.fixture(scope="module")
def study() -> ScaledStudy:
    """Ninety patients, some without a slide, genes or clinical values."""
    data = make_study(90)
    scaled = ScaledStudy(data, Scalers.fit(data, SPLIT.train))
    for i, modality in enumerate(MODALITIES):
        for row in range(i, 90, 11):
            scaled.cases[row] = scaled.cases[row].without(modality)
    return scaled


@pytest.fixture(scope="module")
def arms(study):
    return [fit(study, CONFIG, kind).model for kind in ARMS]


def fit(study, config, kind, **options):
    return fit_member(study, SPLIT, config, model=model_config(study, config, kind), index=0, **options)


@pytest.mark.parametrize("kind", ["multimodal", "concat", "mean"])
def test_the_arms_stay_and_the_fusion_learns(kind, study, arms):
    member = fit(study, CONFIG, kind, arms=arms)
    for arm in arms:
        (modality,) = modalities_read(arm.config.kind)
        for name, value in arm.encoders[modality].state_dict().items():
            assert torch.equal(member.model.encoders[modality].state_dict()[name], value), name
    still = fit(study, CONFIG.model_copy(update={"fusion_rate": 0.0}), kind, arms=arms).model.fusion.state_dict()
    assert any(not torch.equal(v, still[name]) for name, v in member.model.fusion.state_dict().items())
    rows = SPLIT.test
    assert np.ptp(raw_logits([member.model], study, rows)[0]) > 0.1


def test_on_embeddings_a_network_says_what_it_says_of_the_data(study, arms):
    network = fit(study, CONFIG, "multimodal", arms=arms).model
    rows, encoders = SPLIT.val, network.encoders
    fully = raw_logits([network], study, rows)[0]
    study.cases = [replace(case, readable=0.3) for case in study.cases]
    expected = raw_logits([network], study, rows)[0]
    with_slide = np.array([study.cases[r].tiles is not None for r in rows])
    np.testing.assert_array_equal(expected != fully, with_slide)
    with encoded_once(network, study, rows) as embedded:
        assert network.encoders is not encoders
        np.testing.assert_allclose(raw_logits([network], embedded, rows)[0], expected, atol=1e-5)
        assert [c.present.tolist() for c in embedded.cases[60:75]] == [c.present.tolist() for c in study.cases[60:75]]
        assert not any(case.present.any() for case in embedded.cases[75:]), "test patients are not even encoded"
        with torch.no_grad():
            alone = network(collate([embedded.cases[next(r for r in rows if study.cases[r].tiles is None)]]))
        assert alone.modality_weights[0, 0] == 0
    assert network.encoders is encoders


def test_arms_that_go_on_learning_change(study, arms):
    config = CONFIG.model_copy(update={"freeze_arms": False, "encoder_rate": 1.0})
    member = fit(study, config, "multimodal", arms=arms)
    before, after = (m.encoders["clinical"].mlp[0].weight for m in (arms[2], member.model))
    assert not torch.equal(before, after)


def test_a_fusion_cancelled_in_the_middle_continues_to_the_bit(study, arms, tmp_path):
    def stop(epoch: int, loss: float) -> None:
        if epoch == 1:
            raise Cancelled("training")

    keep = tmp_path / "state"
    with pytest.raises(Cancelled):
        fit(study, CONFIG, "multimodal", arms=arms, keep=keep, on_epoch=stop)
    seen = []
    resumed = fit(study, CONFIG, "multimodal", arms=arms, keep=keep, on_epoch=lambda n, _: seen.append(n))
    whole = fit(study, CONFIG, "multimodal", arms=arms)
    assert seen == [2, 3] and resumed.history == whole.history
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
