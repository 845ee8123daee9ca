"""A training from the first click to the candidate: watched, reloaded, seen in a second browser, its worker killed."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from icicore.settings import read_settings
from icicore.store.jobs import RUNNING, SUCCEEDED
from icicore.workflows.candidates import TrainingRequest, train_candidate
from icicore.workflows.services import Services, build_services
from icicore.workflows.simulation import StudySpec, simulate_study
from tests.browser.conftest import open_page
from tests.browser.servers import run_app
from tests.browser.test_training_view import CURVES, TAG, TAGGED

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(3600)]
PATIENCE = 900_000
"""Milliseconds; on a busy machine the process of a training takes minutes to load its libraries."""


@pytest.fixture(scope="module")
def services(tmp_path_factory) -> Services:
    root = tmp_path_factory.mktemp("training")
    (root / "home").mkdir()
    environment = {"ICICORE_HOME": str(root / "home"), "ICICORE_ROOTS": str(root / "roots")}
    built = build_services(read_settings(environment))
    simulate_study(built, root / "roots" / "tiny", StudySpec(patients=160, seed=5, bank_slides=0))
    yield built
    built.database.close()


def wait_until(condition, what: str, seconds: float = PATIENCE / 1000) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def set_number(page, label: str, value: int) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(str(value))
    field.press("Enter")


def start_genes(page, services) -> str:
    """Check the study and start a training of the gene model; returns the job."""
    page.get_by_role("radio", name="Genes", exact=True).click()
    set_number(page, "Members", 12)
    set_number(page, "Epochs, at most", 15)
    start = page.get_by_role("button", name="Start training")
    assert start.is_disabled()
    page.get_by_role("button", name="Check the study").click()
    page.get_by_text("With a response").wait_for(timeout=PATIENCE)
    start.click(timeout=PATIENCE)
    page.get_by_role("button", name="Stop").wait_for(timeout=PATIENCE)
    (job,) = services.jobs.recent(kinds=["train"])
    return job.job_id


def compare(page, address: str, name: str) -> None:
    """Set the candidate beside the shipped bundle, and wait for the verdict on the page."""
    page.goto(f"{address}/models?model={name}")
    page.get_by_role("radio", name="Comparison").click(timeout=PATIENCE)
    page.get_by_role("button", name="Compare with the promoted model").click(timeout=PATIENCE)
    page.get_by_role("button", name="Compare again").wait_for(timeout=PATIENCE)
    page.get_by_text("held-out virtual patients of tiny").wait_for(timeout=PATIENCE)


def kill_worker(home: Path) -> None:
    os.kill(int((home / "worker.lock").read_text()), signal.SIGKILL)


def test_a_training_survives_whatever_happens_and_ends_like_an_undisturbed_one(services, browser, tmp_path):
    home, roots = services.settings.home, services.settings.roots[0]
    with run_app(home, roots) as address:
        with open_page(browser) as page:
            page.goto(f"{address}/training")
            page.get_by_role("button", name="Check the study").wait_for(timeout=PATIENCE)
            job_id = start_genes(page, services)
            page.get_by_text("Genes, member 1", exact=True).wait_for(timeout=PATIENCE)
            page.locator(f"{CURVES} svg").nth(3).wait_for(timeout=PATIENCE)
            page.evaluate(TAG)
            first = page.locator(".i-numbers").first.inner_text()
            page.wait_for_function(
                "(before) => document.querySelector('.i-numbers').innerText !== before", arg=first, timeout=PATIENCE
            )
            assert page.evaluate(TAGGED), "the curves were mounted anew"
            begun = time.perf_counter()
            page.get_by_role("radio", name="New training").click()
            page.get_by_text("Name of the bundle").wait_for(timeout=PATIENCE)
            (tmp_path / "interaction.txt").write_text(f"{time.perf_counter() - begun:.3f} s to turn to the form\n")
            page.goto(f"{address}/training?run={job_id}")
            page.get_by_role("button", name="Stop").wait_for(timeout=PATIENCE)
            with open_page(browser) as other:
                other.goto(f"{address}/training")
                other.get_by_role("button", name="Stop").wait_for(timeout=PATIENCE)
                assert other.get_by_text("tiny-").first.is_visible()
        # The app goes on for a moment without a worker; the journal tells how far the training came.
        wait_until(lambda: services.jobs.get(job_id).done >= 5, "the training does not advance")
        assert services.jobs.get(job_id).state == RUNNING
        kill_worker(home)
    assert services.jobs.get(job_id).active
    with run_app(home, roots) as address:
        wait_until(lambda: not services.jobs.get(job_id).active, "the training was lost")
        job = services.jobs.get(job_id)
        assert (job.state, job.attempts) == (SUCCEEDED, 2), job.error
        with open_page(browser) as page:
            page.goto(f"{address}/training?run={job_id}")
            page.get_by_text("is a candidate").wait_for(timeout=PATIENCE)
            compare(page, address, job.parameters["name"])
    (comparison,) = services.jobs.recent(kinds=["compare"])
    assert comparison.state == SUCCEEDED, comparison.error
    request = TrainingRequest.from_json(job.parameters | {"name": "undisturbed", "facts": {}})
    undisturbed = train_candidate(services, request, job_id="x", keep_journal=tmp_path / "events.jsonl")
    assert job.result["metrics"] == undisturbed["metrics"]
    specs = [
        json.loads((home / "bundles" / name / "bundle.json").read_text())
        for name in (job.parameters["name"], "undisturbed")
    ]
    assert specs[0]["training"]["selection_auc"] == specs[1]["training"]["selection_auc"]
    assert specs[0]["seal"]["weights_sha256"] == specs[1]["seal"]["weights_sha256"]
    assert not list((home / "bundles").glob(".*.work"))
