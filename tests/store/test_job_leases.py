"""Who holds a job: one process at a time, for as long as it beats; and the jobs of a database from before."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from icicore.store.engine import Database
from icicore.store.jobs import CANCELLED, FAILED, QUEUED, RUNNING, SUCCEEDED, JobStore
from tests.store.older import database_at


@pytest.fixture
def jobs(database):
    return JobStore(database)


def silence(jobs: JobStore, job_id: str, seconds: float) -> None:
    from sqlalchemy import update

    from icicore.store.tables import JobTable

    with jobs._database.session() as session:
        moment = datetime.now(UTC) - timedelta(seconds=seconds)
        session.execute(update(JobTable).where(JobTable.job_id == job_id).values(heartbeat=moment))


def test_of_two_workers_one_gets_the_job(jobs):
    job = jobs.create("train", owner="Ann", device="cuda:0", parameters={"name": "x"})
    assert [jobs.start(job.job_id, runner) for runner in ("host:a", "host:b")] == [True, False]
    row = jobs.get(job.job_id)
    assert (row.runner, row.owner, row.device, row.attempts, row.state) == ("host:a", "Ann", "cuda:0", 1, RUNNING)


def test_only_the_holder_writes(jobs):
    job = jobs.create("train")
    jobs.start(job.job_id, "new")
    assert jobs.progress(job.job_id, 9, 9, "late", runner="old"), "a process that lost its job is told to stop"
    assert not jobs.finish(job.job_id, FAILED, error="late", runner="old")
    assert jobs.beat(job.job_id, "old") == (False, True)
    assert jobs.beat(job.job_id, "new") == (True, False)
    assert jobs.finish(job.job_id, SUCCEEDED, result={"auc": 0.7}, runner="new")
    assert not jobs.finish(job.job_id, FAILED, runner="new"), "what has ended stays as it ended"
    row = jobs.get(job.job_id)
    assert (row.state, row.result, row.done) == (SUCCEEDED, {"auc": 0.7}, 0)


def test_a_silent_job_is_taken_back_while_others_go_on(jobs):
    silent, alive = jobs.create("train"), jobs.create("train")
    for job in (silent, alive):
        jobs.start(job.job_id, "host:a")
    silence(jobs, silent.job_id, 31)
    assert jobs.requeue_silent() == [silent.job_id]
    assert [jobs.get(j.job_id).state for j in (silent, alive)] == [QUEUED, RUNNING]


def test_it_gives_up_after_three_tries_and_says_why(jobs):
    job = jobs.create("train")
    for number in range(3):
        assert jobs.start(job.job_id, "host:a"), number
        waiting = jobs.give_up_or_retry(job.job_id, "host:a", "its process was killed")
        assert bool(waiting) == (number < 2)
    row = jobs.get(job.job_id)
    assert (row.state, row.error) == (FAILED, "given up after 3 tries: its process was killed")


def test_an_orderly_stop_costs_no_try(jobs):
    job = jobs.create("train")
    for _ in range(5):
        assert jobs.start(job.job_id, "host:a")
        assert jobs.release(job.job_id, "host:a")
    assert jobs.get(job.job_id).attempts == 0


def test_a_worker_takes_only_what_its_own_home_lost(jobs):
    mine, strangers, nameless = (jobs.create("score") for _ in range(3))
    jobs.start(mine.job_id, "host:home1:17:x")
    jobs.start(strangers.job_id, "other:home2:17:x")
    jobs.start(nameless.job_id)
    assert {j.job_id for j in jobs.requeue_lost("host:home1:")} == {mine.job_id, nameless.job_id}
    assert jobs.get(strangers.job_id).state == RUNNING


def test_a_lost_job_that_was_to_stop_is_cancelled(jobs):
    job = jobs.create("train")
    jobs.start(job.job_id, "host:a")
    jobs.request_cancel(job.job_id)
    silence(jobs, job.job_id, 99)
    assert jobs.requeue_silent() == []
    assert jobs.get(job.job_id).state == CANCELLED


def test_a_cancelled_job_can_go_on_and_be_deleted(jobs):
    job = jobs.create("train")
    assert not jobs.resume(job.job_id), "it still waits"
    assert not jobs.delete(job.job_id)
    jobs.request_cancel(job.job_id)
    assert jobs.resume(job.job_id)
    assert jobs.start(job.job_id, "host:a")
    jobs.finish(job.job_id, FAILED, error="no disk", runner="host:a")
    assert jobs.resume(job.job_id)
    row = jobs.get(job.job_id)
    assert (row.state, row.error, row.attempts, row.cancel, row.finished) == (QUEUED, None, 0, False, None)
    jobs.request_cancel(job.job_id)
    assert jobs.delete(job.job_id)
    assert jobs.get(job.job_id) is None


def test_lists_by_kind(jobs):
    for kind in ("score", "train", "preflight", "train"):
        jobs.create(kind)
    assert [j.kind for j in jobs.recent(kinds=["train", "preflight"])] == ["train", "preflight", "train"]
    assert [j.kind for j in jobs.waiting(["train"])] == ["train", "train"]


def test_a_database_from_before_keeps_its_jobs(tmp_path):
    path = tmp_path / "old.db"
    database_at(path, "0003")
    with sqlite3.connect(path) as raw:
        raw.execute(
            "insert into jobs (job_id, kind, case_key, parameters, state, done, total, message, attempts, cancel, "
            "created, started) values ('j1', 'score', 'k1', '{\"a\": 1}', 'running', 3, 7, 'tiles', 1, 0, "
            "'2026-01-01', '2026-01-02')"
        )
    raw.close()
    opened = Database(f"sqlite:///{path}", lock_dir=tmp_path)
    jobs = JobStore(opened)
    row = jobs.get("j1")
    assert (row.kind, row.parameters, row.state, row.done, row.total, row.attempts) == (
        "score",
        {"a": 1},
        RUNNING,
        3,
        7,
        1,
    )
    assert (row.owner, row.device, row.runner, row.result) == ("", "", "", None)
    assert [j.job_id for j in jobs.requeue_lost("host:home:")] == ["j1"], "it is taken up by the first worker"
    opened.close()
