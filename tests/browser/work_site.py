"""The application over a home with two cases that have slides and results, for tests that walk through all pages."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.browser.test_app import run_app
from tests.browser.test_work_pages import FIRST, SECOND_CASE, write_results

PAGES = {
    "work list": "",
    "case review": f"case?case={FIRST}",
    "compare": f"compare?cases={FIRST},{SECOND_CASE}",
    "cohort": "cohort",
    "training": "training",
    "models": "models",
    "about": "about",
}
"""Address of every page below that of the application."""
STILL = "() => !document.querySelector('[data-testid=stStatusWidget]') && !document.querySelector('[data-stale=true]')"
VIEWER = """() => { const v = Object.values(window.__icicore?.viewers ?? {})[0];
    return Boolean(v?.shown && v.item.getFullyLoaded() && v.layers[0]?.values); }"""


@contextlib.contextmanager
def work_site(home: Path) -> Iterator[str]:
    """Run the application on a home that is filled first; yields its address."""
    write_results(home)
    with run_app(home, home) as address:
        yield address


def visit(page, address: str, name: str) -> None:
    """Open a page and wait until nothing moves on it."""
    page.goto(f"{address}/{PAGES[name]}")
    page.get_by_role("heading").first.wait_for()
    if name == "case review":
        page.wait_for_function(VIEWER)
    page.wait_for_function(STILL)
    page.wait_for_timeout(500)
