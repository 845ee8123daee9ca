"""Case rows, slide digests and job rows on a real SQLite file."""

from datetime import UTC
from pathlib import Path

from icicore.store.cases import CaseRow, CaseStore
from icicore.store.engine import Database
from icicore.store.jobs import CANCELLED, FAILED, MAX_ATTEMPTS, QUEUED, JobStore
from icicore.store.slides import SlideStore


def test_a_case_row_comes_back_as_it_was_put(database):
    store = CaseStore(database)
    row = CaseRow(
        "k1", "P-001", "nsclc", "/cases/P-001", state="limited", probability=0.4, interval95=(0.2, 0.6),
        reasons=({"code": "pen", "message": "ink", "modality": "histology"},), modalities=("clinical",), virtual=True,
    )  # fmt: skip
    saved = store.put(row)
    found = store.get("k1")
    assert found == saved
    assert found.flags == ("pen",)
    assert found.updated.tzinfo is UTC


def test_set_state_changes_only_what_is_named(database):
    store = CaseStore(database)
    store.put(CaseRow("k1", "P-001", "nsclc", "/cases/P-001", probability=0.4))
    store.set_state("k1", "queued", job_id="j")
    row = store.get("k1")
    assert (row.state, row.job_id, row.probability) == ("queued", "j", 0.4)


def test_migrating_twice_keeps_the_rows(tmp_path):
    url = f"sqlite:///{tmp_path / 'again.db'}"
    first = Database(url, lock_dir=tmp_path)
    CaseStore(first).put(CaseRow("k1", "P-001", "nsclc", "/cases/P-001"))
    first.close()
    second = Database(url, lock_dir=tmp_path)
    assert [r.case_key for r in CaseStore(second).all()] == ["k1"]
    second.close()


def test_a_slide_is_digested_once_until_it_changes(database, tmp_path):
    path = tmp_path / "slide.tif"
    path.write_bytes(b"one")
    calls = []

    def compute(p: Path) -> str:
        calls.append(p)
        return f"{len(calls):064x}"

    store = SlideStore(database)
    first = store.digest(path, compute)
    assert store.digest(path, compute, mpp=0.25) == first
    assert len(calls) == 1
    assert store.find(first[:16]) == (path, 0.25)
    path.write_bytes(b"other content")
    assert store.find(first[:16]) is None, "a changed file must not be served under the old digest"
    assert store.digest(path, compute) != first


def test_a_job_starts_only_once(database):
    store = JobStore(database)
    job = store.create("score", case_key="k1")
    assert store.start(job.job_id)
    assert not store.start(job.job_id)


def test_cancelling_a_waiting_job_closes_it_and_a_running_one_is_asked(database):
    store = JobStore(database)
    waiting, running = store.create("score"), store.create("score")
    store.start(running.job_id)
    store.request_cancel(waiting.job_id)
    store.request_cancel(running.job_id)
    assert store.get(waiting.job_id).state == CANCELLED
    assert not store.start(waiting.job_id)
    assert store.get(running.job_id).active
    assert store.progress(running.job_id, 1, 2, "tiles") is True


def test_lost_jobs_are_queued_again_but_not_for_ever(database):
    store = JobStore(database)
    job = store.create("score")
    for _ in range(MAX_ATTEMPTS - 1):
        store.start(job.job_id)
        assert [j.job_id for j in store.requeue_lost()] == [job.job_id]
        assert store.get(job.job_id).state == QUEUED
    store.start(job.job_id)
    assert store.requeue_lost() == []
    ended = store.get(job.job_id)
    assert ended.state == FAILED
    assert "worker stopped 3 times" in ended.error
