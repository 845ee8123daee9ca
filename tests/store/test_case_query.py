"""Filter, order, page and count of the work list on a real SQLite file; saved views; batches; assignment."""

import itertools
import time

import pytest

from icicore.store.audit import AuditLog, HeadFile, chain_faults
from icicore.store.case_query import COLUMNS, NOBODY, CaseFilter, CaseFinder, CaseOrder
from icicore.store.case_work import CaseWork
from icicore.store.cases import CaseRow, CaseStore
from icicore.store.engine import Database
from icicore.store.jobs import JobStore
from icicore.store.tables import CaseTable
from icicore.store.views import ViewStore
from tests.store.older import case_statement, database_at


def reason(code: str) -> dict[str, object]:
    return {"code": code, "message": code, "modality": None}


def row(number: int, **changes) -> CaseRow:
    return CaseRow(
        f"k{number:05d}", f"P-{number:05d}", "nsclc" if number % 2 else "melanoma", f"/c/{number}", **changes
    )


@pytest.fixture
def five(database):
    CaseStore(database).put_all(
        [
            row(1, state="scored", probability=0.4, interval95=(0.3, 0.5), assignee="Ada", n_slides=2),
            row(2, state="limited", probability=0.9, interval95=(0.2, 1.0), reasons=(reason("pen"), reason("blur"))),
            row(3, state="new"),
            row(4, state="not_scored", reasons=(reason("input_error"),), assignee="Bob"),
            row(5, state="scored", probability=0.1, interval95=(0.0, 0.2), reasons=(reason("blur"),), assignee="Ada"),
        ]
    )
    return CaseFinder(database)


def numbers(page) -> list[int]:
    return [int(r.case_id[2:]) for r in page.rows]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (CaseFilter(), [1, 2, 3, 4, 5]),
        (CaseFilter(states=("scored", "new")), [1, 3, 5]),
        (CaseFilter(tumour_types=("melanoma",)), [2, 4]),
        (CaseFilter(flags=("blur",)), [2, 5]),
        (CaseFilter(flags=("pen", "input_error")), [2, 4]),
        (CaseFilter(assignee="Ada"), [1, 5]),
        (CaseFilter(assignee=NOBODY), [2, 3]),
        (CaseFilter(text="p 0003"), [3]),
        (CaseFilter(text="%"), []),
        (CaseFilter(text="_"), []),
        (CaseFilter(keys=("k00004", "k00001")), [1, 4]),
        (CaseFilter(keys=()), []),
        (CaseFilter(assignee="Ada", flags=("blur",), states=("scored",)), [5]),
    ],
)
def test_filters_are_joined_by_and(five, wanted, found):
    page = five.page(wanted)
    assert numbers(page) == found
    assert page.total == len(found)
    assert five.keys(wanted) == [f"k{n:05d}" for n in found]
    assert sum(five.counts(wanted).values()) == len(found)
    assert CaseFilter.from_json(wanted.to_json()) == wanted


@pytest.mark.parametrize(
    ("column", "descending", "first"),
    [
        ("probability", False, [5, 1, 2, 3, 4]),
        ("probability", True, [2, 1, 5, 3, 4]),
        ("interval", True, [2]),
        ("flags", True, [2, 4, 5, 1, 3]),
        ("state", False, [4, 2, 1, 5, 3]),
        ("assignee", False, [1, 5, 4, 2, 3]),
        ("slides", True, [1]),
        ("case", True, [5, 4, 3, 2, 1]),
        ("no such column", False, [1, 2, 3, 4, 5]),
    ],
)
def test_order_puts_the_unknown_last_and_breaks_ties_by_id(five, column, descending, first):
    assert numbers(five.page(CaseFilter(), CaseOrder(column, descending)))[: len(first)] == first


def test_pages_tile_the_listing_for_every_column(five):
    for column, descending in itertools.product(COLUMNS, (False, True)):
        order = CaseOrder(column, descending)
        whole = numbers(five.page(CaseFilter(), order))
        parts = [numbers(five.page(CaseFilter(), order, offset=k, limit=2)) for k in (0, 2, 4)]
        assert sum(parts, []) == whole, column
        assert sorted(whole) == [1, 2, 3, 4, 5]


def test_facets_count_cases(five):
    assert five.counts() == {"limited": 1, "new": 1, "not_scored": 1, "scored": 2}
    assert five.flags() == {"blur": 2, "input_error": 1, "pen": 1}
    assert five.assignees() == {"Ada": 2, "Bob": 1}


def test_what_a_person_may_not_see_is_in_no_answer(database, five):
    finder = CaseFinder(database, visible=[CaseTable.tumour_type == "nsclc"])
    assert numbers(finder.page(CaseFilter())) == [1, 3, 5]
    assert finder.counts() == {"new": 1, "scored": 2}
    assert finder.flags() == {"blur": 1}
    assert finder.keys(CaseFilter(keys=("k00002",))) == []
    assert finder.assignees() == {"Ada": 2}


def test_flags_follow_the_reasons(database, five):
    store = CaseStore(database)
    store.set_state("k00002", "scored", reasons=[])
    store.set_state("k00003", "limited", reasons=[reason("fold"), reason("fold")])
    store.set_state("k00005", "scored", probability=0.2)
    assert five.flags() == {"blur": 1, "fold": 1, "input_error": 1}


def test_a_cancelled_batch_gives_every_case_its_state_back(database, five):
    work, jobs = CaseWork(database), JobStore(database)
    job = jobs.create("score_batch")
    assert work.free(CaseFilter()) == 5
    assert work.claim(job.job_id, CaseFilter()) == 5
    assert work.free(CaseFilter()) == 0
    assert work.claim(jobs.create("score_batch").job_id, CaseFilter()) == 0
    first, left = work.next_of(job.job_id)
    assert (first.case_id, left) == ("P-00001", 5)
    CaseStore(database).set_state(first.case_key, "scored", job_id=None)
    CaseStore(database).set_state("k00003", "running")
    assert work.next_of(job.job_id)[0].case_id == "P-00003", "what was interrupted goes on first"
    assert work.release(job.job_id) == 4
    assert [r.state for r in five.page(CaseFilter()).rows] == ["scored", "limited", "new", "not_scored", "scored"]
    assert work.next_of(job.job_id) is None


def test_cases_of_a_job_that_ended_are_given_back(database, five):
    work, jobs = CaseWork(database), JobStore(database)
    dead, alive = jobs.create("score_batch"), jobs.create("score_batch")
    work.claim(dead.job_id, CaseFilter(states=("scored",)))
    work.claim(alive.job_id, CaseFilter(states=("new",)))
    jobs.request_cancel(dead.job_id)
    assert work.release_orphans() == 2
    assert five.counts() == {"limited": 1, "not_scored": 1, "queued": 1, "scored": 2}


def test_assignment_of_a_selection_is_logged_case_by_case(database, five, tmp_path):
    work, log = CaseWork(database), AuditLog(database, HeadFile(tmp_path / "audit.head", "secret"))
    assert work.assign(CaseFilter(flags=("blur",)), "Eve", log=log, by="Ada") == 2
    assert five.assignees() == {"Ada": 1, "Bob": 1, "Eve": 2}
    assert work.assign(CaseFilter(assignee="Eve"), "Eve", log=log, by="Bob") == 2, "nothing changes hands"
    assert work.assign(CaseFilter(assignee="Eve"), None, log=log, by="Bob") == 2
    assert five.assignees() == {"Ada": 1, "Bob": 1}
    rows = log.all()
    assert [(r.actor, r.action, r.case_key, r.hash_map()) for r in rows] == [
        ("Ada", "case assigned", "k00002", {"person": "Eve"}),
        ("Ada", "case assigned", "k00005", {"person": "Eve"}),
        ("Bob", "case unassigned", "k00002", {}),
        ("Bob", "case unassigned", "k00005", {}),
    ]
    head = log.head.read()
    assert chain_faults(rows) == [] and head is not None and (head.seq, head.digest) == (4, rows[-1].digest)


def test_ten_thousand_cases_are_assigned_in_one_go(database, tmp_path):
    CaseStore(database).put_all(row(n) for n in range(10_000))
    log = AuditLog(database, HeadFile(tmp_path / "audit.head", "secret"))
    start = time.monotonic()
    assert CaseWork(database).assign(CaseFilter(), "Eve", log=log, by="Ada") == 10_000
    assert time.monotonic() - start < 60  # a second or two on an idle machine
    assert CaseFinder(database).assignees() == {"Eve": 10_000}
    assert len(log.all()) == 10_000


def test_views_belong_to_their_owner(database):
    views = ViewStore(database)
    wanted, order = CaseFilter(states=("limited",), assignee="Ada"), CaseOrder("probability", descending=True)
    kept = views.save("Ada", "  My   limited ", wanted, order)
    assert (kept.name, kept.wanted, kept.order) == ("My limited", wanted, order)
    views.save("Bob", "My limited", CaseFilter(), CaseOrder())
    views.save("Ada", "My limited", CaseFilter(text="x"), order)
    assert [v.wanted.text for v in views.of("Ada")] == ["x"]
    views.remove("Bob", kept.view_id)
    assert len(views.of("Ada")) == 1
    views.remove("Ada", kept.view_id)
    assert views.of("Ada") == []
    assert len(views.of("Bob")) == 1


def test_an_older_database_keeps_its_cases_and_gets_their_flags(tmp_path):
    reasons = """'[{"code": "pen"}, {"code": "blur"}, {"code": "pen"}]'"""
    statement = case_statement(state="'limited'", reasons=reasons, probability="0.4")
    url = database_at(tmp_path / "old.db", "0003", statement)
    migrated = Database(url, lock_dir=tmp_path)
    finder = CaseFinder(migrated)
    assert finder.flags() == {"blur": 1, "pen": 1}
    (found,) = finder.page(CaseFilter(flags=("pen",))).rows
    assert (found.case_id, found.probability, found.assignee) == ("P-001", 0.4, None)
    migrated.close()


def test_ten_thousand_cases_answer_at_once(database):
    states = ("scored", "limited", "new", "not_scored")
    rows = [
        row(
            n, state=states[n % 4], probability=(n % 97) / 97 if n % 4 < 2 else None, reasons=(reason("pen"),) * (n % 3)
        )
        for n in range(10_000)
    ]
    CaseStore(database).put_all(rows)
    finder, seconds = CaseFinder(database), []
    wanted = CaseFilter(text="P-0", states=("scored", "limited"), flags=("pen",))
    for _ in range(5):
        start = time.perf_counter()
        page = finder.page(wanted, CaseOrder("probability", descending=True), offset=200, limit=100)
        finder.counts(wanted)
        seconds.append(time.perf_counter() - start)
    assert page.total == sum(r.state in wanted.states and "pen" in r.flags for r in rows)
    # A whole second would be felt; on an idle machine it takes a few hundredths.
    assert min(seconds) < 1.0
