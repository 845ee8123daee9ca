"""Jobs of every kind in the real application: started, seen by a second browser, stopped, continued, deleted."""

import os
from collections.abc import Iterator
from unittest import mock

import pytest

from icicore.settings import read_settings
from icicore.workflows.services import Services, build_services
from tests.browser.conftest import open_page
from tests.browser.test_app import run_app

pytestmark = [pytest.mark.browser, pytest.mark.timeout(3000)]
PATIENCE = 600_000
NAME = "a <b>x<b>.svs"


@pytest.fixture
def services(tmp_path) -> Iterator[Services]:
    (tmp_path / "home").mkdir()
    (tmp_path / "roots").mkdir()
    (tmp_path / "roots" / NAME).write_bytes(b"no slide")
    built = build_services(read_settings({"ICICORE_HOME": str(tmp_path / "home"), "ICICORE_ROOTS": str(tmp_path)}))
    yield built
    built.database.close()


def test_a_job_is_started_seen_elsewhere_stopped_continued_and_deleted(services, browser, tmp_path):
    slide = tmp_path / "roots" / NAME
    with (
        mock.patch.dict(os.environ, {"ICICORE_WORKER": "0", "ICICORE_USER": "Ann Weber"}),
        run_app(services.settings.home, tmp_path / "roots") as address,
        open_page(browser) as page,
    ):
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address}/training")
        page.get_by_role("radio", name="Jobs", exact=True).click()
        page.get_by_text("No job yet").wait_for()
        field = page.get_by_label("Path of the slide")
        field.fill("/etc/passwd")
        field.press("Enter")
        page.get_by_text("lies outside the folders").wait_for()
        assert page.get_by_role("button", name="Embed", exact=True).is_disabled()
        field.fill(str(slide))
        field.press("Enter")
        page.get_by_text("lies outside the folders").wait_for(state="hidden")
        page.get_by_role("button", name="Embed", exact=True).click()
        page.get_by_text("The slide waits to be embedded.").wait_for()
        page.get_by_text("Embedding of a slide").first.wait_for()
        assert page.get_by_text(NAME).first.is_visible(), "markup in a name is text"
        page.get_by_text("No worker is running").wait_for()
        page.get_by_text("started without one").wait_for()
        (job,) = services.jobs.recent()
        assert (job.kind, job.owner, job.state) == ("embed", "Ann Weber", "queued")
        with open_page(browser) as other:
            other.set_default_timeout(PATIENCE)
            other.goto(f"{address}/training")
            other.get_by_role("radio", name="Jobs", exact=True).click()
            other.locator(f".st-key-stop_{job.job_id} button").first.click()
            other.get_by_text("Stopped", exact=True).wait_for()
        page.get_by_text("Stopped", exact=True).wait_for()
        assert services.jobs.get(job.job_id).state == "cancelled"
        page.locator(f".st-key-resume_{job.job_id} button").first.click()
        page.get_by_text("Waiting", exact=True).wait_for()
        assert services.jobs.get(job.job_id).state == "queued"
        page.locator(f".st-key-stop_{job.job_id} button").first.click()
        page.locator(f".st-key-delete_{job.job_id} button").first.click()
        page.get_by_text("No job yet").wait_for()
        assert services.jobs.get(job.job_id) is None
