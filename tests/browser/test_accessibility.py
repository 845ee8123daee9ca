"""Every page in both themes under axe-core (WCAG 2.1 A and AA), and the case page by keyboard alone."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import PATIENCE_MS
from tests.browser.work_site import PAGES, visit, work_site

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1800)]
OPTIONS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}
STREAMLITS: dict[str, str] = {}
"""What is Streamlit's own and cannot be mended from here: part of the element's HTML, and why it is let pass."""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with work_site(tmp_path_factory.mktemp("accessible")) as started:
        yield started


def violations(page) -> list[str]:
    """One line for each element that breaks a rule and is ours."""
    found = Axe().run(page, options=OPTIONS).response["violations"]
    return [
        f"{rule['id']}: {node['target']} {node['html'][:160]} {node['failureSummary'][:160]}"
        for rule in found
        for node in rule["nodes"]
        if not any(part in node["html"] for part in STREAMLITS)
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_no_page_breaks_a_rule(address, browser, name, theme):
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme=theme)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    visit(page, address, name)
    found = violations(page)
    context.close()
    assert found == []


FOCUSED = """() => {
  let el = document.activeElement;
  while (el?.shadowRoot?.activeElement) el = el.shadowRoot.activeElement;
  if (!el || el === document.body) return null;
  const name = el.getAttribute('aria-label') || el.title || el.innerText || el.closest('label')?.innerText || '';
  const box = el.getBoundingClientRect(), style = getComputedStyle(el);
  const wrapped = el.closest('[data-baseweb], label, button, a, [tabindex]') ?? el, about = getComputedStyle(wrapped);
  const outlined = s => s.outlineStyle !== 'none' && s.outlineWidth !== '0px';
  const marks = [style, about].some(s => outlined(s) || s.boxShadow !== 'none');
  return { name: name.trim().slice(0, 80), role: el.getAttribute('role') ?? el.tagName.toLowerCase(),
           inView: box.width > 0 || el.tagName === 'INPUT', marks }; }"""
MOST_STOPS = 260
NEEDED = (
    "Slide viewer", "Attention opacity", "Measure", "Outline a region", "Whole slide", "Top and bottom tiles", "Why",
)  # fmt: skip


def test_everything_on_the_case_page_is_reached_by_the_tab_key(address, browser):
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    visit(page, address, "case review")
    stops = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop is None and len(stops) > 20:
            break  # past the end of the page: nothing holds the focus captive
        if stop is not None:
            stops.append(stop)
    else:
        pytest.fail(f"{MOST_STOPS} stops and no end; the last: {[s['name'] for s in stops[-5:]]}")
    names = [s["name"] for s in stops]
    missing = [word for word in NEEDED if not any(word in name for name in names)]
    assert missing == [], names
    nameless = [s for s in stops if not s["name"]]
    assert nameless == [], "a control without a name is silent in a screen reader"
    unmarked = [s["name"] for s in stops if not s["marks"]]
    assert unmarked == [], "where the focus is must be seen"
    context.close()


def test_a_tile_is_chosen_a_panel_turned_and_a_judgement_given_without_the_mouse(address, browser):
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    visit(page, address, "case review")
    page.locator(".viewer").focus()
    page.keyboard.press("n")
    page.get_by_text("Tile as scanned").wait_for()
    page.get_by_role("radio", name="Conclusion").focus()
    page.keyboard.press("Space")
    page.get_by_text("In your judgement").wait_for()
    page.get_by_role("radio", name="Unlikely").focus()
    page.keyboard.press("Space")
    page.get_by_label("Reasons and remarks").focus()
    page.keyboard.type("Necrosis under the highest attention.")
    page.keyboard.press("Control+Enter")
    sign = page.get_by_role("button", name="Sign")
    sign.wait_for()
    context.close()
