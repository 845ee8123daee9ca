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
SECONDS = 120.0


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


def test_twenty_jobs_five_cancelled_two_kills_and_every_one_ends_in_a_true_state(services):
    jobs = [services.jobs.create("fake", owner="Ann") for _ in range(20)]
    for job in jobs:
        queue.enqueue(services, job.job_id)
    rng = random.Random(7)  # noqa: S311
    cancelled = rng.sample(jobs, 5)

    def finished() -> int:
        return len(lines(services, "done"))

    for number, stop_after in enumerate((3, 8)):
        with worker(services) as process:
            wait_until(lambda most=stop_after: finished() >= most, "the worker does nothing")
            for job in cancelled[2 * number : 2 * number + 2 + number]:
                queue.cancel(services, job.job_id)
            kill(process)
    with worker(services):
        wait_until(lambda: not any(services.jobs.get(j.job_id).active for j in jobs), "jobs were lost")
    rows = [services.jobs.get(j.job_id) for j in jobs]
    ran = Counter(lines(services, "done"))
    asked = {j.job_id for j in cancelled}
    for row in rows:
        if row.state == SUCCEEDED:
            assert row.result == {"ran": row.job_id}
            assert ran[row.job_id] >= 1
        else:
            assert row.state == CANCELLED, row
            assert row.job_id in asked
    assert {r.job_id for r in rows if r.state == CANCELLED} <= asked
    # A job that was killed between its last act and its row is begun again: at most one per kill.
    assert sum(ran.values()) - len(ran) <= 2
    assert all(row.attempts <= 2 for row in rows)
    assert all(row.owner == "Ann" for row in rows)


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
