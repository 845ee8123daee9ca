"""Selection batches are the same in memory and made anew; batches of whole bags hold little padding; batches ahead."""

import threading

import numpy as np
import pytest
import torch

from icicore.models.inputs import collate
from icicore.training import dataset, selection
from icicore.training.ahead import Ahead, ahead
from icicore.training.dataset import ScaledStudy, Scalers, draw_tiles
from icicore.training.selection import SelectionBatches, held
from tests.factories import make_study


@pytest.fixture(scope="module")
def scaled():
    study = make_study(150)
    return ScaledStudy(study, Scalers.fit(study, np.arange(len(study), dtype=np.int32)))


def test_the_draw_is_that_of_one_case_after_the_other(scaled, monkeypatch):
    rows = np.arange(20, 120, dtype=np.int32)
    made = SelectionBatches.draw(scaled, rows, 8, np.random.default_rng(5))
    rng = np.random.default_rng(5)
    wanted = collate([draw_tiles(scaled.cases[i], 8, rng) for i in rows[:64]])
    assert len(made) == 2 and made[0][0].tiles.equal(wanted.tiles)
    kept = held(made)
    assert isinstance(kept, list)
    monkeypatch.setattr(selection, "IN_MEMORY_BYTES", made.nbytes - 1)
    assert held(made) is made
    for (one, labels), (other, same) in zip(kept, made, strict=True):
        assert one.tiles.equal(other.tiles) and one.tile_mask.equal(other.tile_mask) and labels.equal(same)
    assert made.nbytes == sum(batch.tiles.nbytes for batch, _ in kept)
    assert [labels.tolist() for _, labels in made[:1]] == [kept[0][1].tolist()]


def test_bags_of_very_different_length_do_not_share_a_batch(scaled, monkeypatch):
    rows = np.arange(60, dtype=np.int32)
    lengths = [len(scaled.cases[i].tiles) for i in rows]
    usual = [len(batch) for batch in scaled.batches(rows)]
    assert usual == [16, 16, 16, 12]
    monkeypatch.setattr(dataset, "PADDED_TILES", 0)
    monkeypatch.setattr(dataset, "PADDED", 1.1)
    packed = list(scaled.batches(rows))
    assert len(packed) > len(usual) and sum(len(batch) for batch in packed) == len(rows)
    assert torch.cat([batch.tile_mask.sum(1) for batch in packed]).tolist() == lengths, "in their order"
    padded = sum(batch.tile_mask.numel() for batch in packed)
    assert padded <= 1.1 * sum(lengths)


def test_batches_made_ahead_are_the_same_in_the_same_order():
    assert list(Ahead(range(9))) == list(range(9)) and len(Ahead(range(9))) == 9
    assert ahead(given := [1, 2], on_gpu=False) is given


def test_an_error_arrives_where_its_batch_would():
    def broken():
        yield 1
        raise OSError("gone")

    found = []
    with pytest.raises(OSError, match="gone"):
        found.extend(iter(Ahead(broken())))
    assert threading.active_count() == len(threading.enumerate())
    assert not [t for t in threading.enumerate() if t.name == "batches"]


def test_who_stops_early_stops_the_thread():
    made = []

    def endless():
        while True:
            made.append(1)
            yield len(made)

    for value in Ahead(endless()):
        if value == 3:
            break
    assert not [t for t in threading.enumerate() if t.name == "batches"]
    assert len(made) <= 3 + 2 + 1


def test_tensors_are_pinned_on_the_way(monkeypatch):
    class Pinned:
        def pinned(self):
            return "pinned"

    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: self + 1)
    ((inputs, labels),) = ahead([(Pinned(), torch.zeros(2))], on_gpu=True)
    assert inputs == "pinned" and labels.tolist() == [1, 1]
