"""A scoring job that is under way is cancelled in the browser, stops at once, and can be started again."""

import json
import os
import re
import time
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import numpy as np
import pytest

from icicore.settings import read_settings
from icicore.store.jobs import CANCELLED, RUNNING
from icicore.workflows.casefolder import case_key
from icicore.workflows.services import build_services
from tests.browser.conftest import open_page
from tests.browser.test_app import run_app
from tests.make_slides import make_he_image, make_slide

pytestmark = pytest.mark.browser
SIDE = 5120
STOPS_IN = 5.0
"""Seconds from the click to the end of the work on a machine that has a core to spare."""


def tissue(width: int, height: int) -> np.ndarray:
    """Tissue all over, from one piece: quick to paint, and some 400 tiles to embed."""
    piece = make_he_image(np.random.default_rng(3), (1024, 1024))
    return np.tile(piece, (-(-height // 1024), -(-width // 1024), 1))[:height, :width]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("long-cases")
    case = root / "LONG-1"
    (case / "slides").mkdir(parents=True)
    record = {"case_id": "LONG-1", "tumour_type": "nsclc", "clinical": {"age": 60, "ecog": 1}}
    (case / "case.json").write_text(json.dumps(record))
    make_slide(case / "slides" / "a.tif", size=(SIDE, SIDE), painter=tissue)
    return case


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("long-home")


@pytest.fixture(scope="module")
def address(folder, home) -> Iterator[str]:
    with run_app(home, folder.parent) as url:
        yield url


@pytest.mark.timeout(2400)
def test_a_running_score_is_cancelled_and_started_again(address, folder, home, browser):
    services = build_services(read_settings({"ICICORE_HOME": str(home), "ICICORE_ROOTS": str(folder.parent)}))
    key = case_key(folder)

    def job():
        newest = services.jobs.recent()[0]
        return services.jobs.get(newest.job_id)

    with open_page(browser) as page:
        page.set_default_timeout(700_000)  # the worker is nice to the app: on a busy machine it takes minutes to start
        page.goto(address)
        page.get_by_label("Path of the case folder").fill(str(folder))
        page.get_by_role("button", name="Open", exact=True).click()
        page.locator(".worklist tbody tr", has_text="LONG-1").wait_for()  # the folder is named before it is opened
        page.goto(f"{address}/case?case={key}")
        page.get_by_role("button", name="Score this case").click()
        page.get_by_text(re.compile(r"slide 1 of 1: .*\d of \d{3}")).wait_for()
        running = job()
        assert running.state == RUNNING and running.total > 0

        pressed = time.time()
        page.get_by_role("button", name="Cancel").click()
        page.get_by_text("The last scoring was cancelled").wait_for()
        busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        ended = job()
        assert ended.job_id == running.job_id
        assert ended.state == CANCELLED and ended.error is None
        assert ended.done < ended.total, "the work had ended before it was cancelled"
        assert ended.finished.replace(tzinfo=UTC).timestamp() - pressed < STOPS_IN * busy
        row = services.cases.get(key)
        assert row.state == "new" and row.probability is None
        assert not list(services.settings.results_dir.rglob("prediction.json")), "half a result was left"
        assert page.get_by_role("button", name="Cancel").count() == 0

        page.get_by_role("button", name="Score this case").click()
        page.get_by_text(re.compile(r"slide 1 of 1: .*\d of \d{3}")).wait_for()
        again = job()
        assert again.job_id != ended.job_id and again.state == RUNNING
        assert page.get_by_text("The last scoring was cancelled").count() == 0
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="Score this case").wait_for()
        assert job().state == CANCELLED
    services.database.close()
