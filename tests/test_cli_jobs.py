"""``icicore worker`` and ``icicore jobs``."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from click.testing import CliRunner

from icicore.cli import cli
from icicore.settings import read_settings
from icicore.workflows.services import build_services

ROOT = Path(__file__).resolve().parents[1]


def test_the_list_shows_who_waits_for_what(tmp_path, monkeypatch):
    monkeypatch.setenv("ICICORE_HOME", str(tmp_path))
    services = build_services(read_settings())
    job = services.jobs.create("train", device="cuda:0", owner="Ann")
    ended = services.jobs.create("score")
    services.jobs.request_cancel(ended.job_id)
    shown = CliRunner().invoke(cli, ["jobs"])
    assert shown.exit_code == 0
    assert shown.output.split("\t")[:4] == [job.job_id, "train", "queued", "cuda:0"]
    rows = json.loads(CliRunner().invoke(cli, ["jobs", "--all", "--json"]).output)
    assert {(r["job_id"], r["state"], r["owner"]) for r in rows} == {
        (job.job_id, "queued", "Ann"),
        (ended.job_id, "cancelled", ""),
    }
    services.database.close()


def test_the_command_serves_until_it_is_told_to_stop(tmp_path):
    environment = {**os.environ, "ICICORE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "icicore.cli", "worker"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 300
        while not (tmp_path / "worker.lock").exists() or not (tmp_path / "worker.lock").read_text():
            assert time.monotonic() < end, "the worker did not start"
            assert process.poll() is None
            time.sleep(0.1)
        assert (tmp_path / "worker.lock").read_text() == str(process.pid), "the command becomes the worker"
        services = build_services(read_settings({"ICICORE_HOME": str(tmp_path)}))
        job = services.jobs.create("preflight", parameters={"name": "x", "study": "/nowhere"})
        while services.jobs.get(job.job_id).active:
            assert time.monotonic() < end, "the job was not done"
            time.sleep(0.2)
        found = services.jobs.get(job.job_id).result
        assert "lies outside the folders that may be opened" in found["problems"][0]
        services.database.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()


TOLD_DURING_AN_IMPORT = """
import os, signal
from icicore.jobs import serve
from icicore.settings import read_settings

def warm_up():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        signal.sigtimedwait([], 20)
    except SystemExit:
        print("swallowed", flush=True)

serve.warm_up = warm_up
serve.serve(read_settings())
"""


def test_a_worker_stops_although_a_library_swallowed_that_it_was_told_to(tmp_path):
    environment = {**os.environ, "ICICORE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", TOLD_DURING_AN_IMPORT],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "swallowed\n"), done.stderr
