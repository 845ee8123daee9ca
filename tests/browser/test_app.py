"""The real application as a clinician meets it: open a folder, score it, review it, reload; all on this machine."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from icicore.simulate.case_writer import write_case
from icicore.ui.theme import DARK, LIGHT
from icicore.workflows.casefolder import case_key
from icicore.workflows.simulation import draw_patients
from tests.browser.conftest import open_page, pixels
from tests.browser.servers import run_app

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def case_folder(tmp_path_factory) -> Path:
    """A virtual case with a slide of about 60 tiles."""
    root = tmp_path_factory.mktemp("app-cases")
    patient = next(
        p
        for p in draw_patients(60, seed=99)
        if p.slide_spec is not None and p.mutations is not None and p.expression is not None and not p.clinical.empty
    )
    spec = dataclasses.replace(patient.slide_spec, size_um=(1400.0, 1100.0), artefacts=(), necrosis=0.0)
    return write_case(dataclasses.replace(patient, patient_id="CASE-A", slide_spec=spec), root / "CASE-A")


@pytest.fixture(scope="module")
def address(case_folder, tmp_path_factory) -> Iterator[str]:
    with run_app(tmp_path_factory.mktemp("app-home"), case_folder.parent) as url:
        yield url


def test_open_score_review_and_reload(address, case_folder, browser):
    with open_page(browser) as page:
        page.goto(address)
        page.get_by_label("Path of the case folder").fill("/etc")
        page.get_by_role("button", name="Open", exact=True).click()
        page.get_by_text("lies outside the folders that may be opened").wait_for()
        page.get_by_label("Path of the case folder").fill(str(case_folder))
        page.get_by_role("button", name="Open", exact=True).click()
        page.locator(".worklist td.id", has_text="CASE-A").wait_for()
        page.goto(f"{address}/case?case={case_key(case_folder)}")
        page.get_by_role("button", name="Score this case").click()
        page.get_by_text("Probability of objective response").wait_for()
        assert "case=" in page.url
        viewer = "Object.values(window.__icicore.viewers)[0]"
        page.wait_for_function(f"() => window.__icicore && {viewer}?.osd?.world.getItemAt(0)?.getFullyLoaded()")
        shown = page.get_by_text(re.compile(r"^\d+\s?%$")).first.inner_text()
        slide = pixels(page)
        assert np.ptp(slide, axis=2).mean() > 5, "the viewer shows no coloured tissue"
        page.reload()
        page.get_by_text("Probability of objective response").wait_for()
        assert page.get_by_text(re.compile(r"^\d+\s?%$")).first.inner_text() == shown


RECORD_LEGENDS = """() => {
  window.legends = [];
  new MutationObserver(() => {
    const legend = document.querySelector('.i-legend'), numbers = document.querySelector('.i-tiles ~ .i-facts');
    if (!legend || !numbers || legend.innerText === window.before) return;  // still that of the tile before
    const place = numbers.getBoundingClientRect().top - legend.getBoundingClientRect().top;
    window.legends.push([legend.innerText, Math.round(place)]);
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
  for (const viewer of Object.values(window.__icicore.viewers)) viewer.seen = true;
}"""
FORGET = "() => { window.legends = []; window.before = document.querySelector('.i-legend')?.innerText; }"
LIBRARY = "() => window.legends.at(-1)?.[0].startsWith('Grad-CAM by pytorch-grad-cam (256 × 256 px)')"


def test_a_click_on_a_tile_brings_its_map_and_moves_nothing(address, case_folder, browser):
    with open_page(browser) as page:
        page.goto(f"{address}/case?case={case_key(case_folder)}")
        page.get_by_text("Probability of objective response").wait_for()
        tiles = page.locator(".gallery .tile")
        tiles.first.wait_for()
        page.evaluate(RECORD_LEGENDS)
        for place, first in ((0, "closed form"), (5, "closed form"), (0, "pytorch-grad-cam")):
            page.evaluate(FORGET)
            tiles.nth(place).click()
            page.wait_for_function(LIBRARY)
            legends = page.evaluate("() => window.legends")
            assert legends[0][0].startswith(f"Grad-CAM by {first}")
            assert len({below for _, below in legends}) == 1, "the numbers below the pictures moved"
        assert page.evaluate("() => Object.values(window.__icicore.viewers).every((v) => v.seen)"), (
            "the viewer began anew"
        )


def test_a_screen_that_turns_dark_is_followed_at_once_and_nothing_moves(address, case_folder, browser):
    colour = "getComputedStyle(document.documentElement).getPropertyValue('--i-text').trim()"
    with open_page(browser) as page:
        page.goto(f"{address}/case?case={case_key(case_folder)}")
        answer = page.get_by_text("Probability of objective response")
        answer.wait_for()
        page.wait_for_function("() => Object.values(window.__icicore?.viewers ?? {}).length")
        page.evaluate("() => Object.values(window.__icicore.viewers).forEach((v) => { v.seen = true; })")
        assert page.evaluate(colour) == LIGHT.text
        place = answer.bounding_box()
        for scheme, palette in (("dark", DARK), ("light", LIGHT)):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function(f"() => {colour} === '{palette.text}'")
        assert answer.bounding_box() == place
        assert page.evaluate("() => Object.values(window.__icicore.viewers).every((v) => v.seen)"), "began anew"


def test_the_work_list_has_two_addresses(address, browser):
    with open_page(browser) as page:
        page.goto(f"{address}/cases")
        page.get_by_role("heading", name="Work list").wait_for()
        assert page.get_by_text("Page not found").count() == 0


def test_addresses_without_a_token_are_refused(address, browser):
    context = browser.new_context()
    for path, status in (
        ("/icicore/tiles/0123456789abcdef/9/0_0.jpg", 403),
        ("/icicore/grid/k/0123456789abcdef/0123456789abcdef/attention.f32", 403),
        ("/icicore/nothing/here", 404),
    ):
        answer = context.request.get(address + path)
        assert answer.status == status, path
    context.close()
