"""A real Streamlit server and a real browser. No request may leave the machine, no error may reach the console."""

import contextlib
import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
APP = Path(__file__).with_name("viewer_app") / "app.py"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]  # fmt: skip


def chromium() -> str:
    """Path of the browser; skips the test without one."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("Chromium is not installed")
    return found


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def serve(scene_folder: Path) -> Iterator[str]:
    """Run the viewer application on a scene; yields its address."""
    port = free_port()
    environment = {**os.environ, "ICICORE_TEST_SCENE": str(scene_folder), "PYTHONPATH": str(ROOT)}
    options = {
        "server.port": port,
        "server.address": "localhost",
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "browser.serverAddress": "localhost",
    }
    command = [sys.executable, "-m", "streamlit", "run", str(APP), *(f"--{k}={v}" for k, v in options.items())]
    log = (scene_folder / "server.log").open("wb")
    process = subprocess.Popen(command, cwd=scene_folder, env=environment, stdout=log, stderr=log)
    try:
        wait_for(f"http://localhost:{port}/_stcore/health", process)
        yield f"http://localhost:{port}/"
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def wait_for(address: str, process: "subprocess.Popen[bytes]", *, seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(address) as answer:
            if answer.status == 200:
                return
        assert process.poll() is None, "the server ended"
        time.sleep(0.2)
    raise AssertionError("the server did not start")


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
        # On a deep link Streamlit first looks for its own endpoints below the page's path and gets 404 there.
        probing = "/_stcore/" in str(message.location.get("url", ""))
        if message.type == "error" and not probing:
            self.errors.append(f"{message.text} {message.location.get('url', '')}")

    def _request(self, address: str) -> None:
        if not address.startswith(("http://localhost:", "ws://localhost:", "data:", "blob:")):
            self.strangers.append(address)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    executable = chromium()
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
    page.set_default_timeout(180_000)
    yield page
    context.close()
    assert recorder.strangers == []
    assert recorder.errors == []


@pytest.fixture
def page(browser) -> Iterator[Any]:
    with open_page(browser) as opened:
        yield opened


def pixels(page: Any, selector: str = ".zoom") -> np.ndarray:
    """Screenshot of an element, (height, width, 3) int."""
    box = page.locator(selector).bounding_box()
    shot = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(int)
    x, y, width, height = (int(box[k]) for k in ("x", "y", "width", "height"))
    return shot[y : y + height, x : x + width]
