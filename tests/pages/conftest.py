"""Pages over a fake backend, without browser, database or worker."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from icicore.jobs import batches, queue
from icicore.ui.backend import use_backend
from icicore.ui.places import ABOUT, CASE, CASES
from tests.pages.fake_results import FakeBackend, demo_backend

MAIN = Path(CASES).parents[1] / "icicore" / "ui" / "main.py"
PAGES = {"cases": CASES, "case": CASE, "about": ABOUT}
OpenPage = Callable[..., AppTest]


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Result folders are written once; every test gets a backend of its own over them."""
    home = tmp_path_factory.mktemp("home")
    demo_backend(home)
    return home


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are kept and never handed to a worker."""
    for module in (batches, queue):
        monkeypatch.setattr(module, "enqueue", lambda *_, **__: None)


@pytest.fixture
def desk(demo_home: Path) -> Iterator[FakeBackend]:
    """A work list with one case in each state."""
    fake = demo_backend(demo_home, write=False)
    use_backend(lambda: fake)
    yield fake
    use_backend(None)


@pytest.fixture
def open_page(desk: FakeBackend) -> OpenPage:
    """Open a page as a visitor of its address would."""

    def open_one(name: str, *, state: dict[str, Any] | None = None, **query: str) -> AppTest:
        at = AppTest.from_file(str(MAIN), default_timeout=180)
        for key, value in (state or {}).items():
            at.session_state[key] = value
        for key, value in query.items():
            at.query_params[key] = value
        if name != "cases":
            at.switch_page(str(PAGES[name]))
        at.run()
        assert not at.exception, [e.message for e in at.exception]
        return at

    return open_one


def html_of(at: AppTest) -> str:
    """All HTML and Markdown of the page, in order."""
    found: list[str] = []

    def walk(node: Any) -> None:
        for child in getattr(node, "children", {}).values():
            proto = getattr(child, "proto", None)
            body = getattr(proto, "body", "")
            if isinstance(body, str) and body and not body.startswith("<style"):
                found.append(body)
            walk(child)

    walk(at._tree)
    return "\n".join(found)


def components(at: AppTest) -> list[Any]:
    """Browser components of the page itself; the watch over the theme is on every page."""
    found: list[Any] = []

    def walk(node: Any) -> None:
        for child in getattr(node, "children", {}).values():
            if getattr(child, "type", "") == "bidi_component" and child.proto.component_name != "icicore_theme":
                found.append(child.proto)
            walk(child)

    walk(at._tree)
    return found
