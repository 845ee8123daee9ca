"""A whole score, worker and command line: no address but this machine's, and no patient in a log."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from icicore.jobs import queue
from icicore.settings import read_settings
from icicore.store.jobs import SUCCEEDED
from icicore.workflows.cases import open_case
from icicore.workflows.services import build_services
from tests.genomics.files import expression_text, expression_values, maf_text
from tests.make_slides import make_he_image, make_slide

ROOT = Path(__file__).resolve().parent.parent
GUARD = Path(__file__).parent / "guarded"
PATIENT = "ZZMUELLER-19500101"
SECONDS = 1500.0


def environment(tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "ICICORE_HOME": str(tmp_path / "home"),
        "ICICORE_ROOTS": str(tmp_path / "cases"),
        "ICICORE_TEST_ADDRESSES": str(tmp_path / "addresses.txt"),
        "PYTHONPATH": os.pathsep.join((str(GUARD), str(ROOT))),
    }


def strangers(tmp_path: Path) -> list[str]:
    path = tmp_path / "addresses.txt"
    return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def folder(tmp_path) -> Path:
    """A case whose id, slide and barcode all say who the patient is."""
    case = tmp_path / "cases" / PATIENT
    (case / "slides").mkdir(parents=True)
    record = {"case_id": PATIENT, "tumour_type": "nsclc", "clinical": {"age": 71, "sex": "M", "ecog": 1}}
    (case / "case.json").write_text(json.dumps(record))
    (case / "mutations.maf").write_text(maf_text({"Tumor_Sample_Barcode": PATIENT}))
    (case / "expression.tsv").write_text(expression_text(expression_values()))
    image = make_he_image(np.random.default_rng(1), (1024, 768))
    make_slide(case / "slides" / f"{PATIENT}.tif", size=(1024, 768), painter=lambda *_: image)
    return case


ASK = """
import contextlib, socket, urllib.request
socket.create_server(("127.0.0.1", 0)).close()
for address in ("http://example.invalid/", "http://192.0.2.1:9/"):
    with contextlib.suppress(OSError):
        urllib.request.urlopen(address)
"""


def test_the_guard_sees_a_request_and_lets_none_out(tmp_path):
    subprocess.run([sys.executable, "-c", ASK], env=environment(tmp_path), check=True, timeout=120)
    found = strangers(tmp_path)
    assert any("example.invalid" in line for line in found) and any("192.0.2.1" in line for line in found), found
    assert not any("127.0.0.1" in line for line in found)


@pytest.mark.timeout(2400)
def test_a_worker_that_scores_a_case_asks_nobody_and_logs_no_patient(tmp_path, folder):
    env = environment(tmp_path)
    services = build_services(read_settings(env))
    row = open_case(services, folder)
    job = queue.submit_score(services, row.case_key, by="Ann")
    log = services.settings.home / "worker.log"
    with log.open("ab") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", "icicore.jobs.worker"],
            cwd=ROOT, env=env, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        end = time.monotonic() + SECONDS
        while (found := services.jobs.get(job.job_id)).active and time.monotonic() < end:
            time.sleep(0.5)
    finally:
        for number, seconds in ((signal.SIGTERM, 120), (signal.SIGKILL, 60)):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(worker.pid, number)
                worker.wait(seconds)
    assert found.state == SUCCEEDED, (found.error, log.read_text()[-2000:])
    assert strangers(tmp_path) == []
    logs = [p for p in services.settings.home.rglob("*") if p.suffix in (".log", ".txt") and p.is_file()]
    assert log in logs and len(logs) > 1, "the log of the job is missing"
    for path in logs:
        assert PATIENT.encode() not in path.read_bytes(), path.name
        assert b"ZZMUELLER" not in path.read_bytes(), path.name
    assert "icicore" in log.read_text(), "the worker logs nothing at all, so this proves nothing"
    files = [p for p in services.settings.home.rglob("*") if p.suffix in (".pkl", ".pickle", ".pt", ".joblib")]
    assert files == []
    services.database.close()


def test_the_server_listens_on_this_machine_alone():
    import tomllib

    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert config["server"]["address"] == "localhost"
    assert config["browser"] == {"gatherUsageStats": False, "serverAddress": "localhost"}


def test_label_and_macro_images_are_never_asked_for():
    words = ("associated_images", "openslide.associated", '"macro"', '"label image"', "barcode_image")
    for path in (ROOT / "icicore").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not [word for word in words if word in text], path.name
