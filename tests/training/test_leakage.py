"""Nothing of a test patient reaches training: not by patient, not by slide, not by content."""

from dataclasses import replace

import numpy as np
import pytest

from icicore.errors import StudyError
from icicore.training.leakage import case_hash, check_leakage, check_successor, checked_split, part_of
from icicore.training.splits import Split
from tests.factories import make_study


@pytest.fixture
def study():
    return make_study(60)


def digests(n, **changed):
    return tuple(changed.get(f"p{i}", (f"{i:064x}",)) for i in range(n))


def refused(study, split=None):
    with pytest.raises(StudyError) as caught:
        check_leakage(study, split or checked_split(make_study(60), 0))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_sound_study_passes(study):
    check_leakage(replace(study, slide_digests=digests(60)), checked_split(study, 0))


def test_two_patients_that_share_a_slide_are_named(study):
    shared = digests(60, p7=("a" * 64, "b" * 64), p31=("c" * 64, "b" * 64))
    line = refused(replace(study, slide_digests=shared))
    assert "patients P007 and P031 share a slide" in line
    assert "bbbbbbbbbbbb" in line


def test_several_pairs_are_counted(study):
    shared = digests(60, p1=("a" * 64,), p2=("a" * 64,), p3=("a" * 64,))
    assert "P001 and P002" in (line := refused(replace(study, slide_digests=shared)))
    assert "1 more such pairs" in line


def test_one_patient_may_have_a_slide_twice(study):
    check_leakage(replace(study, slide_digests=digests(60, p1=("a" * 64,) * 2)), checked_split(study, 0))


@pytest.mark.parametrize("twin", ["p003", "P003 ", " p 003"])
def test_one_patient_in_two_spellings_is_refused(study, twin):
    patients = list(study.patients)
    patients[40] = twin
    assert "are one patient (differ in case or blanks only)" in refused(replace(study, patients=tuple(patients)))


def test_a_copied_bag_is_found_without_any_digest(study):
    start, stop = study.offsets[5], study.offsets[6]
    tiles, offsets = study.tiles, study.offsets.copy()
    copied = np.concatenate([tiles, tiles[start:stop]])
    offsets[-1] = len(copied)
    own = replace(study, tiles=np.concatenate([tiles[: offsets[59]], tiles[start:stop]]), offsets=offsets.copy())
    own.offsets[-1] = len(own.tiles)
    assert "patients P005 and P059 have the same tiles" in refused(own)


def test_patients_without_slides_share_nothing(study):
    bare = replace(study, tiles=np.zeros((0, 0), np.float16), offsets=np.zeros(61, np.int64))
    check_leakage(bare, checked_split(study, 0))


def test_a_copied_expression_profile_is_found_where_enough_genes_were_measured(study):
    rng = np.random.default_rng(0)
    genes = rng.normal(size=(60, 150)).astype(np.float32)
    genes[9] = genes[4]
    wide = {
        "tokens": tuple(f"G{i}" for i in range(150)),
        "token_kinds": ("expression",) * 150,
        "token_pathways": (("x",),) * 150,
    }
    copied = replace(study, gene_values=genes, gene_measured=np.ones((60, 150), bool), **wide)
    assert "P004 and P009 have the same expression profile" in refused(copied)
    few = np.zeros((60, 150), bool)
    few[:, :50] = True
    check_leakage(replace(copied, gene_measured=few), checked_split(study, 0))


def test_a_patient_in_two_parts_is_refused(study):
    split = Split(*(np.array(rows, np.int32) for rows in (range(40), range(40, 50), (3, *range(50, 60)))))
    assert "patient p003 is in the train and the test part" in refused(study, split)


def test_a_bundle_knows_its_patients_without_naming_them(study):
    cohort = {"salt": "s", "case_hashes": {"train": [case_hash("s", "P001")], "test": [case_hash("s", "P002")]}}
    assert part_of(cohort, ["P001", "P002", "stranger"]) == ["train", "test", None]
    assert "P001" not in str(cohort)


def test_training_again_on_test_patients_of_the_bundle_before_is_refused(study):
    split = checked_split(study, 0)
    hashes = {part: [case_hash("s", study.patients[i]) for i in getattr(split, part)] for part in ("train", "test")}
    check_successor({"salt": "s", "case_hashes": hashes}, study, split)
    with pytest.raises(StudyError, match="are test patients of the bundle before"):
        check_successor({"salt": "s", "case_hashes": hashes}, study, checked_split(study, 1))
