"""Cohorts put together: nobody is mixed up, and a cohort from elsewhere comes to the scale of the others."""

from dataclasses import replace

import numpy as np
import pytest

from icicore.errors import StudyError
from icicore.training.dataset import Scalers
from icicore.training.pool import aligned_to, pool_studies, read_pool
from icicore.training.study import read_study
from tests.factories import make_study
from tests.training.study_folder import write_small_study


def named(name: str, n: int, seed: int, **changes):
    study = make_study(n, seed=seed)
    return replace(study, name=name, patients=tuple(f"{name}.{p}" for p in study.patients), **changes)


def test_every_patient_keeps_what_is_theirs():
    first, second = named("a", 40, 0), named("b", 30, 1)
    pool = pool_studies([first, second], name="both", align=False)
    assert pool.patients == first.patients + second.patients
    assert pool.sites == ("a",) * 40 + ("b",) * 30
    assert pool.pooled == ("a", "b")
    assert pool.cohorts.tolist() == [0] * 40 + [1] * 30
    assert set(first.cohorts) == {0}
    np.testing.assert_array_equal(pool.responder, np.concatenate([first.responder, second.responder]))
    own = pool.tiles[pool.offsets[43] : pool.offsets[44]]
    np.testing.assert_array_equal(own, second.tiles[second.offsets[3] : second.offsets[4]])
    index = pool.tile_index[pool.offsets[43] : pool.offsets[44]]
    np.testing.assert_array_equal(index, second.tile_index[second.offsets[3] : second.offsets[4]])
    np.testing.assert_array_equal(pool.gene_values[40:], second.gene_values)
    assert pool.clinical[40:] == second.clinical


def test_a_cohort_that_states_labels_alone_joins_one_with_grades():
    first, second = named("a", 40, 0), named("b", 30, 1, grades=None)
    pool = pool_studies([first, second], name="both")
    assert pool.grades.tolist() == [*first.grades.tolist(), *[-1] * 30]
    assert pool_studies([second], name="one").grades is None


def test_cohorts_without_slides_join_those_with_slides():
    bare = named("b", 30, 1, tiles=np.zeros((0, 0), np.float16), tile_index=np.zeros((0, 2), np.int32),
                 offsets=np.zeros(31, np.int64), backbone="", backbone_digest="")  # fmt: skip
    pool = pool_studies([bare, named("a", 40, 0)], name="both")
    assert pool.backbone == "fake"
    assert pool.offsets[30] == 0
    assert pool.offsets[-1] == len(pool.tiles)
    assert (
        len(pool_studies([bare, replace(bare, name="c", patients=tuple("c" + p for p in bare.patients))], name="x"))
        == 60
    )


def test_a_batch_effect_between_cohorts_is_gone():
    first, second = named("a", 40, 0), named("b", 40, 1)
    shifted = replace(second, gene_values=np.where(second.gene_measured, second.gene_values + 4, 0).astype(np.float32))
    pool = pool_studies([first, shifted], name="both")
    expression = [i for i, kind in enumerate(pool.token_kinds) if kind == "expression"]
    means = [np.mean(pool.gene_values[rows][:, expression], axis=0, where=pool.gene_measured[rows][:, expression])
             for rows in (slice(0, 40), slice(40, 80))]  # fmt: skip
    np.testing.assert_allclose(means[0], means[1], atol=1e-4)
    scaler = Scalers.fit(first, np.arange(40, dtype=np.int32)).tokens
    seen = [aligned_to(s, scaler).gene_values[:, expression] for s in (second, shifted)]
    np.testing.assert_allclose(*seen, atol=1e-4)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ([], "holds no study"),
        ([named("a", 30, 0), named("a", 30, 0)], "study a is named twice"),
        ([named("a", 30, 0), replace(named("a", 30, 0), name="b")], "patient a.P000 is in two studies"),
        ([named("a", 30, 0), named("b", 30, 0, panel="other/v9")], "different gene panels"),
        ([named("a", 30, 0), named("b", 30, 0, backbone="other")], "different encoders"),
    ],
)
def test_what_does_not_go_together_is_refused(others, message):
    with pytest.raises(StudyError, match=message):
        pool_studies(others, name="x")


def test_one_folder_is_read_as_it_is_and_folders_of_equal_ids_are_refused(tmp_path):
    folder = write_small_study(tmp_path / "one")
    alone = read_pool([folder])
    assert (alone.name, alone.pooled) == ("one", ())
    assert alone.digest() == read_study(folder).digest()
    with pytest.raises(StudyError, match=r"one\+two: patient P00 is in two studies"):
        read_pool([folder, write_small_study(tmp_path / "two", seed=1)])
