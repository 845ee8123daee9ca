"""Jobs end in a true state, run once, can be cancelled, and come back after the worker was killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from icicore.errors import BundleError, CaseError, InputError
from icicore.jobs import handlers, queue
from icicore.jobs.worker import worker_lock
from icicore.settings import read_settings
from icicore.store.jobs import CANCELLED, FAILED, RUNNING, SUCCEEDED
from icicore.workflows import tile_cams
from icicore.workflows.cases import open_case
from icicore.workflows.services import Services, build_services

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def services(tmp_path) -> Services:
    built = build_services(read_settings({"ICICORE_HOME": str(tmp_path / "home"), "ICICORE_ROOTS": str(tmp_path)}))
    yield built
    built.database.close()


@pytest.fixture
def case(services, tmp_path):
    folder = tmp_path / "P-1"
    folder.mkdir()
    record = {"case_id": "P-1", "tumour_type": "nsclc", "clinical": {"age": 60, "ecog": 1}}
    (folder / "case.json").write_text(json.dumps(record))
    return open_case(services, folder)


def run_with(monkeypatch, services, case, work):
    monkeypatch.setitem(handlers._HANDLERS, queue.SCORE, work)
    job = services.jobs.create(queue.SCORE, case_key=case.case_key)
    services.cases.set_state(case.case_key, "queued", job_id=job.job_id)
    handlers.run_job(services, job.job_id)
    return services.jobs.get(job.job_id)


def test_a_job_reports_progress_and_succeeds(monkeypatch, services, case):
    ended = run_with(monkeypatch, services, case, lambda s, j, progress: progress(3, 4, "tiles"))
    assert (ended.state, ended.done, ended.total, ended.message) == (SUCCEEDED, 3, 4, "tiles")


def test_a_bad_input_fails_with_its_line_and_the_case_tells_it(monkeypatch, services, case):
    def work(*_):
        raise InputError("x.svs", "is empty", remedy="copy it again")

    ended = run_with(monkeypatch, services, case, work)
    assert (ended.state, ended.error) == (FAILED, "x.svs: is empty; copy it again")
    row = services.cases.get(case.case_key)
    assert row.state == "not_scored"
    assert row.reasons[0]["message"] == "x.svs: is empty; copy it again"


def test_a_cancelled_job_gives_the_case_back(monkeypatch, services, case):
    def work(s, job, progress):
        s.jobs.request_cancel(job.job_id)
        progress(1, 2, "tiles")
        raise AssertionError("the work went on after it was cancelled")

    assert run_with(monkeypatch, services, case, work).state == CANCELLED
    assert services.cases.get(case.case_key).state == "new"


def test_a_fault_of_ours_fails_the_job_without_a_traceback_for_the_user(monkeypatch, services, case):
    def work(*_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_with(monkeypatch, services, case, work)
    (job,) = services.jobs.recent()
    assert job.state == FAILED
    assert "worker.log" in job.error


def test_submitting_twice_gives_one_job(services, case):
    first = queue.submit_score(services, case.case_key)
    assert queue.submit_score(services, case.case_key).job_id == first.job_id
    queue.cancel(services, first.job_id)
    assert services.cases.get(case.case_key).state == "new"
    assert queue.submit_score(services, case.case_key).job_id != first.job_id


SLIDE = "5" * 64


@pytest.fixture
def scored(services, case):
    services.cases.set_state(case.case_key, "scored", bundle="tiny", bundle_digest="d" * 64, probability=0.4)
    return case.case_key


def test_of_a_cases_tiles_only_the_last_one_clicked_waits(services, scored):
    first = queue.submit_tile_cam(services, scored, slide=SLIDE, tile=1)
    assert queue.submit_tile_cam(services, scored, slide=SLIDE, tile=1).job_id == first.job_id
    services.jobs.start(first.job_id)
    waiting = [queue.submit_tile_cam(services, scored, slide=SLIDE, tile=i) for i in (2, 3, 4)]
    states = [services.jobs.get(j.job_id).state for j in (first, *waiting)]
    assert states == [RUNNING, CANCELLED, CANCELLED, "queued"]
    assert services.cases.get(scored).state == "scored"


def test_a_tile_goes_before_scoring_that_waits(services, scored):
    score = queue.submit_score(services, scored)
    tile = queue.submit_tile_cam(services, scored, slide=SLIDE, tile=1)
    waiting = queue.open_queue(services.settings.queue_url)
    assert [waiting.dequeue().args[0] for _ in range(2)] == [tile.job_id, score.job_id]
    queue.cancel(services, tile.job_id)
    assert services.cases.get(scored).state == "queued", "the case still waits to be scored"


def test_a_tile_is_computed_for_the_bundle_of_the_result(monkeypatch, services, scored, case):
    asked = []
    monkeypatch.setattr(tile_cams, "tile_cam", lambda _, folder, **what: asked.append((folder, what)))
    job = queue.submit_tile_cam(services, scored, slide=SLIDE, tile=7)
    handlers.run_job(services, job.job_id)
    assert services.jobs.get(job.job_id).state == SUCCEEDED
    ((folder, what),) = asked
    assert folder == Path(case.folder)
    assert (what["slide"], what["tile"], what["bundle"]) == ("5" * 16, 7, "tiny")


def test_a_tile_that_fails_leaves_the_case_as_it_is(services, scored):
    before = services.cases.get(scored)
    job = queue.submit_tile_cam(services, scored, slide=SLIDE, tile=7)
    handlers.run_job(services, job.job_id)
    ended = services.jobs.get(job.job_id)
    assert ended.state == FAILED
    assert "tiny: no such bundle" in ended.error
    assert services.cases.get(scored) == before


def test_a_case_without_a_result_has_no_tiles(services, case):
    with pytest.raises(CaseError, match="score the case first"):
        queue.submit_tile_cam(services, case.case_key, slide=SLIDE, tile=0)


def test_a_worker_serves_without_a_model_too(monkeypatch, services, caplog):
    def prepare(_):
        raise BundleError("checkpoints", "holds no bundle")

    monkeypatch.setattr(tile_cams, "prepare", prepare)
    monkeypatch.setattr(handlers, "_worker_services", lambda: services)
    handlers.warm_up()
    assert "checkpoints: holds no bundle" in caplog.text


def test_only_one_worker_holds_the_lock(tmp_path):
    with worker_lock(tmp_path) as mine, worker_lock(tmp_path) as second:
        assert mine is True
        assert second is False
    with worker_lock(tmp_path) as again:
        assert again is True


def start_worker(services: Services) -> "subprocess.Popen[bytes]":
    home = services.settings.home
    environment = {**os.environ, "ICICORE_HOME": str(home), "ICICORE_ROOTS": str(home.parent)}
    with (home / "worker.log").open("ab") as log:
        command = [sys.executable, "-m", "icicore.jobs.worker"]
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)


def wait_until(condition, what: str, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def test_a_worker_killed_in_the_middle_is_followed_by_one_that_finishes_the_job(services, case):
    job = queue.submit_score(services, case.case_key)
    services.jobs.start(job.job_id)  # as if a worker had taken it and then lost power
    worker = start_worker(services)
    try:
        wait_until(lambda: not services.jobs.get(job.job_id).active, "the lost job was not taken up again")
        ended = services.jobs.get(job.job_id)
        assert (ended.state, ended.attempts) == (SUCCEEDED, 2), ended.error
        assert services.cases.get(case.case_key).state == "limited", "a real case under a virtual bundle"
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        second = queue.submit_score(services, case.case_key)
        worker = start_worker(services)
        wait_until(lambda: services.jobs.get(second.job_id).state == SUCCEEDED, "the next worker did not serve")
    finally:
        os.killpg(worker.pid, signal.SIGTERM)
        worker.wait(20)
