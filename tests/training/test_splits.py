"""Splits: 70:10:20, stratified, no patient in two parts."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from icicore.errors import StudyError
from icicore.training.splits import Split, check_classes, split_patients


@given(n=st.integers(10, 400), seed=st.integers(0, 2**31), per_patient=st.integers(1, 4))
def test_every_row_is_in_one_part_and_no_patient_in_two(n, seed, per_patient):
    rng = np.random.default_rng(seed)
    patients = [f"p{i}" for i in rng.integers(0, max(1, n // per_patient), n)]
    strata = {p: str(rng.integers(0, 4)) for p in patients}
    split = split_patients(patients, [strata[p] for p in patients], rng=rng)
    parts = [split.train, split.val, split.test]
    assert sorted(np.concatenate(parts).tolist()) == list(range(n))
    owners = [{patients[i] for i in part} for part in parts]
    assert not (owners[0] & owners[1] or owners[0] & owners[2] or owners[1] & owners[2])


def test_sizes_and_strata_are_as_asked():
    rng = np.random.default_rng(0)
    strata = rng.choice(["melanoma/R", "melanoma/N", "nsclc/R", "nsclc/N"], 703, p=[0.2, 0.3, 0.15, 0.35]).tolist()
    split = split_patients([str(i) for i in range(703)], strata, rng=rng)
    assert [len(split.train), len(split.val), len(split.test)] == pytest.approx([492, 70, 141], abs=1)
    whole = Counter(strata)
    for part, share in ((split.train, 0.7), (split.val, 0.1), (split.test, 0.2)):
        for stratum, count in Counter(strata[i] for i in part).items():
            assert count == pytest.approx(share * whole[stratum], abs=2)


def test_the_seed_fixes_the_split_and_the_order_of_rows_does_not_matter():
    patients, strata = [f"p{i}" for i in range(50)], ["a", "b"] * 25
    first = split_patients(patients, strata, rng=np.random.default_rng(7))
    turned = split_patients(patients[::-1], strata[::-1], rng=np.random.default_rng(7))
    assert {patients[i] for i in first.test} == {patients[::-1][i] for i in turned.test}
    other = split_patients(patients, strata, rng=np.random.default_rng(8))
    assert {patients[i] for i in first.test} != {patients[i] for i in other.test}


def test_a_part_without_responders_is_refused():
    split = Split(*(np.arange(k, k + 2, dtype=np.int32) for k in (0, 2, 4)))
    with pytest.raises(StudyError, match="the val part has 0 responders of 2 patients"):
        check_classes(split, np.array([1, 0, 0, 0, 1, 0], bool), "study")
