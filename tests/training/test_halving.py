"""When memory runs out a step takes fewer cases at a time, with the same gradients as the whole batch."""

import logging

import numpy as np
import pytest
import torch

from icicore.errors import InputError
from icicore.models.inputs import collate
from icicore.training import fit
from icicore.training.config import TrainConfig
from icicore.training.dataset import ScaledStudy, Scalers
from icicore.training.halving import Halving, SameDropout, backward_in_parts
from icicore.training.journal import Journal, read_journal, summarise
from icicore.training.module import ResponseModule, hide_at_random, loss
from tests.factories import make_model, make_study
from tests.training.test_resume import CONFIG, member

BATCH = 12
SHIFTS = ("fusion.score.bias", "encoders.histology.attention.score.bias")
"""A softmax does not see them: their gradient is rounding alone, which Adam blows up."""
RECIPE = CONFIG.model_copy(update={"dropout": 0.4, "epochs": 3})


def run_out_above(most: int):
    """The loss of a batch, with too little memory for more than so many cases."""
    real = ResponseModule.batch_loss

    def batch_loss(self, inputs, labels):
        if len(labels) > most:
            raise torch.OutOfMemoryError("CUDA out of memory (pretended)")
        return real(self, inputs, labels)

    return batch_loss


def gradients(parts: int) -> tuple[dict[str, torch.Tensor], torch.Tensor, torch.Tensor]:
    study = make_study(BATCH)
    scaled = ScaledStudy(study, Scalers.fit(study, np.arange(BATCH, dtype=np.int32)))
    model = make_model(3).train()
    batch, labels = collate(scaled.cases), torch.from_numpy(study.responder.astype(np.float32))

    def loss_of(part, rows):
        return loss(model(part), labels[rows], model, auxiliary=0.5)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        hidden = hide_at_random(batch, TrainConfig())
        if parts == 0:
            total = loss_of(hidden, slice(0, BATCH))
            total.backward()
        else:
            total = backward_in_parts(hidden, loss_of, parts)
        state = torch.get_rng_state()
    return {n: p.grad for n, p in model.named_parameters() if p.grad is not None}, total.detach(), state


@pytest.mark.parametrize("parts", [1, 2, 3, 5, BATCH])
def test_parts_add_up_to_the_gradient_of_the_whole_batch_dropout_included(parts):
    whole, total, state = gradients(0)
    summed, again, after = gradients(parts)
    assert set(whole) == set(summed)
    assert max(float(g.abs().max()) for g in whole.values()) > 1e-3, "there is something to compare"
    for name, gradient in whole.items():
        torch.testing.assert_close(summed[name], gradient, rtol=1e-4, atol=1e-6, msg=name)
    torch.testing.assert_close(again, total)
    assert torch.equal(state, after), "what follows draws the same numbers"


def test_dropout_in_parts_is_that_of_the_whole():
    x = torch.rand(6, 3, 4)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        whole = [torch.nn.functional.dropout(x, 0.5), torch.nn.functional.dropout(x[:, 0], 0.2)]
        torch.manual_seed(5)
        mode, parts = SameDropout(6), []
        for start, stop in ((0, 4), (4, 6)):
            with mode.part(start, stop):
                part = x[start:stop]
                parts.append([torch.nn.functional.dropout(part, 0.5), torch.nn.functional.dropout(part[:, 0], 0.2)])
    for k, one in enumerate(whole):
        torch.testing.assert_close(torch.cat([p[k] for p in parts]), one)
        assert bool((one == 0).any())


def test_a_training_that_runs_out_of_memory_ends_like_one_that_does_not(monkeypatch, tmp_path, caplog):
    undisturbed = member(RECIPE)
    monkeypatch.setattr(ResponseModule, "batch_loss", run_out_above(9))
    journal = Journal(tmp_path / "events.jsonl")
    with caplog.at_level(logging.WARNING, logger="icicore.training.halving"):
        halved = member(RECIPE, journal=journal)
    assert halved.history == pytest.approx(undisturbed.history, abs=1e-3)
    other = undisturbed.model.state_dict()
    for name, value in halved.model.state_dict().items():
        if name not in SHIFTS:
            torch.testing.assert_close(value, other[name], rtol=1e-3, atol=2e-4, msg=name)
    assert caplog.messages == [
        "GPU memory ran out: 16 patients at a time from here on, with the same result",
        "GPU memory ran out: 8 patients at a time from here on, with the same result",
    ]
    assert [n["cases"] for n in summarise(read_journal(journal.path)).notes] == [16, 8]


def test_without_memory_for_one_patient_it_says_what_to_change(monkeypatch):
    monkeypatch.setattr(ResponseModule, "batch_loss", run_out_above(0))
    with pytest.raises(InputError, match="too small even for one patient at a time.*lower tiles_per_bag"):
        member(RECIPE)


def test_running_out_in_the_backward_pass_leaves_nothing_of_the_failed_try(monkeypatch):
    undisturbed, failed = member(RECIPE), []
    real = torch.Tensor.backward

    def backward(self, *args, **kwargs):
        if not failed:
            failed.append(True)
            real(self, *args, **kwargs)  # gradients are there when memory runs out
            raise torch.OutOfMemoryError("CUDA out of memory (pretended)")
        return real(self, *args, **kwargs)

    monkeypatch.setattr(torch.Tensor, "backward", backward)
    halved = member(RECIPE)
    assert failed
    other = undisturbed.model.state_dict()
    for name, value in halved.model.state_dict().items():
        if name not in SHIFTS:
            torch.testing.assert_close(value, other[name], rtol=1e-3, atol=2e-4, msg=name)


def test_judging_an_epoch_halves_too(monkeypatch):
    undisturbed = member(RECIPE)
    real = fit.MultimodalModel.forward

    def forward(self, batch):
        if not self.training and len(batch) > 10:
            raise torch.OutOfMemoryError("CUDA out of memory (pretended)")
        return real(self, batch)

    monkeypatch.setattr(fit.MultimodalModel, "forward", forward)
    assert member(RECIPE).history == pytest.approx(undisturbed.history)


def test_halving_ends_at_one_case():
    halving = Halving()
    seen = []
    for _ in range(3):
        halving.halve(5)
        seen.append(halving.parts)
    assert seen == [2, 4, 5]
    with pytest.raises(InputError):
        halving.halve(5)
