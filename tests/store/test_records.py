"""Reviews and the audit log on a real SQLite file: what is signed or logged stays."""

import json
import threading
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from icicore.store import engine
from icicore.store.audit import GENESIS, AuditLog, Entry, HeadFile, chain_faults
from icicore.store.engine import MIGRATIONS, Database
from icicore.store.reviews import AlreadySigned, DraftChanged, ReviewStore

EVIDENCE = {"bundle": {"digest": "b" * 64}}
RESULT = "r" * 64


@pytest.fixture
def audit(database, tmp_path) -> AuditLog:
    return AuditLog(database, HeadFile(tmp_path / "audit.head", "secret"))


@pytest.fixture
def store(database) -> ReviewStore:
    return ReviewStore(database)


def entry(action: str = "view", case_key: str = "k1") -> Entry:
    return Entry("Ada", action, case_key, {"result": RESULT})


def sign(store, audit, draft, result=RESULT):
    return store.sign(draft, evidence=EVIDENCE, result_digest=result, audit=audit)


def execute(database, statement: str, **values: object) -> None:
    with database.session() as session:
        session.execute(text(statement), values)


def test_rows_are_numbered_and_chained(audit):
    rows = [audit.record(entry()) for _ in range(3)]
    assert [r.seq for r in rows] == [1, 2, 3]
    assert rows[0].previous == GENESIS
    assert [r.previous for r in rows[1:]] == [r.digest for r in rows[:2]]
    assert audit.all() == rows
    assert chain_faults(rows) == []
    head = audit.head.read()
    assert (head.seq, head.digest, head.since) == (3, rows[2].digest, 1)


def test_timeline_of_a_case_is_newest_first_and_its_own(audit):
    for key in ("k1", "k2", "k1"):
        audit.record(entry(case_key=key))
    assert [r.seq for r in audit.of_case("k1")] == [3, 1]


@pytest.mark.parametrize(
    "statement",
    [
        "update audit set actor = 'Eve' where seq = 1",
        "delete from audit where seq = 2",
        "insert or replace into audit select seq, at, 'Eve', action, case_key, hashes, previous, digest from audit",
        "insert into audit select 9, at, actor, action, case_key, hashes, previous, digest from audit where seq = 1",
        "update reviews set text = 'other'",
        "delete from reviews",
        "insert or replace into reviews select review_id, draft_id, case_key, parent, 'Eve', signed, judgement, text,"
        " evidence, result_digest, digest from reviews",
    ],
)
def test_the_database_refuses_to_change_what_was_written(statement, database, audit, store):
    audit.record(entry())
    sign(store, audit, store.save(replace(store.draft("k1", "Ada"), judgement="likely")))
    before = audit.all(), store.all()
    with pytest.raises(IntegrityError, match="cannot be|only at its end"):
        execute(database, statement)
    assert (audit.all(), store.all()) == before


def test_signatures_are_found_behind_any_number_of_views(audit, store):
    sign(store, audit, store.save(replace(store.draft("k1", "Ada"), judgement="likely")))
    for _ in range(5):
        audit.record(entry())
    assert [r.action for r in audit.signatures("k1")] == ["review signed"]
    assert audit.signatures("k2") == []


def test_many_writers_leave_one_unbroken_chain(audit):
    threads = [threading.Thread(target=lambda: [audit.record(entry()) for _ in range(8)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = audit.all()
    assert [r.seq for r in rows] == list(range(1, 33))
    assert chain_faults(rows) == []
    assert audit.head.read().seq == 32


def test_a_chain_tells_what_was_done_to_it(audit):
    rows = [audit.record(entry()) for _ in range(5)]
    assert chain_faults([*rows[:2], replace(rows[2], actor="Eve"), *rows[3:]]) == [
        "row 3 was changed after it was written"
    ]
    assert chain_faults([*rows[:2], *rows[3:]]) == ["row 3 is missing"]
    assert chain_faults([rows[0], *rows[3:]]) == ["rows 2 to 3 are missing"]
    swapped = [rows[0], replace(rows[2], seq=2), replace(rows[1], seq=3), *rows[3:]]
    assert any("does not follow" in f for f in chain_faults(swapped))
    resealed = replace(rows[2], actor="Eve")
    resealed = replace(resealed, digest=resealed.computed())
    assert chain_faults([*rows[:2], resealed, *rows[3:]]) == [
        "row 4 does not follow row 3: one of them was replaced or moved"
    ]


def test_the_head_does_not_move_over_a_cut_log(database, audit):
    rows = [audit.record(entry()) for _ in range(4)]
    execute(database, "drop trigger audit_no_delete")
    execute(database, "delete from audit where seq > 2")
    for _ in range(4):
        audit.record(entry())
    assert audit.head.read().digest == rows[3].digest, "the trace of the cut must stay"


def test_a_head_that_was_altered_is_not_believed(audit):
    audit.record(entry())
    content = json.loads(audit.head.path.read_text())
    audit.head.path.write_text(json.dumps(content | {"seq": 7}))
    with pytest.raises(ValueError, match="seal"):
        audit.head.read()


def test_a_draft_comes_back_and_counts_its_versions(store):
    draft = store.draft("k1", "Ada")
    assert draft.version == 0
    first = store.save(replace(draft, judgement="likely", text="TIL at the margin"))
    second = store.save(replace(first, text="TIL at the margin, PD-L1 low"))
    assert second.version == 2
    assert store.draft("k1", "Ada") == second
    assert store.draft("k1", "Bob").version == 0, "another author has a draft of his own"


def test_two_windows_do_not_overwrite_each_other(store):
    seen_by_both = store.save(replace(store.draft("k1", "Ada"), text="one"))
    store.save(replace(seen_by_both, text="first window"))
    with pytest.raises(DraftChanged) as caught:
        store.save(replace(seen_by_both, text="second window"))
    assert caught.value.stored.text == "first window"
    assert store.draft("k1", "Ada").text == "first window"


def test_two_windows_that_begin_a_draft_at_once(store):
    one, other = store.draft("k1", "Ada"), store.draft("k1", "Ada")
    store.save(replace(one, text="first window"))
    with pytest.raises(DraftChanged) as caught:
        store.save(replace(other, text="second window"))
    assert caught.value.stored.text == "first window"


def test_a_signature_closes_the_draft_and_is_logged_in_one_step(store, audit):
    draft = store.save(replace(store.draft("k1", "Ada"), judgement="unlikely", text="necrosis"))
    review = sign(store, audit, draft)
    assert store.of_case("k1") == [review]
    assert review.digest == review.computed()
    assert review.evidence_map() == EVIDENCE
    assert store.draft("k1", "Ada").version == 0
    row = audit.all()[-1]
    assert (row.action, row.actor) == ("review signed", "Ada")
    assert row.hash_map() == {"review": review.digest, "result": RESULT}
    assert "necrosis" not in repr(row)


def test_the_second_signer_is_told_who_was_first(store, audit):
    draft = store.save(replace(store.draft("k1", "Ada"), judgement="likely"))
    first = sign(store, audit, draft)
    for attempt in (lambda: sign(store, audit, draft), lambda: store.save(replace(draft, text="late"))):
        with pytest.raises(AlreadySigned) as caught:
            attempt()
        assert caught.value.review == first
    assert len(store.all()) == len(audit.all()) == 1


def test_one_author_signs_a_result_once_but_a_new_result_again(store, audit):
    first = sign(store, audit, store.save(replace(store.draft("k1", "Ada"), judgement="likely")))
    again = store.save(replace(store.draft("k1", "Ada"), judgement="unlikely", text="second thoughts"))
    with pytest.raises(AlreadySigned):
        sign(store, audit, again)
    assert store.draft("k1", "Ada").text == "second thoughts", "a refused signature loses nothing"
    second = sign(store, audit, again, result="s" * 64)
    other = sign(store, audit, store.save(replace(store.draft("k1", "Bob"), judgement="likely")))
    assert store.of_case("k1") == [first, second, other]


def test_a_draft_that_changed_is_not_signed_unseen(store, audit):
    seen = store.save(replace(store.draft("k1", "Ada"), judgement="likely"))
    store.save(replace(seen, judgement="unlikely"))
    with pytest.raises(DraftChanged):
        sign(store, audit, seen)
    assert store.all() == [] and audit.all() == []


def test_addenda_are_signed_under_their_review(store, audit):
    review = sign(store, audit, store.save(replace(store.draft("k1", "Ada"), judgement="likely")))
    for words in ("first", "second"):
        sign(store, audit, store.save(replace(store.draft("k1", "Ada", review.review_id), text=words)))
    assert [(r.text, r.parent) for r in store.of_case("k1")[1:]] == [(w, review.review_id) for w in ("first", "second")]
    assert audit.all()[-1].hash_map()["of"] == review.review_id


def test_an_older_database_is_migrated_without_loss(tmp_path):
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine

    url = f"sqlite:///{tmp_path / 'old.db'}"
    old = create_engine(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with old.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            text(
                "insert into cases (case_key, case_id, tumour_type, folder, state, reasons, n_slides, modalities,"
                " virtual, updated) values ('k1', 'P-1', 'nsclc', '/c/P-1', 'new', '[]', 1, '[]', 0, '2026-01-02')"
            )
        )
    old.dispose()
    assert not engine._is_current(create_engine(url))
    migrated = Database(url, lock_dir=tmp_path)
    with migrated.session() as session:
        assert session.execute(text("select case_id, n_slides from cases")).all() == [("P-1", 1)]
        triggers = {r[0] for r in session.execute(text("select name from sqlite_master where type = 'trigger'"))}
    assert {"audit_no_update", "audit_no_delete", "reviews_no_update", "reviews_no_delete"} <= triggers
    AuditLog(migrated, HeadFile(tmp_path / "head", "s")).record(entry())
    migrated.close()
