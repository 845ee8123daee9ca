"""A database or a disk that refuses: one line, nothing half written, and what was there stays."""

import errno
import os
import sqlite3

import pytest
from sqlalchemy import event

from icicore.errors import StorageError
from icicore.fingerprint import write_bytes, write_json
from icicore.jobs import handlers, queue
from icicore.settings import read_settings
from icicore.store import audit
from icicore.store.audit import Entry, chain_faults
from icicore.store.cases import CaseRow
from icicore.store.engine import Database
from icicore.store.jobs import CANCELLED, FAILED, SUCCEEDED
from icicore.workflows.records import audit_log
from icicore.workflows.services import build_services

ROW = CaseRow(case_key="a" * 16, case_id="P-1", tumour_type="nsclc", folder="/c/P-1")


@pytest.fixture
def services(tmp_path):
    built = build_services(read_settings({"ICICORE_HOME": str(tmp_path / "home"), "ICICORE_ROOTS": str(tmp_path)}))
    yield built
    built.database.close()


def from_now_on(services, pragma: str) -> None:
    """Every connection from here on carries this pragma."""
    services.database.close()
    event.listen(services.database.engine, "connect", lambda c, _: c.execute(f"PRAGMA {pragma}"))


def one_line(error: StorageError, *words: str) -> None:
    line = str(error)
    assert line.startswith("database icicore.db: ") and "\n" not in line
    for word in words:
        assert word in line, line


def test_a_full_disk_is_said_and_the_transaction_leaves_nothing(services):
    services.cases.put(ROW)
    from_now_on(services, "max_page_count = 1")
    rows = [CaseRow(case_key=f"{n:016x}", case_id=f"P-{n}", tumour_type="nsclc", folder="/c" * 500) for n in range(500)]
    with pytest.raises(StorageError) as caught:
        services.cases.put_all(rows)
    one_line(caught.value, "no space left", "free some space")
    assert [row.case_id for row in services.cases.all()] == ["P-1"]


def test_a_read_only_database_is_said_and_can_still_be_read(services):
    services.cases.put(ROW)
    from_now_on(services, "query_only = ON")
    with pytest.raises(StorageError) as caught:
        services.cases.set_state(ROW.case_key, "queued")
    one_line(caught.value, "read only", "writable")
    assert services.cases.get(ROW.case_key).state == ROW.state


def test_a_locked_database_is_said(services, tmp_path):
    services.cases.put(ROW)
    from_now_on(services, "busy_timeout = 50")
    other = sqlite3.connect(tmp_path / "home" / "icicore.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(StorageError) as caught:
            services.cases.set_state(ROW.case_key, "queued")
        one_line(caught.value, "locked")
    finally:
        other.close()
    services.cases.set_state(ROW.case_key, "queued")  # and works again afterwards


def test_what_is_no_database_is_said(tmp_path):
    (tmp_path / "icicore.db").write_bytes(b"not a database, but long enough to be read as one" * 100)
    with pytest.raises(StorageError) as caught:
        Database(f"sqlite:///{tmp_path / 'icicore.db'}", lock_dir=tmp_path)
    one_line(caught.value, "not a database")


def test_a_password_is_never_said(tmp_path):
    with pytest.raises(StorageError) as caught:
        Database("sqlite:////nowhere/at/all/icicore.db", lock_dir=tmp_path)
    one_line(caught.value, "cannot be opened")
    assert "/nowhere" not in str(caught.value)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EFBIG])
def test_a_file_that_does_not_fit_leaves_the_old_one_and_nothing_else(tmp_path, monkeypatch, number):
    target = tmp_path / "prediction.json"
    write_json(target, {"probability": 0.5})

    def full(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError) as caught:
        write_bytes(target, b"half")
    assert str(caught.value).startswith("prediction.json: cannot be written (") and "\n" not in str(caught.value)
    assert target.read_text() == '{\n "probability": 0.5\n}\n'
    assert list(tmp_path.iterdir()) == [target]


def score_on_a_full_disk(services, monkeypatch):
    def full(*_):
        raise StorageError("prediction.json", "cannot be written (No space left on device)", remedy="free some space")

    monkeypatch.setitem(handlers._HANDLERS, queue.SCORE, full)
    job = services.jobs.create(queue.SCORE, case_key=ROW.case_key)
    services.cases.set_state(ROW.case_key, "queued", job_id=job.job_id)
    handlers.run_job(services, job.job_id)
    return services.jobs.get(job.job_id), services.cases.get(ROW.case_key)


def test_a_score_that_cannot_be_written_leaves_the_earlier_one(services, monkeypatch):
    services.cases.put(ROW)
    services.cases.set_state(ROW.case_key, "scored", probability=0.4, interval_low=0.3, interval_high=0.5)
    job, row = score_on_a_full_disk(services, monkeypatch)
    assert (job.state, job.error) == (
        FAILED,
        "prediction.json: cannot be written (No space left on device); free some space",
    )
    assert (row.state, row.probability, row.job_id) == ("scored", 0.4, job.job_id)


def test_a_first_score_that_cannot_be_written_is_a_failed_one_not_a_bad_case(services, monkeypatch):
    services.cases.put(ROW)
    job, row = score_on_a_full_disk(services, monkeypatch)
    assert (row.state, row.probability, row.job_id) == ("failed", None, job.job_id)
    assert not row.reasons


def test_what_is_signed_stays_signed_when_the_head_of_the_log_cannot_be_written(services, monkeypatch):
    log = audit_log(services)
    log.record(Entry("Ann", "view", ROW.case_key, {}))

    def full(*_):
        raise StorageError("audit.head", "cannot be written (No space left on device)")

    with monkeypatch.context() as patched:
        patched.setattr(audit, "write_json", full)
        row = log.record(Entry("Ann", "view", ROW.case_key, {}))
    assert [r.seq for r in log.all()] == [1, row.seq]
    assert log.head.read().seq == 1
    later = log.record(Entry("Ann", "view", ROW.case_key, {}))
    assert log.head.read().seq == later.seq == 3
    assert chain_faults(log.all()) == []


def test_work_goes_on_when_its_progress_cannot_be_recorded(services, monkeypatch):
    services.cases.put(ROW)

    def work(s, job, progress):
        progress(1, 2, "tiles")
        return {"ran": True}

    def full(*_, **__):
        raise StorageError("database icicore.db", "there is no space left on its disk")

    monkeypatch.setitem(handlers._HANDLERS, queue.SCORE, work)
    monkeypatch.setattr(services.jobs, "progress", full)
    job = services.jobs.create(queue.SCORE, case_key=ROW.case_key)
    handlers.run_job(services, job.job_id)
    assert services.jobs.get(job.job_id).state == SUCCEEDED


def test_a_job_that_cannot_be_queued_is_closed_and_its_case_is_as_before(services, monkeypatch):
    services.cases.put(ROW)

    def full(*_, **__):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(queue, "open_queue", full)
    with pytest.raises(StorageError, match=r"queue of jobs: cannot be written .* try again"):
        queue.submit_score(services, ROW.case_key, by="Ann")
    (job,) = services.jobs.recent()
    assert job.state == CANCELLED
    assert services.cases.get(ROW.case_key).state == "new"
    monkeypatch.undo()
    assert queue.submit_score(services, ROW.case_key, by="Ann").job_id != job.job_id
