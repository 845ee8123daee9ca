"""The live view over a journal that grows: nothing is mounted anew, a reload and a second browser agree."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from icicore.settings import read_settings
from icicore.training.journal import Journal
from icicore.workflows.candidates import work_dir
from icicore.workflows.services import Services, build_services
from tests.browser.conftest import open_page
from tests.browser.servers import run_app

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1200)]
PATIENCE = 300_000
CURVES = ".i-curves"
TAG = f"""() => {{ document.querySelector("{CURVES}").closest(".i-curves-host").seen = true; }}"""
TAGGED = f"""() => Boolean(document.querySelector("{CURVES}").closest(".i-curves-host").seen)"""
AREA = f"{CURVES} .i-curve:first-child .i-area"
DOTS = f"""() => document.querySelector("{AREA} .i-dot").getAttribute("d").split("M").length - 1"""


@pytest.fixture
def services(tmp_path, monkeypatch) -> Iterator[Services]:
    monkeypatch.setenv("ICICORE_WORKER", "0")  # the test itself plays the training
    (tmp_path / "home").mkdir()
    (tmp_path / "roots").mkdir()
    built = build_services(read_settings({"ICICORE_HOME": str(tmp_path / "home"), "ICICORE_ROOTS": str(tmp_path)}))
    yield built
    built.database.close()


def epoch(journal: Journal, number: int) -> None:
    journal.add(
        "epoch", member="genomic-0", epoch=number, auc=0.6 + number / 50, loss=0.7 - number / 50, train_loss=0.9,
        rate=5e-4, seconds=4.0, samples=280, samples_per_second=70.0, rss_mib=900.0,
    )  # fmt: skip


def pointed(page) -> str:
    """What stands under the pointer near the beginning of the first curve."""
    box = page.locator(AREA).bounding_box()
    page.mouse.move(box["x"] + 4, box["y"] + box["height"] / 2)
    return page.locator(f"{AREA} .i-tell > *").evaluate_all("all => all.map(e => e.textContent).join('|')")


def test_the_view_grows_in_place_and_every_browser_sees_it(services, browser, tmp_path):
    study = str(Path(tmp_path) / "roots" / "tiny")
    parameters = {"name": "watched", "study": study, "config": {"model": "genomic"}}
    job = services.jobs.create("train", parameters=parameters, device="cpu", owner="Ann Weber")
    services.jobs.start(job.job_id, "test")
    services.jobs.progress(job.job_id, 2, 30, "training genomic-0", runner="test")
    journal = Journal(work_dir(services.settings, "watched") / "k" / "events.jsonl")
    journal.add("run", kinds=["genomic"], members=2, epochs=15, patients={"train": 140, "val": 20, "test": 40})
    for number in range(2):
        epoch(journal, number)
    with run_app(services.settings.home, tmp_path / "roots") as address, open_page(browser) as page:
        page.goto(f"{address}/training?run={job.job_id}")
        page.get_by_text("3 of at most 15").wait_for(timeout=PATIENCE)
        page.locator(f"{CURVES} svg").nth(3).wait_for(timeout=PATIENCE)
        page.get_by_text("Selection patients judge").wait_for(timeout=PATIENCE)
        page.wait_for_timeout(3000)
        page.evaluate(TAG)
        place = page.locator(CURVES).bounding_box()
        assert page.evaluate(DOTS) == 2
        assert pointed(page) == "epoch 1|member 1: 0.9"
        for number in range(2, 5):
            epoch(journal, number)
            page.get_by_text(f"{number + 2} of at most 15").wait_for(timeout=PATIENCE)
        assert page.evaluate(TAGGED), "the curves were mounted anew"
        assert page.evaluate(DOTS) == 5
        assert page.locator(f"{AREA} .i-tell").inner_text().split() == ["epoch", "1", "member", "1:", "0.9"], (
            "it went away"
        )
        assert page.locator(CURVES).bounding_box() == place, "the page jumped"
        begun = time.perf_counter()
        page.get_by_role("radio", name="Genes", exact=True).click()
        page.locator("[data-testid='stButtonGroup'] [aria-checked='true']", has_text="Genes").wait_for(timeout=PATIENCE)
        assert time.perf_counter() - begun < 30
        page.reload()
        page.get_by_text("6 of at most 15").wait_for(timeout=PATIENCE)
        with open_page(browser) as other:
            other.goto(f"{address}/training")
            other.get_by_text("6 of at most 15").wait_for(timeout=PATIENCE)
            other.get_by_role("button", name="Stop").click()
            other.get_by_text("Stopping").first.wait_for(timeout=PATIENCE)
        assert services.jobs.get(job.job_id).cancel
        page.get_by_text("Stopping").first.wait_for(timeout=PATIENCE)
