"""A clinician writes, reloads, signs, adds and takes the report away; a second window is told in time."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from icicore.settings import read_settings
from icicore.simulate.case_writer import write_case
from icicore.workflows.audit import verify_audit
from icicore.workflows.cases import open_case
from icicore.workflows.inference import score_case
from icicore.workflows.services import build_services
from icicore.workflows.simulation import draw_patients
from tests.browser.conftest import open_page
from tests.browser.servers import run_app

pytestmark = pytest.mark.browser
WORDS = "Reasons and remarks"


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """Home, root and key of a scored case without a slide."""
    root, home = tmp_path_factory.mktemp("cases"), tmp_path_factory.mktemp("home")
    patient = next(p for p in draw_patients(60, seed=31) if p.mutations is not None and not p.clinical.empty)
    folder = write_case(patient, root / "CASE-B", render=False)
    services = build_services(read_settings({"ICICORE_HOME": str(home), "ICICORE_ROOTS": str(root)}))
    key = open_case(services, folder).case_key
    score_case(services, key)
    services.database.close()
    return home, root, key


@pytest.fixture(scope="module")
def address(scored: tuple[Path, Path, str]) -> Iterator[str]:
    home, root, key = scored
    with run_app(home, root, ICICORE_WORKER="0") as url:
        yield f"{url}/case?case={key}"


def open_conclusion(page: Any, address: str) -> None:
    page.goto(address)
    page.get_by_text("Probability of objective response").wait_for()
    page.get_by_text("Conclusion", exact=True).click()


def choose(page: Any, judgement: str) -> None:
    page.get_by_role("radio", name=judgement, exact=True).click()


def write(page: Any, label: str, words: str) -> None:
    page.get_by_label(label, exact=True).fill(words)
    page.get_by_label(label, exact=True).blur()


def test_write_reload_sign_add_and_export(scored: tuple[Path, Path, str], address: str, browser: Any) -> None:
    with open_page(browser) as page, open_page(browser) as other:
        open_conclusion(page, address)
        page.get_by_text("Nothing written yet").wait_for()
        assert page.get_by_role("button", name="Sign review").is_disabled()
        choose(page, "Unlikely")
        write(page, WORDS, "<b>LDH</b> doubled.")
        page.get_by_text(", 2 words; a reload keeps it").wait_for()
        open_conclusion(page, address)
        page.get_by_text(", 2 words; a reload keeps it").wait_for()
        expect(page.get_by_label(WORDS)).to_have_value("<b>LDH</b> doubled.")
        open_conclusion(other, address)
        other.get_by_role("button", name="Sign review").click()
        other.get_by_role("button", name="Sign for good").wait_for()
        page.get_by_role("button", name="Sign review").scroll_into_view_if_needed()
        before = page.get_by_label(WORDS).bounding_box()
        page.get_by_role("button", name="Sign review").click()
        page.get_by_role("button", name="Sign for good").wait_for()
        assert page.get_by_label(WORDS).bounding_box() == before, "asking again moved what stands above"
        page.get_by_role("button", name="Sign for good").click()
        page.get_by_text("Signed on the result shown here").wait_for()
        assert page.get_by_text("<b>LDH</b> doubled.").is_visible()
        other.get_by_role("button", name="Sign for good").click()
        other.get_by_text("Signed already, in another window: Unlikely").wait_for()
        write(page, "Addendum", "Week 12: stable.")
        page.get_by_role("button", name="Sign addendum").click()
        page.get_by_role("button", name="Sign for good").click()
        page.locator(".i-addendum").get_by_text("Week 12: stable.").wait_for()
        with page.expect_download() as pdf:
            page.get_by_role("link", name="PDF").click()
        assert Path(pdf.value.path()).read_bytes().startswith(b"%PDF")
        assert pdf.value.suggested_filename.startswith("icicore_") and pdf.value.suggested_filename.endswith(".pdf")
        with page.expect_download() as data:
            page.get_by_role("link", name="JSON").click()
        (review,) = json.loads(Path(data.value.path()).read_text())["reviews"]
        assert review["judgement"] == "unlikely" and review["addenda"][0]["text"] == "Week 12: stable."
        choose(page, "Record")
        history = page.locator(".i-timeline")
        history.get_by_text("PDF exported").wait_for()
        assert history.get_by_text("Viewed").count() == 3, "two visits in this window, one in the other"
        address_of_report = pdf.value.url
        assert page.request.get(address_of_report.split("?")[0]).status == 403, "no report without a token"
    home, root, _ = scored
    services = build_services(read_settings({"ICICORE_HOME": str(home), "ICICORE_ROOTS": str(root)}))
    assert verify_audit(services)["ok"]
    services.database.close()
