"""Training after a bundle: its test patients stay apart, its weights can be continued, and the bundle says so."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from icicore.errors import StudyError
from icicore.models.bundle import load_bundle
from icicore.training import successor
from icicore.training.leakage import case_hash, checked_split, part_of
from icicore.training.successor import After, Before, learnt_before, split_like
from icicore.training.train import train_on
from tests.factories import make_study
from tests.training.test_train import CONFIG

SHORT = CONFIG.model_copy(update={"epochs": 2, "comparisons": (), "bootstrap": 20})
FORMER = {"scale_by_present": False, "weigh_readable": False}


@pytest.fixture(scope="module")
def study():
    return make_study(160)


@pytest.fixture(scope="module")
def parent(study, tmp_path_factory):
    return train_on(study, tmp_path_factory.mktemp("parent") / "first", SHORT)


def grown(study, n: int = 60):
    """The same patients and as many new ones behind them."""
    more = make_study(n, seed=7)
    return replace(
        study,
        name="grown",
        patients=(*study.patients, *(f"N{i:03d}" for i in range(n))),
        tumour_types=(*study.tumour_types, *more.tumour_types),
        sites=(*study.sites, *more.sites),
        responder=np.concatenate([study.responder, more.responder]),
        grades=np.concatenate([study.grades, more.grades]),
        tiles=np.concatenate([study.tiles, more.tiles]),
        tile_index=np.concatenate([study.tile_index, more.tile_index]),
        offsets=np.concatenate([study.offsets, study.offsets[-1] + more.offsets[1:]]),
        gene_values=np.concatenate([study.gene_values, more.gene_values]),
        gene_measured=np.concatenate([study.gene_measured, more.gene_measured]),
        clinical=(*study.clinical, *more.clinical),
    )


def test_whom_the_bundle_knows_stays_where_he_was(study, parent):
    bigger = grown(study)
    split = split_like(bigger, 5, parent.spec.cohort)
    before = checked_split(study, SHORT.seed)
    for part in ("train", "val", "test"):
        known = [row for row in getattr(split, part) if row < len(study)]
        assert known == sorted(getattr(before, part))
    assert len(split.test) == len(before.test) + 12
    rows = np.concatenate([split.train, split.val, split.test])
    assert sorted(rows) == list(range(len(bigger)))
    assert (
        successor.tested_before(bigger, split, parent.spec.cohort)
        == learnt_before(bigger, split, parent.spec.cohort)
        == []
    )


def test_strangers_alone_are_split_by_the_seed(parent):
    others = replace(make_study(160, seed=3), patients=tuple(f"X{i}" for i in range(160)))
    split, plain = split_like(others, 4, parent.spec.cohort), checked_split(others, 4)
    assert np.array_equal(split.test, plain.test)


def test_a_split_that_trains_on_test_patients_is_refused_with_their_ids(study, parent, tmp_path):
    after = After(Before("first", parent.spec.cohort), keep_split=False)
    recipe = SHORT.model_copy(update={"seed": 9})
    leaked = successor.tested_before(study, checked_split(study, 9), parent.spec.cohort)
    assert leaked
    with pytest.raises(StudyError, match=f"{len(leaked)} patients to train on are test patients of first: {leaked[0]}"):
        train_on(study, tmp_path / "second", recipe, after=after)
    assert not (tmp_path / "second").exists()


def test_a_test_patients_slide_under_another_name_is_found(study, parent):
    digests = tuple((f"{i:064x}",) for i in range(len(study)))
    cohort = dict(parent.spec.cohort)
    cohort["slide_hashes"] = {"test": [case_hash(cohort["salt"], digests[3][0])]}
    renamed = replace(study, patients=tuple(f"Z{i:03d}" for i in range(len(study))), slide_digests=digests)
    split = checked_split(renamed, 0)
    there = 3 in np.concatenate([split.train, split.val])
    assert successor.tested_before(renamed, split, cohort) == (["Z003"] if there else [])


def test_continuing_begins_with_the_weights_and_keeps_the_lineage(study, parent, tmp_path):
    still = SHORT.model_copy(update={"learning_rate": 1e-12, "epochs": 1, "seed": 3})
    child = train_on(study, tmp_path / "second", still, after=After(parent=parent))
    for name, value in parent.model.state_dict().items():
        torch.testing.assert_close(child.model.state_dict()[name], value, msg=name)
    assert child.spec.training["parent"] == {
        "name": parent.spec.name,
        "folder": "first",
        "digest": parent.digest,
    }
    assert child.spec.training["calibrate_on"] == "validation"
    assert child.spec.cohort["case_hashes"]["test"] == parent.spec.cohort["case_hashes"]["test"]
    assert child.spec.token_scaler.to_json() == parent.spec.token_scaler.to_json()
    assert "parent" not in parent.spec.training
    assert load_bundle(child.folder).digest == child.digest


def test_continuing_learns_and_is_resumed_under_its_own_key(study, parent, tmp_path):
    after = After(parent=parent)
    bigger = grown(study)
    child = train_on(bigger, tmp_path / "second", SHORT, after=after)
    weights, old = child.model.state_dict(), parent.model.state_dict()
    assert any(not torch.equal(weights[name], old[name]) for name in old)
    assert set(part_of(parent.spec.cohort, [bigger.patients[0]])) != {None}
    assert After().marks == ()
    assert len({after.marks, After(Before("a", parent.spec.cohort)).marks, ()}) == 3


def test_a_continued_bundle_keeps_its_fusion(study, tmp_path):
    """A bundle of before the scaling by what is present can be continued, and is fused as it was trained."""
    old = train_on(study, tmp_path / "first", SHORT.model_copy(update=FORMER | {"epochs": 1}))
    child = train_on(study, tmp_path / "second", SHORT.model_copy(update={"epochs": 1}), after=After(parent=old))
    assert not (child.spec.model.scale_by_present or child.spec.model.weigh_readable)
    assert child.model.members[0].fusion.complete == 0
    encoders = [bundle.model.members[0].encoders["clinical"].mlp[0].weight for bundle in (old, child)]
    assert not torch.equal(*encoders), "all of it goes on learning"


@pytest.mark.parametrize(
    ("changed", "recipe", "line"),
    [
        ({"tokens": tuple(f"H{i}" for i in range(16))}, {}, "it reads the genes of icicore/test"),
        ({"backbone": "other"}, {}, "its slides were embedded by fake, those of the study by other"),
        ({}, {"width": 2.0}, "its histology dim is 128, the recipe says 256"),
        ({}, {"model": "concat"}, "its kind is multimodal, the recipe says concat"),
    ],
)
def test_what_does_not_fit_is_not_continued(study, parent, tmp_path, changed, recipe, line):
    other = replace(study, **changed)
    with pytest.raises(StudyError, match=line):
        train_on(other, tmp_path / "second", SHORT.model_copy(update=recipe), after=After(parent=parent))


def test_the_bundle_is_plain_json(parent):
    json.dumps(parent.spec.to_json())
