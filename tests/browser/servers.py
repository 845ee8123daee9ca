"""Servers for a real browser: the application over a home folder, or the viewer alone over a scene."""

import contextlib
import os
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VIEWER = Path(__file__).with_name("viewer_app") / "app.py"
PLAIN = {
    "server.address": "localhost",
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": "false",
    "browser.serverAddress": "localhost",
}
"""The options that the application takes from its own configuration."""
PORTS = range(20_000, 32_000)
"""Below what the kernel gives to outgoing connections, so that no connection takes a port between choice and use."""
PATIENCE = 240.0
"""Seconds for a server to start: on a busy machine the libraries alone take a minute to load."""


def free_port() -> int:
    """A port that nothing listens on; runs beside this one draw others."""
    draw = random.Random(f"{os.getpid()} {time.monotonic_ns()}")  # noqa: S311
    while True:
        port = draw.choice(PORTS)
        with socket.socket() as free, contextlib.suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def running(
    script: Path, *options: str, port: int, log: Path, cwd: Path, env: Mapping[str, str], base: str = ""
) -> Iterator[str]:
    """Run a Streamlit script in a process of its own; Streamlit reads its configuration below ``cwd``."""
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port), *options]
    command += ["--server.baseUrlPath", base] if base else []
    address = f"http://localhost:{port}{base}"
    with log.open("wb") as stream:
        process = subprocess.Popen(command, cwd=cwd, env={**os.environ, **env}, stdout=stream, stderr=stream)
        try:
            wait_for(f"{address}/_stcore/health", process, log)
            yield address
        finally:
            process.terminate()
            process.wait(60)


def wait_for(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until the server answers; fails with the end of its log."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=10) as answer:
            if answer.status == 200:
                return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError(f"the server did not start:\n{log.read_text(errors='replace')[-2000:]}")


@contextlib.contextmanager
def run_app(home: Path, roots: Path, *options: str, port: int = 0, base: str = "", **env: str) -> Iterator[str]:
    """Run the application over a home folder, with its worker unless ``ICICORE_WORKER`` says otherwise.

    ``base`` is the path that it is served under, with its leading slash.
    """
    own = {"ICICORE_HOME": str(home), "ICICORE_ROOTS": str(roots), **env}
    log = home / "app.log"
    port = port or free_port()
    with running(ROOT / "app.py", *options, port=port, log=log, cwd=ROOT, env=own, base=base) as address:
        yield address


@contextlib.contextmanager
def serve(scene: Path) -> Iterator[str]:
    """Run the viewer alone on the scene in a folder, without the theme of the application; yields its address."""
    own = {"ICICORE_TEST_SCENE": str(scene), "PYTHONPATH": str(ROOT)}
    options = [f"--{name}={value}" for name, value in PLAIN.items()]
    with running(VIEWER, *options, port=free_port(), log=scene / "server.log", cwd=scene, env=own) as address:
        yield f"{address}/"
