"""Verification of the log, differences between results, and what is kept of words that came too late."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from icicore.errors import InputError
from icicore.people import NOBODY, Person, local_person, one_line
from icicore.settings import read_settings
from icicore.workflows import records
from icicore.workflows.audit import verify_audit
from icicore.workflows.services import build_services

PREDICTION = {
    "case_id": "P-1",
    "probability": 0.6,
    "slides": [{"path": "a.svs", "digest": "1" * 64}],
    "files": {"case.json": "2" * 64, "mutations.maf": "3" * 64},
    "bundle": {"name": "b", "digest": "4" * 64},
    "versions": {"icicore": "0.1.0"},
    "seconds": {"total": 1.0},
    "scored_at": "2026-01-01T00:00:00+00:00",
}


@pytest.fixture
def services(tmp_path):
    built = build_services(read_settings({"ICICORE_HOME": str(tmp_path), "ICICORE_USER": "Ada"}))
    yield built
    built.database.close()


@pytest.fixture
def logged(services):
    """Six rows: views, a score, a signed review and an addendum."""
    for _ in range(2):
        records.record(services, records.VIEW, case_key="k", hashes=records.hashes_of(PREDICTION))
    records.record_score(services, "k", PREDICTION)
    review = signed(services)
    signed(services, parent=review.review_id, words="later")
    records.record(services, records.VIEW, case_key="k", hashes=records.hashes_of(PREDICTION))
    return services


def signed(services, *, parent="", words="text", judgement="likely"):
    draft = records.review_store(services).draft("k", "Ada", parent)
    saved = records.save_draft(services, replace(draft, text=words, judgement=judgement))
    return records.sign_review(services, saved, PREDICTION)


def tamper(services, *statements):
    """What someone with full access to the database could do: the triggers go first."""
    with services.database.session() as session:
        names = [r[0] for r in session.execute(text("select name from sqlite_master where type = 'trigger'"))]
        for statement in (*(f"drop trigger {n}" for n in names), *statements):
            session.execute(text(statement))


def test_an_untouched_log_is_intact(logged):
    report = verify_audit(logged)
    assert report["ok"] and report["faults"] == report["notes"] == []
    assert (report["rows"], report["reviews"]) == (6, 2)
    assert verify_audit(logged, expect=report["head"])["ok"]


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (["update audit set actor = 'Eve' where seq = 2"], "row 2 was changed after it was written"),
        (["update audit set at = '2020-01-01' where seq = 6"], "row 6 was changed"),
        (["delete from audit where seq = 3"], "row 3 is missing"),
        (["delete from audit where seq > 4"], "had 6 rows: 2 were cut off at the end"),
        (["delete from audit"], "had 6 rows: 6 were cut off"),
        (
            [
                "update audit set seq = 99 where seq = 1",
                "update audit set seq = 1 where seq = 2",
                "update audit set seq = 2 where seq = 99",
            ],
            "does not follow",
        ),
        (["update reviews set text = 'other' where parent = ''"], "was changed after it was signed"),
        (["update reviews set judgement = 'unlikely'"], "was changed after it was signed"),
        (["delete from reviews where parent <> ''"], "signed review that is missing"),
        (
            ["insert into reviews select 'x', 'y', case_key, parent, 'Eve', signed, judgement, text, evidence,"
             " result_digest, 'z' from reviews limit 1"],
            "has no row of its signature",
        ),
    ],
    ids=["changed", "changed-last", "missing", "cut", "emptied", "reordered", "review-text", "review-judgement",
         "review-missing", "review-slipped-in"],
)  # fmt: skip
def test_what_was_altered_is_found(statements, found, logged):
    tamper(logged, *statements)
    report = verify_audit(logged)
    assert not report["ok"]
    assert any(found in fault for fault in report["faults"]), report["faults"]


def test_a_whole_new_chain_does_not_fit_the_head(logged):
    entries = [r for r in records.audit_log(logged).all() if r.seq != 2]
    tamper(logged, "delete from audit")
    kept = records.audit_log(logged).head.path.read_bytes()
    records.audit_log(logged).head.path.unlink()
    for row in entries:
        records.record(logged, row.action, case_key=row.case_key, hashes=row.hash_map(), by=Person(row.actor))
    records.record(logged, records.VIEW, case_key="k", hashes={})
    records.audit_log(logged).head.path.write_bytes(kept)
    assert any("cut and written anew" in f for f in verify_audit(logged)["faults"])


def test_a_lost_or_forged_head_is_a_fault_of_its_own(logged):
    head = records.audit_log(logged).head.path
    content = head.read_text()
    head.write_text(content.replace('"seq": 6', '"seq": 5'))
    assert any("seal" in f for f in verify_audit(logged)["faults"])
    head.unlink()
    assert any("audit.head is missing" in f for f in verify_audit(logged)["faults"])
    records.record(logged, records.VIEW, case_key="k", hashes={})
    report = verify_audit(logged)
    assert report["ok"] and "began at row 7" in report["notes"][0]


def test_a_row_noted_elsewhere_tells_of_a_new_history(logged):
    row = records.audit_log(logged).all()[3]
    assert verify_audit(logged, expect=f"4:{row.digest[:16]}")["ok"]
    assert "written anew" in verify_audit(logged, expect=f"4:{'0' * 16}")["faults"][0]
    assert "is missing" in verify_audit(logged, expect=f"40:{row.digest}")["faults"][0]
    for nonsense in ("4", "x:abcdefab", "4:abc", "4:ghijklmnop"):
        with pytest.raises(InputError, match="NUMBER:DIGEST"):
            verify_audit(logged, expect=nonsense)


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"seconds": {}, "scored_at": None}, ()),
        ({"slides": [{"path": "a.svs", "digest": "9" * 64}]}, ("slides",)),
        ({"slides": [{"path": "renamed.svs", "digest": "1" * 64}]}, ("numbers",)),
        ({"files": {"case.json": "9" * 64}}, ("input files",)),
        ({"bundle": {"name": "b", "digest": "9" * 64}}, ("model",)),
        ({"versions": {"icicore": "0.2.0"}, "probability": 0.7}, ("software versions",)),
        ({"probability": 0.7}, ("numbers",)),
    ],
    ids=["same", "slide", "name", "files", "model", "versions", "numbers"],
)
def test_what_differs_from_the_signed_result(changes, parts, services):
    assert records.difference(signed(services), PREDICTION | changes).parts == parts


def test_a_signature_carries_the_hashes_of_its_moment(services):
    evidence = signed(services).evidence_map()
    assert evidence["slides"] == {"a.svs": "1" * 64}
    assert evidence["inputs"] == PREDICTION["files"]
    assert evidence["bundle"] == PREDICTION["bundle"]
    assert evidence["result"] == records.result_digest(PREDICTION)
    assert len(evidence["settings"]["digest"]) == 64 and evidence["settings"]["device"] == "auto"


def test_what_came_too_late_joins_what_is_already_drafted(services):
    review = signed(services, words="agreed")
    late = replace(records.review_store(services).draft("k", "Ada"), judgement="unlikely", text="one")
    first = records.continue_after(services, late, review)
    second = records.continue_after(services, replace(late, text="two"), review)
    assert (first.parent, first.judgement, first.text) == (review.review_id, "unlikely", "one")
    assert second.text == "one\n\ntwo"
    same = replace(late, judgement="likely", text="agreed")
    assert records.continue_after(services, same, review).text == "one\n\ntwo", "nothing new, nothing added"


@pytest.mark.parametrize(
    ("draft", "problem"),
    [({"judgement": None, "text": "x"}, "no judgement"), ({"judgement": "maybe"}, "'maybe' is not known"),
     ({"judgement": None, "text": " \n", "parent": "p"}, "is empty")],
)  # fmt: skip
def test_what_cannot_be_signed(draft, problem, services):
    blank = records.review_store(services).draft("k", "Ada")
    with pytest.raises(InputError, match=problem):
        records.sign_review(services, replace(blank, **draft), PREDICTION)


def test_text_is_cleaned_of_what_no_database_takes():
    assert records.clean_text("a\r\nb\x00\x07c\ud800\x9f é\tz ") == "a\nbc é\tz"
    assert len(records.clean_text("x" * 20_000)) == records.LONGEST_TEXT


def test_who_signs(monkeypatch):
    assert local_person(read_settings({"ICICORE_USER": " Dr.\n Ada\u202e "})).name == "Dr. Ada"
    monkeypatch.setenv("LOGNAME", "grace")
    assert local_person(read_settings({})).name == "grace"

    def no_account():
        raise OSError

    monkeypatch.setattr("getpass.getuser", no_account)
    assert local_person(read_settings({})).name == NOBODY
    assert len(one_line("x" * 500)) == 80
