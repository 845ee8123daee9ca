"""Batches: balanced in training only, statistics from training patients only, tiles drawn anew."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from icicore.models.tile_classes import TILE_CLASSES
from icicore.training import dataset
from icicore.training.balance import BalancedRows
from icicore.training.config import TrainConfig
from icicore.training.dataset import ScaledStudy, Scalers, TrainingBatches
from icicore.training.fit import resample
from icicore.training.module import hide_at_random, loss
from tests.factories import make_model, make_study


@pytest.fixture
def study():
    return make_study(60)


def test_scalers_see_training_patients_only(study):
    rows = np.arange(30, dtype=np.int32)
    genes = study.gene_values.copy()
    genes[30:] = 1e6
    before, after = Scalers.fit(study, rows), Scalers.fit(replace(study, gene_values=genes), rows)
    np.testing.assert_array_equal(before.tokens.mean, after.tokens.mean)
    np.testing.assert_array_equal(before.tokens.scale, after.tokens.scale)


def test_training_batches_hold_both_classes_equally_and_only_their_rows(study):
    scaled = ScaledStudy(study, Scalers.fit(study, np.arange(40, dtype=np.int32)))
    rows = np.arange(40, dtype=np.int32)
    batches = TrainingBatches(scaled, rows, batch_size=8, tiles_per_bag=5, rng=np.random.default_rng(0))
    seen = list(batches)
    labels = torch.cat([y for _, y in seen])
    assert len(seen) == len(batches)
    assert labels.mean() == 0.5
    assert all(b.tiles.shape[1] == 5 for b, _ in seen)


def test_every_patient_of_the_rarer_class_is_seen():
    labels = np.array([True] * 5 + [False] * 14)
    rows = BalancedRows(np.arange(19, dtype=np.int32), labels, np.zeros(19, np.int32))
    drawn = rows.draw(np.random.default_rng(1))
    assert set(drawn.tolist()) == set(range(19))
    assert labels[drawn].mean() == 0.5
    assert len(rows) == len(drawn) == 28


def test_classes_are_balanced_within_each_cohort_and_one_of_a_single_class_stays_as_it_is():
    labels = np.array([True] * 12 + [False] * 8 + [True] * 2 + [False] * 18 + [False] * 5)
    cohorts = np.repeat([0, 1, 2], [20, 20, 5]).astype(np.int32)
    rows = BalancedRows(np.arange(45, dtype=np.int32), labels, cohorts)
    drawn = rows.draw(np.random.default_rng(1))
    assert [labels[drawn[cohorts[drawn] == c]].mean() for c in (0, 1)] == [0.5, 0.5]
    assert set(drawn.tolist()) == set(range(45))
    assert len(rows) == len(drawn) == 24 + 36 + 5
    assert (drawn[cohorts[drawn] == 2] >= 40).all()


def test_batches_of_a_pool_are_balanced_within_its_cohorts(study):
    responder = np.arange(60) % 2 == 0
    responder[30:] = np.arange(30) % 6 == 0
    pool = replace(study, responder=responder, grades=None, pooled=("a", "b"), sites=("a",) * 30 + ("b",) * 30)
    scaled = ScaledStudy(pool, Scalers.fit(pool, np.arange(60, dtype=np.int32)))
    batches = TrainingBatches(scaled, np.arange(60, dtype=np.int32), 8, 5, np.random.default_rng(0))
    assert len(batches) == len(list(batches)) == -(-(30 + 50) // 8)
    assert pool.digest() != replace(pool, pooled=()).digest()


def test_a_bootstrap_resample_and_what_it_left_out_are_disjoint():
    rows, labels = np.arange(10, 60, dtype=np.int32), np.arange(60) % 3 == 0
    drawn, left = resample(rows, labels, np.random.default_rng(0))
    assert len(drawn) == len(rows)
    assert not set(drawn) & set(left)
    assert set(drawn) | set(left) == set(rows)
    assert labels[drawn].sum() == labels[rows].sum()


def test_hiding_modalities_always_leaves_one(study):
    scaled = ScaledStudy(study, Scalers.fit(study, np.arange(60, dtype=np.int32)))
    batch = next(scaled.batches(range(60), size=60))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        hidden = hide_at_random(batch, TrainConfig(modality_dropout=0.8))
    assert hidden.present.any(dim=1).all()
    assert hidden.present.sum() < batch.present.sum()
    assert (batch.present | ~hidden.present).all()


def test_the_auxiliary_loss_counts_only_arms_that_are_present(study):
    scaled = ScaledStudy(study, Scalers.fit(study, np.arange(60, dtype=np.int32)))
    batch = next(scaled.batches(range(4)))
    model = make_model(config=replace(make_model().config, gene_pathways=2))
    labels = torch.tensor([1.0, 0.0, 1.0, 0.0])
    output = model(replace(batch, present=torch.tensor([[True, False, False]] * 4)))
    plain = torch.nn.functional.binary_cross_entropy_with_logits
    expected = plain(output.logit, labels) + 0.5 * plain(output.arm_logits[:, 0], labels)
    torch.testing.assert_close(loss(output, labels, model, auxiliary=0.5), expected)


class Head:
    """Sees necrosis in tiles whose first channel is positive, else tumour; counts how often it was asked."""

    asked = 0

    def __call__(self, tiles):
        self.asked += 1
        names = np.where(tiles[:, 0] > 0, TILE_CLASSES.index("necrosis"), TILE_CLASSES.index("tumour"))
        return SimpleNamespace(tile_class=names)


def test_the_readable_share_is_of_all_tiles_of_a_patient_and_found_once(study, monkeypatch):
    head = Head()
    monkeypatch.setattr(dataset, "load_tile_head", lambda encoder: head)
    study = replace(study, backbone="any", backbone_digest="0", grid={"tile_px": 256, "mpp": 0.5})
    scalers = Scalers.fit(study, np.arange(30, dtype=np.int32))
    for _ in range(2):
        cases = ScaledStudy(study, scalers).cases
    assert head.asked == sum(case.tiles is not None for case in cases)
    for case in cases:
        share = 1.0 if case.tiles is None else float((case.tiles[:, 0] <= 0).float().mean())
        assert case.readable == pytest.approx(share)
        assert case.without("histology").readable == 1.0
    assert len({case.readable for case in cases}) > 3
    batch = next(iter(ScaledStudy(study, scalers).batches([0, 1, 2])))
    assert batch.readable.tolist() == pytest.approx([case.readable for case in cases[:3]])


@pytest.mark.parametrize("grid", [{"tile_px": 256, "mpp": 1.0}, {"tile_px": 224, "mpp": 0.5}])
def test_tiles_of_another_size_are_not_judged(study, grid, monkeypatch):
    monkeypatch.setattr(dataset, "load_tile_head", lambda encoder: Head())
    study = replace(study, backbone="any", backbone_digest="0", grid=grid)
    assert set(dataset.readable_shares(study)) == {1.0}


def test_published_expression_and_the_burden_start_with_more_and_a_published_mutated_gene_like_any_set(study):
    kinds = ("mutation", "mutation", "tmb", "expression", "expression")
    published = replace(
        study,
        token_kinds=kinds,
        token_pathways=(("a",), ("b",), ("burden",), ("a",), ("b",)),
        token_signatures=(("gene mutated",), (), (), ("interferon",), ("interferon",)),
        gene_measured=np.ones((300, 5), np.bool_),
    )
    sets = published.gene_sets()
    starts = {
        (bool(flag), *members.nonzero().flatten().tolist()): float(start)
        for flag, members, start in zip(sets.published, sets.membership.T, sets.start, strict=True)
    }
    assert (starts[True, 0], starts[False, 2], starts[True, 3, 4]) == (1, 2, 3)
    assert sets.start.sum() == 10  # four plain sets of one token each, and these
    assert not published.gene_sets(signatures=False).published.any()


def test_what_no_training_patient_had_reaches_no_model(study):
    """Weights of what was never trained on are as they were drawn: a cohort that has it must not be moved by them."""
    kinds = np.array(study.token_kinds)
    poor = replace(
        study,
        gene_measured=study.gene_measured & (kinds != "expression"),
        clinical=tuple(None if c is None else replace(c, ldh_uln=None) for c in study.clinical),
    )
    rows = np.arange(40, dtype=np.int32)
    scalers = Scalers.fit(poor, rows)
    model = make_model()
    assert (study.gene_measured & (kinds == "expression")).any()
    assert any(c is not None and c.ldh_uln is not None for c in study.clinical)
    for rich, bare in zip(
        ScaledStudy(study, scalers).batches(range(len(study))),
        ScaledStudy(poor, scalers).batches(range(len(study))),
        strict=True,
    ):
        with torch.no_grad():
            torch.testing.assert_close(model(rich).logit, model(bare).logit)
