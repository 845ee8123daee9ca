"""The final phase in parts: heads and the backbone's last stage get the gradients of the whole batch."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from icicore.models.inputs import collate
from icicore.training.config import TrainConfig
from icicore.training.dataset import ScaledStudy, Scalers
from icicore.training.module import hide_at_random, loss
from icicore.training.stage_parts import heads_in_parts, in_halves, pooled, stage_in_parts
from tests.factories import make_model, make_study

BATCH = 9
CONFIG = TrainConfig(dropout=0.4)


def world():
    """Cases, maps of two to five tiles each (the last case has none), a stage with batch statistics, two members."""
    study = make_study(BATCH)
    scaled = ScaledStudy(study, Scalers.fit(study, np.arange(BATCH, dtype=np.int32)))
    dim = study.tiles.shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        maps = [torch.rand(2 + i % 4, 4, 6, 6) for i in range(BATCH - 1)] + [None]
        stage = torch.nn.Sequential(torch.nn.Conv2d(4, dim, 3, padding=1), torch.nn.BatchNorm2d(dim), torch.nn.ReLU())
        models = [make_model(3).train(), make_model(4).train()]
    labels = torch.from_numpy(study.responder.astype(np.float32))
    return scaled.cases, maps, stage.eval(), models, labels


def cases_of(cases, maps, stage, parts=1):
    return [
        replace(case, tiles=None if bag is None else pooled(stage, bag, parts))
        for case, bag in zip(cases, maps, strict=True)
    ]


def gradients(parts: int):
    """All gradients as one vector, of the stage and of the heads; the loss; the generator afterwards."""
    cases, maps, stage, models, labels = world()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        if parts == 0:
            batch = collate(cases_of(cases, maps, stage))
            total = torch.stack(
                [loss(m(hide_at_random(batch, CONFIG)), labels, m, auxiliary=CONFIG.auxiliary_loss) for m in models]
            ).mean()
            total.backward()
        else:
            with torch.no_grad():
                made = cases_of(cases, maps, stage, parts)
            total, gradient = heads_in_parts(made, labels, models, CONFIG, parts)
            stage_in_parts(stage, maps, gradient, parts)
        state = torch.get_rng_state()
    vectors = [
        torch.cat([p.grad.flatten() for p in module.parameters() if p.grad is not None])
        for module in (stage, torch.nn.ModuleList(models))
    ]
    return *vectors, total.detach(), state


@pytest.mark.parametrize("parts", [1, 2, 4, BATCH])
def test_the_parts_add_up_to_the_whole_batch_to_1e_5(parts):
    *whole, total, state = gradients(0)
    *summed, again, after = gradients(parts)
    for name, one, other in zip(("stage", "heads"), whole, summed, strict=True):
        assert float(one.norm()) > 1e-4, f"there is something to compare in the {name}"
        assert float((one - other).norm() / one.norm()) < 1e-5, name
    torch.testing.assert_close(again, total, rtol=1e-5, atol=1e-6)
    assert torch.equal(state, after), "what follows draws the same numbers"


def test_tiles_are_encoded_alike_in_parts():
    _, maps, stage, _, _ = world()
    torch.testing.assert_close(pooled(stage, maps[3], 3), pooled(stage, maps[3]))


def test_judging_takes_half_of_the_patients_where_memory_runs_out():
    seen = []

    def work(rows):
        if len(rows) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory (pretended)")
        seen.append(list(rows))
        return torch.tensor(rows, dtype=torch.float32)

    assert in_halves(work, list(range(10))).tolist() == list(range(10))
    assert max(map(len, seen)) <= 3

    def never(rows):
        raise torch.OutOfMemoryError("CUDA out of memory (pretended)")

    with pytest.raises(torch.OutOfMemoryError):
        in_halves(never, [1, 2])
