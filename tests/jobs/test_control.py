"""Stopping, continuing and forgetting jobs of any kind; who is there to work; and how background work steps back."""

import asyncio
import contextlib
import fcntl
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from icicore.errors import InputError
from icicore.jobs import control, handlers, outcome, queue, runner, worker
from icicore.jobs.kinds import EMBED, PRIORITY, REPORT, SCORE, SCORE_BATCH, TILE_CAM, TRAIN, ahead_of
from icicore.jobs.supervisor import Supervisor
from icicore.settings import read_settings
from icicore.store.jobs import CANCELLED, FAILED, QUEUED, RUNNING, SUCCEEDED
from icicore.workflows.cases import open_case
from icicore.workflows.job_files import job_folder
from icicore.workflows.services import Services, build_services
from icicore.workflows.worker_presence import WORKER_LOCK, nobody_works, worker_serves


@pytest.fixture
def services(tmp_path) -> Services:
    built = build_services(read_settings({"ICICORE_HOME": str(tmp_path / "home"), "ICICORE_ROOTS": str(tmp_path)}))
    yield built
    built.database.close()


def ended(services: Services, kind: str, state: str, **about):
    job = services.jobs.create(kind, **about)
    services.jobs.start(job.job_id, "w")
    services.jobs.finish(job.job_id, state, runner="w")
    return services.jobs.get(job.job_id)


@pytest.mark.parametrize("kind", [EMBED, REPORT, TRAIN])
@pytest.mark.parametrize("state", [CANCELLED, FAILED])
def test_what_was_stopped_or_failed_goes_on(services, kind, state):
    job = ended(services, kind, state)
    assert control.may_continue(job)
    control.continue_job(services, job.job_id)
    assert services.jobs.get(job.job_id).state == QUEUED
    waiting = queue.open_queue(services.settings.queue_url).dequeue()
    if kind == TRAIN:
        assert waiting is None, "long jobs are found by their rows"
    else:
        assert waiting.args == (job.job_id,)


def test_a_case_whose_scoring_goes_on_waits_again(services, tmp_path):
    (tmp_path / "P-1").mkdir()
    record = {"case_id": "P-1", "tumour_type": "nsclc", "clinical": {"age": 60}}
    (tmp_path / "P-1" / "case.json").write_text(json.dumps(record))
    case = open_case(services, tmp_path / "P-1")
    job = queue.submit_score(services, case.case_key)
    control.stop_job(services, job.job_id)
    assert services.cases.get(case.case_key).state == "new"
    control.continue_job(services, job.job_id)
    row = services.cases.get(case.case_key)
    assert (row.state, row.job_id) == ("queued", job.job_id)


@pytest.mark.parametrize(("kind", "state"), [(SCORE_BATCH, CANCELLED), (EMBED, SUCCEEDED)])
def test_what_is_done_or_was_given_back_is_asked_for_anew(services, kind, state):
    job = ended(services, kind, state)
    with pytest.raises(InputError, match="cannot be continued"):
        control.continue_job(services, job.job_id)


def test_only_what_has_ended_is_forgotten_with_its_files(services):
    job = services.jobs.create(EMBED)
    with pytest.raises(InputError, match="is under way.*stop it first"):
        control.delete_job(services, job.job_id)
    done = ended(services, EMBED, SUCCEEDED)
    outcome.keep_outcome(services.settings.home, done, None)
    control.delete_job(services, done.job_id)
    assert services.jobs.get(done.job_id) is None
    assert not job_folder(services.settings.home, done.job_id).exists()


def test_what_somebody_waits_for_goes_first_and_a_batch_last():
    assert PRIORITY[TILE_CAM] > PRIORITY[SCORE] > 0 > PRIORITY[SCORE_BATCH]
    assert set(ahead_of(SCORE_BATCH)) >= {SCORE, TILE_CAM, REPORT, EMBED}
    assert SCORE_BATCH not in ahead_of(SCORE_BATCH) and ahead_of(TILE_CAM) == ()


def test_a_finished_job_found_again_is_closed_and_not_run(services, monkeypatch):
    job = services.jobs.create(EMBED)
    outcome.keep_outcome(services.settings.home, job, {"tiles": 7})
    monkeypatch.setitem(handlers._HANDLERS, EMBED, lambda *_: pytest.fail("it ran again"))
    handlers.run_job(services, job.job_id)
    row = services.jobs.get(job.job_id)
    assert (row.state, row.result) == (SUCCEEDED, {"tiles": 7})


@pytest.mark.parametrize("content", ["", "[]", '{"job": "another", "kind": "embed", "result": 1}', "{"])
def test_an_outcome_that_is_damaged_or_of_another_job_counts_for_nothing(services, content):
    job = services.jobs.create(EMBED)
    folder = job_folder(services.settings.home, job.job_id)
    folder.mkdir(parents=True)
    (folder / outcome.OUTCOME).write_text(content)
    assert outcome.kept_outcome(services.settings.home, job) is None


def test_the_rows_of_a_dead_worker_are_closed_and_those_of_others_left(services):
    mine, other = (services.jobs.create(EMBED) for _ in range(2))
    services.jobs.start(mine.job_id, "host:home:1")
    services.jobs.start(other.job_id, "host:elsewhere:1")
    for job in (mine, other):
        outcome.keep_outcome(services.settings.home, job, None)
    assert outcome.close_finished(services.jobs, services.settings.home, "host:home:") == [mine.job_id]
    assert services.jobs.get(other.job_id).state == RUNNING


def test_a_result_that_cannot_be_kept_fails_the_job_with_its_reason(services, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "outcome.json")

    monkeypatch.setattr(runner, "keep_outcome", full)
    monkeypatch.setitem(handlers._HANDLERS, EMBED, lambda *_: None)
    job = services.jobs.create(EMBED)
    handlers.run_job(services, job.job_id)
    row = services.jobs.get(job.job_id)
    assert (row.state, row.error) == (FAILED, "No space left on device: outcome.json")


def test_a_worker_is_seen_by_its_lock_which_stays_free_to_take(services):
    home = services.settings.home
    assert not worker_serves(home) and nobody_works(services)
    with (home / WORKER_LOCK).open("a+") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        handle.write(str(os.getpid()))
        handle.flush()
        assert worker_serves(home) and not nobody_works(services)
    assert not worker_serves(home), "the file alone says nothing"


def test_a_worker_elsewhere_is_seen_by_the_job_that_it_keeps_alive(services):
    job = services.jobs.create(TRAIN, device="cpu")
    services.jobs.start(job.job_id, "another-host")
    assert not nobody_works(services)
    services.jobs.finish(job.job_id, FAILED, error="x", runner="another-host")
    assert nobody_works(services)


def test_background_work_steps_back_as_a_session_and_nothing_else_of_the_terminal():
    code = (
        "import os; from icicore.jobs.standing_back import step_back; step_back(19); "
        "print(os.getpriority(os.PRIO_PROCESS, 0))\n"
        "try: print(open('/proc/self/autogroup').read().split()[-1])\n"
        "except (OSError, IndexError): print('-')"  # a container may show the file and nothing in it
    )

    def said(*, own_session: bool) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, start_new_session=own_session,
            env={**os.environ, "ICICORE_STEP_BACK": "1"},
        )  # fmt: skip
        return done.stdout.split()

    own, shared = said(own_session=True), said(own_session=False)
    assert own[0] == shared[0] == "19"
    assert own[1] in ("19", "-")
    assert shared[1] != "19" or shared[1] == "-"


def test_the_worker_keeps_a_long_job_alive_while_its_process_loads(services):
    job = services.jobs.create(TRAIN, device="cpu")
    supervisor = Supervisor(services, "w", command=[sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        supervisor.look()
        (child,) = supervisor._children.values()
        before = services.jobs.get(job.job_id).heartbeat
        supervisor.look()
        assert services.jobs.get(job.job_id).heartbeat == before, "not at every look"
        child.beaten -= 60
        supervisor.look()
        assert services.jobs.get(job.job_id).heartbeat > before
    finally:
        supervisor.close()
    assert services.jobs.get(job.job_id).state == QUEUED


@pytest.mark.parametrize(("ended", "serves", "starts"), [(-9, False, True), (-9, True, False), (None, False, False)])
def test_the_app_starts_another_worker_only_where_none_serves(monkeypatch, services, ended, serves, starts):
    started = []
    monkeypatch.setattr(worker, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(worker, "AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(worker, "worker_serves", lambda home: serves)
    monkeypatch.setattr(worker, "spawn_worker", lambda settings: started.append(settings) or process(None))

    def process(code):
        return SimpleNamespace(poll=lambda: code, returncode=code)

    async def keep() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(worker._keep(services.settings, [process(ended)]), 1)

    asyncio.run(keep())
    assert len(started) == (1 if starts else 0)
