"""Test patients: a bundle's own held-out ones, everybody of a foreign study, never one it was trained on."""

from dataclasses import replace

import numpy as np
import pytest

from icicore.errors import StudyError
from icicore.models.bundle import load_bundle
from icicore.workflows.evaluation.patients import find_test_patients, is_own_study, on_scale_of
from tests.workflows.evaluation.conftest import untrained


def test_the_own_study_gives_the_held_out_patients(world, multimodal):
    concat = load_bundle(world.bundles["concat"])
    found = find_test_patients(world.study, [multimodal.spec, concat.spec])
    np.testing.assert_array_equal(found.rows, world.split.test)
    np.testing.assert_array_equal(found.split.val, world.split.val)


def test_a_renamed_or_corrected_study_is_still_its_own(world, multimodal):
    changed = replace(world.study, name="renamed", gene_values=world.study.gene_values + 1)
    assert is_own_study(changed, multimodal.spec)
    np.testing.assert_array_equal(find_test_patients(changed, [multimodal.spec]).rows, world.split.test)


def test_a_foreign_study_is_tested_whole_and_shared_ids_are_counted(world, multimodal):
    ids = tuple(p if k < 5 else f"other-{k}" for k, p in enumerate(world.study.patients))
    foreign = replace(world.study, name="foreign", patients=ids, gene_values=world.study.gene_values + 1)
    found = find_test_patients(foreign, [multimodal.spec])
    assert len(found.rows) == len(world.study)
    assert found.split is None
    assert found.shared_ids == 5


def test_a_part_of_a_pool_gives_its_held_out_patients_on_the_scale_of_the_pool(world, multimodal):
    cohort = multimodal.spec.cohort
    pooled = replace(multimodal.spec, cohort=cohort | {"study": "a+b", "studies": ["a", "b"]})
    half = np.arange(len(world.study)) < len(world.study) // 2
    ids = tuple(p if own else f"other-{k}" for k, (p, own) in enumerate(zip(world.study.patients, half, strict=True)))
    part = replace(world.study, name="a", patients=ids, gene_values=world.study.gene_values + 1)
    assert is_own_study(part, pooled)
    np.testing.assert_array_equal(find_test_patients(part, [pooled]).rows, [k for k in world.split.test if half[k]])
    moved = replace(part, gene_values=part.gene_values + 3 * part.gene_measured)
    brought = [on_scale_of(pooled, s).gene_values for s in (part, moved)]
    expression = np.array(part.token_kinds) == "expression"
    assert not np.allclose(part.gene_values[:, expression], moved.gene_values[:, expression])
    np.testing.assert_allclose(brought[0][:, expression], brought[1][:, expression], atol=1e-3)
    assert not is_own_study(replace(part, name="c"), pooled)
    assert on_scale_of(multimodal.spec, world.study) is world.study


def test_bundles_of_two_splits_are_tested_on_what_neither_saw(world, multimodal, tmp_path):
    s = world.split
    other = replace(s, train=np.concatenate([s.train, s.test[:20]]), test=s.test[20:])
    second = untrained(tmp_path / "second-virtual", world.study, other, kind="clinical")
    found = find_test_patients(world.study, [multimodal.spec, second.spec])
    np.testing.assert_array_equal(found.rows, s.test[20:])
    assert found.split is None


def test_nobody_left_is_one_clear_line(world, multimodal, tmp_path):
    s = world.split
    other = replace(s, train=s.test, test=s.train)
    second = untrained(tmp_path / "second-virtual", world.study, other, kind="clinical")
    with pytest.raises(StudyError, match="0 test patients"):
        find_test_patients(world.study, [multimodal.spec, second.spec])
