"""A real Streamlit server and a real browser. No request may leave the machine, no error may reach the console."""

import contextlib
import io
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.servers import serve as serve

PATIENCE_MS = 240_000
"""How long a page may take; only a machine that is busy with much else comes near it."""
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]  # fmt: skip


def chromium() -> str:
    """Path of the browser; skips the test without one."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("Chromium is not installed")
    return found


@dataclass
class Recorder:
    """What a page did that it should not."""

    strangers: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def watch(self, page: Any) -> None:
        page.on("request", lambda r: self._request(r.url))
        page.on("console", self._console)
        page.on("pageerror", lambda e: self.errors.append(str(e)))

    def _console(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} {message.location.get('url', '')}")

    def _request(self, address: str) -> None:
        if not address.startswith(("http://localhost:", "ws://localhost:", "data:", "blob:")):
            self.strangers.append(address)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import expect, sync_playwright

    executable = chromium()
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, headless=True, args=FLAGS)
        yield started
        started.close()


@contextlib.contextmanager
def open_page(browser: Any) -> Iterator[Any]:
    """A page of 1440 x 900; fails at the end on foreign requests and on console errors."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page, recorder = context.new_page(), Recorder()
    recorder.watch(page)
    page.set_default_timeout(PATIENCE_MS)
    yield page
    context.close()
    assert recorder.strangers == []
    assert recorder.errors == []


@pytest.fixture
def page(browser) -> Iterator[Any]:
    with open_page(browser) as opened:
        yield opened


def pixels(page: Any, selector: str = ".zoom") -> np.ndarray:
    """Screenshot of an element as far as it is in sight, (height, width, 3) int."""
    until = time.monotonic() + PATIENCE_MS / 1000
    while True:
        box = page.locator(selector).bounding_box()
        part = {k: int(box[k]) for k in ("x", "y", "width", "height")}  # a part is taken and read faster than the page
        if (part["width"] and part["height"]) or time.monotonic() > until:
            break
        page.wait_for_timeout(50)  # a busy browser has not laid it out yet
    return np.asarray(Image.open(io.BytesIO(page.screenshot(clip=part))).convert("RGB")).astype(int)
