"""Annotations in the database: authors, revisions, two people at once, and a database from before they existed."""

import uuid
from dataclasses import replace
from datetime import UTC

import pytest

from icicore.slides.annotations import Annotation
from icicore.store.annotations import AnnotationStore, Conflict
from icicore.store.cases import CaseStore
from icicore.store.engine import Database
from tests.store.older import case_statement, database_at

SLIDE, OTHER = "a" * 16, "b" * 16


@pytest.fixture
def store(database):
    return AnnotationStore(database)


def make(**changes):
    geometry = {"type": "Point", "coordinates": [3.5, 4.0]}
    return replace(Annotation(str(uuid.uuid4()), geometry, "Tumor", (1, 2, 3), comment="<b>"), **changes)


def test_it_comes_back_with_author_and_time(store):
    drawn = make(verdict="agree", about={"layer": "attention", "value": 0.5})
    row = store.put(SLIDE, drawn, author="Ann", revision=0)
    assert (row.annotation, row.author, row.revision) == (drawn, "Ann", 1)
    assert store.all(SLIDE) == [row]
    assert store.all(OTHER) == []
    assert row.created.tzinfo is UTC


def test_a_change_keeps_the_first_author_and_says_who_changed_it(store):
    drawn = make()
    store.put(SLIDE, drawn, author="Ann", revision=0)
    row = store.put(SLIDE, replace(drawn, label="Stroma"), author="Bob", revision=1)
    assert (row.author, row.changed_by, row.revision, row.annotation.label) == ("Ann", "Bob", 2, "Stroma")


def test_the_second_of_two_changes_is_refused_and_shown_the_first(store):
    drawn = make()
    store.put(SLIDE, drawn, author="Ann", revision=0)
    store.put(SLIDE, replace(drawn, label="Stroma"), author="Ann", revision=1)
    with pytest.raises(Conflict) as conflict:
        store.put(SLIDE, replace(drawn, label="Necrosis"), author="Bob", revision=1)
    assert conflict.value.row.annotation.label == "Stroma"
    with pytest.raises(Conflict):
        store.delete(SLIDE, drawn.annotation_id, author="Bob", revision=1)
    assert store.all(SLIDE)[0].annotation.label == "Stroma"


def test_sending_the_same_again_is_no_conflict(store):
    drawn = make()
    first = store.put(SLIDE, drawn, author="Ann", revision=0)
    assert store.put(SLIDE, drawn, author="Ann", revision=0) == first


def test_a_deleted_one_is_gone_and_can_be_brought_back(store):
    drawn = make()
    store.put(SLIDE, drawn, author="Ann", revision=0)
    before = store.version(SLIDE)
    store.delete(SLIDE, drawn.annotation_id, author="Ann", revision=1)
    store.delete(SLIDE, drawn.annotation_id, author="Ann", revision=1)
    assert store.all(SLIDE) == []
    assert store.version(SLIDE) != before
    assert store.put(SLIDE, drawn, author="Ann", revision=2).revision == 3
    assert [r.annotation for r in store.all(SLIDE)] == [drawn]


def test_many_at_once_are_counted(store):
    one, two, three = make(), make(), make()
    store.put(SLIDE, one, author="Ann", revision=0)
    store.put(SLIDE, two, author="Ann", revision=0)
    counts = store.put_all(SLIDE, [one, replace(two, comment="new"), three], author="Bob")
    assert counts == {"new": 1, "changed": 1, "unchanged": 1}
    assert {r.annotation.annotation_id: (r.author, r.changed_by) for r in store.all(SLIDE)} == {
        one.annotation_id: ("Ann", "Ann"),
        two.annotation_id: ("Ann", "Bob"),
        three.annotation_id: ("Bob", "Bob"),
    }


def test_a_database_from_before_keeps_its_rows(tmp_path):
    second = Database(database_at(tmp_path / "old.db", "0002", case_statement()), lock_dir=tmp_path)
    assert [r.case_key for r in CaseStore(second).all()] == ["k1"]
    assert AnnotationStore(second).put(SLIDE, make(), author="Ann", revision=0).revision == 1
    second.close()
