"""A real worker process: no job is lost and none runs twice, whatever happens to the worker or to a job's process."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from icicore.jobs import queue
from icicore.settings import read_settings
from icicore.store.jobs import CANCELLED, FAILED, RUNNING, SUCCEEDED
from icicore.workflows.job_files import log_path, tail
from icicore.workflows.services import Services, build_services

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 900.0


@pytest.fixture
def services(tmp_path) -> Services:
    built = build_services(read_settings({"ICICORE_HOME": str(tmp_path / "home"), "ICICORE_ROOTS": str(tmp_path)}))
    yield built
    built.database.close()


@contextlib.contextmanager
def worker(services: Services):
    home = services.settings.home
    environment = {**os.environ, "ICICORE_HOME": str(home), "ICICORE_ROOTS": str(home.parent), "PYTHONPATH": str(ROOT)}
    with (home / "worker.log").open("ab") as log:
        command = [sys.executable, "-m", "tests.jobs.fake_worker"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def wait_until(condition, what: str, seconds: float = SECONDS) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def lines(services: Services, name: str) -> list[str]:
    path = services.settings.home / f"{name}.txt"
    return path.read_text().split("\n")[:-1] if path.exists() else []


def kill(process: "subprocess.Popen[bytes]") -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def test_twenty_jobs_five_cancelled_two_restarts_a_kill_and_every_one_runs_once(services):
    jobs = [services.jobs.create("fake", owner="Ann") for _ in range(17)]
    jobs += [services.jobs.create("train", device="cpu", owner="Ann") for _ in range(3)]
    for job in jobs[:17]:
        queue.enqueue(services, job.job_id)
    rng = random.Random(7)  # noqa: S311
    cancelled = rng.sample(jobs, 5)

    def finished() -> int:
        return len(lines(services, "done"))

    # Twice the server is restarted in good order, as its lifespan does it, and between the two the worker is killed.
    for number, (stop_after, how) in enumerate(((3, "restart"), (7, "kill"), (11, "restart"))):
        with worker(services) as process:
            wait_until(lambda most=stop_after: finished() >= most, "the worker does nothing")
            for job in cancelled[2 * number : 2 * number + 2]:
                queue.cancel(services, job.job_id)
            if how == "kill":
                kill(process)
    with worker(services):
        wait_until(lambda: not any(services.jobs.get(j.job_id).active for j in jobs), "jobs were lost")
    rows = [services.jobs.get(j.job_id) for j in jobs]
    ran = Counter(lines(services, "done"))
    asked = {j.job_id for j in cancelled}
    assert set(ran.values()) == {1}, "a job ran twice"
    assert {r.job_id for r in rows if r.state == SUCCEEDED} == set(ran), "what is said to have ended has"
    assert {r.job_id for r in rows if r.state != SUCCEEDED} <= asked
    assert {r.state for r in rows} <= {SUCCEEDED, CANCELLED}
    assert all(r.result == {"ran": r.job_id} for r in rows if r.state == SUCCEEDED)
    assert all(row.attempts <= 2 and row.owner == "Ann" for row in rows)


@pytest.mark.parametrize("kind", ["fake", "train"])
def test_a_process_killed_between_the_end_of_a_job_and_its_row_does_not_run_it_again(services, monkeypatch, kind):
    job = services.jobs.create(kind, device="cpu" if kind == "train" else "")
    if kind == "fake":
        queue.enqueue(services, job.job_id)
    monkeypatch.setenv("ICICORE_TEST_DIE", "outcome")
    with worker(services) as process:
        wait_until((services.settings.home / "died").exists, "it does not come so far")
        if kind == "fake":  # it was the worker itself that died
            wait_until(lambda: process.poll() is not None, "it goes on")
            assert services.jobs.get(job.job_id).state == RUNNING
    with worker(services):
        wait_until(lambda: not services.jobs.get(job.job_id).active, "it was lost")
    row = services.jobs.get(job.job_id)
    assert (row.state, row.attempts, row.result) == (SUCCEEDED, 1, {"ran": job.job_id}), row.error
    assert lines(services, "done") == [job.job_id]


def test_cancelling_a_job_that_is_finished_but_for_its_row_leaves_it_finished(services, monkeypatch):
    job = services.jobs.create("fake")
    queue.enqueue(services, job.job_id)
    monkeypatch.setenv("ICICORE_TEST_DIE", "outcome")
    with worker(services) as process:
        wait_until(lambda: process.poll() is not None, "it goes on")
    services.jobs.request_cancel(job.job_id)
    with worker(services):
        wait_until(lambda: not services.jobs.get(job.job_id).active, "it was lost")
    assert services.jobs.get(job.job_id).state == SUCCEEDED, "the work is done, whatever was asked for later"


def test_a_long_job_whose_worker_is_killed_goes_on_from_its_checkpoint(services):
    job = services.jobs.create("train", device="cpu", parameters={"steps": 40, "pause": 0.1})
    with worker(services) as process:
        wait_until(lambda: services.jobs.get(job.job_id).done >= 5, "the long job did not begin")
        kill(process)
    with worker(services):
        wait_until(lambda: not services.jobs.get(job.job_id).active, "the long job was lost")
    row = services.jobs.get(job.job_id)
    assert (row.state, row.attempts) == (SUCCEEDED, 2), row.error
    first, second = (int(line.split()[1]) for line in lines(services, "from"))
    assert (first, lines(services, "done")) == (0, [job.job_id])
    assert second >= 5


def test_an_orderly_stop_gives_the_long_job_back_at_once(services):
    job = services.jobs.create("train", device="cpu", parameters={"steps": 400, "pause": 0.1})
    with worker(services):
        wait_until(lambda: services.jobs.get(job.job_id).done >= 2, "the long job did not begin")
    row = services.jobs.get(job.job_id)
    assert (row.state, row.attempts) == ("queued", 0)


def test_one_long_job_per_device_while_short_ones_go_on(services):
    first, second = (
        services.jobs.create("train", device="cpu", parameters={"steps": 60, "pause": 0.1}) for _ in range(2)
    )
    other = services.jobs.create("train", device="cuda:0", parameters={"steps": 60, "pause": 0.1})
    short = services.jobs.create("fake")
    queue.enqueue(services, short.job_id)
    with worker(services):
        wait_until(lambda: services.jobs.get(short.job_id).state == SUCCEEDED, "the short job waits for the long ones")
        wait_until(lambda: services.jobs.get(other.job_id).done > 0, "the other device is not used")
        assert services.jobs.get(first.job_id).state == RUNNING
        assert services.jobs.get(second.job_id).state == "queued"
        for job in (first, second, other):
            services.jobs.request_cancel(job.job_id)
        wait_until(lambda: not any(services.jobs.get(j.job_id).active for j in (first, second, other)), "not cancelled")
        assert {services.jobs.get(j.job_id).state for j in (first, second, other)} == {CANCELLED}


@pytest.mark.alone
@pytest.mark.parametrize("what", [None, "deaf"])
def test_cancelling_stops_within_five_seconds_and_resuming_goes_on(services, what):
    job = services.jobs.create("train", device="cpu", parameters={"steps": 300, "pause": 0.1, "what": what})
    with worker(services):
        wait_until(lambda: services.jobs.get(job.job_id).done >= (0 if what else 3) and lines(services, "from"), "idle")
        begun = time.monotonic()
        services.jobs.request_cancel(job.job_id)
        wait_until(lambda: services.jobs.get(job.job_id).state == CANCELLED, "it does not stop")
        assert time.monotonic() - begun < 5
        if what is None:
            assert services.jobs.resume(job.job_id)
            wait_until(lambda: len(lines(services, "from")) == 2, "it does not go on")
            assert int(lines(services, "from")[1].split()[1]) >= 3


def test_a_process_that_keeps_dying_is_given_up_with_the_reason_and_takes_nothing_along(services):
    job = services.jobs.create("train", device="cpu", parameters={"what": "die"})
    with worker(services) as process:
        wait_until(lambda: not services.jobs.get(job.job_id).active, "it is tried for ever")
        assert process.poll() is None, "the worker died with it"
    row = services.jobs.get(job.job_id)
    assert (row.state, row.attempts) == (FAILED, 3)
    assert row.error == (
        "given up after 3 tries: its process was killed, most likely because the machine's memory ran out"
    )
    written = tail(log_path(services.settings.home, job.job_id))
    assert sum("train, try" in line for line in written) == 3
