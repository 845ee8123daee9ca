"""Candidate to promotion and back in the real application: compare, give a reason, promote, roll back, export."""

import json
import re
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from icicore.settings import read_settings
from icicore.workflows.services import build_services
from tests.browser.conftest import open_page
from tests.browser.servers import run_app
from tests.factories import make_bundle
from tests.workflows.registry_world import FAILED, PASSED, add_candidate, give_comparison

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """A shipped model, one that passed its comparison, one that failed it, and one that was never compared."""
    root = tmp_path_factory.mktemp("models")
    make_bundle(root / "checkpoints" / "shipped-virtual", members=1, name="shipped-virtual")
    environ = {"ICICORE_HOME": str(root / "home"), "ICICORE_CHECKPOINTS": str(root / "checkpoints")}
    services = build_services(read_settings({**environ, "ICICORE_ROOTS": str(root)}))
    rows = {name: add_candidate(services, f"{name}-virtual") for name in ("better", "worse", "fresh")}
    full = {
        "at": "2026-05-04T10:00:00+00:00", "study": "s", "virtual_study": True, "n": 120, "responders": 44,
        "left_out": 0, "bootstrap": 1000,
    }  # fmt: skip
    for name, checks in (("better", PASSED), ("worse", FAILED)):
        give_comparison(services, rows[name], checks, **full)
    services.database.close()
    own = {"ICICORE_CHECKPOINTS": environ["ICICORE_CHECKPOINTS"], "ICICORE_USER": "Ada <b>L</b>"}
    with run_app(root / "home", root, ICICORE_WORKER="0", **own) as address:
        yield address, root / "home"


def test_a_candidate_is_promoted_with_a_reason_and_rolled_back(app, browser):
    address, home = app
    with open_page(browser) as page:
        page.goto(f"{address}/models?model=better-virtual")
        page.get_by_text("Scoring with shipped-virtual").wait_for()
        page.get_by_role("radio", name="Comparison").click()
        page.get_by_text("May be promoted by a person.").wait_for()
        page.get_by_role("button", name="Promote in place of shipped-virtual").click()
        page.get_by_text("reason: is empty").wait_for()
        page.get_by_label(re.compile("Reason for the promotion")).fill("better <script>x</script>")
        page.get_by_role("button", name="Promote in place of shipped-virtual").click()
        page.get_by_text("Scoring with better-virtual").wait_for()
        page.get_by_role("cell", name="better <script>x</script>", exact=True).wait_for()
        page.reload()
        page.get_by_role("button", name="Roll back to shipped-virtual").click()
        page.get_by_text("Scoring with shipped-virtual").wait_for()
        page.get_by_role("cell", name="back from better-virtual", exact=True).wait_for()
    with sqlite3.connect(home / "icicore.db") as rows:
        logged = rows.execute("select actor, action from audit where action in ('promote', 'rollback')").fetchall()
    assert logged == [("Ada <b>L</b>", "promote"), ("Ada <b>L</b>", "rollback")]


def test_what_failed_its_comparison_is_not_offered(app, browser):
    with open_page(browser) as page:
        page.goto(f"{app[0]}/models?model=worse-virtual")
        page.get_by_role("radio", name="Comparison").click()
        page.get_by_text("Cannot be promoted.").wait_for()
        page.get_by_text("no better than chance").first.wait_for()
        assert page.get_by_role("button", name=re.compile("^Promote")).count() == 0


def test_a_model_leaves_and_comes_back_as_one_file(app, browser, tmp_path):
    address, home = app
    with open_page(browser) as page:
        page.goto(f"{address}/models?model=fresh-virtual")
        with page.expect_download() as download:
            page.get_by_role("button", name="Export").click()
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
        assert file.name == "fresh-virtual.bundle.zip"
        with zipfile.ZipFile(file) as archive:
            assert json.loads(archive.read("manifest.json"))["name"] == "fresh-virtual"
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("button", name="Delete for good").click()
        page.get_by_text("fresh-virtual was deleted.").wait_for()
        assert not (home / "bundles" / "fresh-virtual").exists()
        page.get_by_text("Import a model").click()
        page.locator("input[type=file]").set_input_files(str(file))
        page.get_by_test_id("stFileChipName").wait_for()
        page.get_by_role("button", name="Import", exact=True).click()
        page.get_by_text("The model was imported; it is a candidate.").wait_for()
    assert (home / "bundles" / "fresh-virtual" / "weights.safetensors").is_file()
