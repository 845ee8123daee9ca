"""Tiles and pages of the app while a training runs, beside the same app while it does not: one run, taking turns.

    PYTHONPATH=benchmarks python -m speed.beside_training [--rounds 6] [--seconds 5] [--study STUDY] [--no-pages]

The app is started with its worker, a training is queued as the training page does it, and once its first epoch is
under way it is halted (SIGSTOP) and let go on (SIGCONT) in turns. Meanwhile a client asks for tiles at the pace of
somebody who moves over a slide, and in a browser somebody turns between two views of the training page and to another
page. Asked: tile p95 at most twice that of idle, an interaction below half a second.
"""

import argparse
import asyncio
import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from icicore.addresses import installation_secret, mint
from icicore.people import local_person
from icicore.settings import read_settings
from icicore.slides.deepzoom import DeepZoomSource
from icicore.slides.reader import open_slide
from icicore.workflows.candidates import TrainingRequest
from icicore.workflows.services import Services, build_services
from icicore.workflows.simulation import StudySpec, simulate_study
from speed.measure import machine, show
from speed.mosaic import write_mosaic

ROOT = Path(__file__).resolve().parents[2]
TILES_PER_SECOND = 40
PATIENCE = 600.0


@contextlib.contextmanager
def app(home: Path, roots: Path) -> Iterator[int]:
    """The app with its worker; yields its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--server.port", str(port), "--server.headless", "true", "--server.address", "localhost"]
    options += ["--server.fileWatcherType", "none", "--browser.gatherUsageStats", "false"]
    environment = {**os.environ, "ICICORE_HOME": str(home), "ICICORE_ROOTS": str(roots), "PYTHONPATH": str(ROOT)}
    with (home / "app.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), *options],
            env=environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            _until(lambda: process.poll() is not None or _healthy(port), "the app does not start")
            yield port
        finally:
            process.terminate()
            process.wait(60)


def _healthy(port: int) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://localhost:{port}/_stcore/health") as answer:
        return bool(answer.status == 200)
    return False


def _until(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(what)
        time.sleep(0.2)


def training(services: Services, study: Path) -> tuple[str, int]:
    """Queue a long training and wait until it is under way; its job and the process group that does it."""
    config = {"members": 20, "epochs": 200, "patience": 200, "device": "cpu"}
    request = TrainingRequest("benchmark", study, config)
    job = services.jobs.create("train", parameters=request.to_json(), device="cpu", owner="benchmark")
    _until(lambda: (row := services.jobs.get(job.job_id)) and (row.done > 0 or not row.active), "no training")
    row = services.jobs.get(job.job_id)
    if row is None or not row.active:
        raise SystemExit(f"the training ended: {row and row.error}")
    return job.job_id, next(pid for pid in _processes() if job.job_id in _command(pid))


def _processes() -> list[int]:
    return [int(p.name) for p in Path("/proc").iterdir() if p.name.isdecimal()]


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return ""


def tile_addresses(services: Services, slide: Path) -> list[str]:
    """Addresses of stored and of decoded tiles in turn, as the viewer asks for them."""
    digest = services.slides.digest(slide, lambda p: hashlib.sha256(p.read_bytes()).hexdigest())
    user = local_person(services.settings).name  # the server answers the token of who asks only
    token = mint(installation_secret(services.settings.home), digest[:16], user, now=time.time())
    found = []
    with open_slide(slide) as reader:
        source = DeepZoomSource(reader)
        for down in (0, 1):
            level = source.max_level - down
            cols, rows = (max(1, side // source.tile_size) for side in source.level_size(level))
            path = f"/icicore/tiles/{digest[:16]}/{level}"
            found.append([f"{path}/{c}_{r}.jpg?t={token}" for c in range(cols) for r in range(rows)])
    return [address for pair in zip(*found, strict=False) for address in pair]


async def move(port: int, addresses: list[str], seconds: float, start: int) -> list[float]:
    """Ask for a tile every few milliseconds; seconds until each was there, counted from when it was due."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    times, begun = [], time.perf_counter()
    for number in range(int(seconds * TILES_PER_SECOND)):
        due = begun + number / TILES_PER_SECOND
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        asked = time.perf_counter()
        address = addresses[(start + number) % len(addresses)]
        writer.write(f"GET {address} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if " 200 " not in head[:16]:
            raise SystemExit(f"a tile was refused: {head[:40]!r}")
        length = next(int(line.split(":")[1]) for line in head.lower().split("\r\n") if "content-length" in line)
        await reader.readexactly(length)
        times.append(time.perf_counter() - asked)
    writer.close()
    return times


@contextlib.contextmanager
def browser_page(port: int, job_id: str) -> Iterator[Callable[[], dict[str, float]]]:
    """A browser on the training page; yields what measures its interactions: seconds of each by its name."""
    import shutil

    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(f"http://localhost:{port}/training?run={job_id}")
        page.get_by_role("button", name="Stop").wait_for()

        def interact() -> dict[str, float]:
            times = {}
            steps = {
                "form": (page.get_by_role("radio", name="New training"), page.get_by_text("Name of the bundle")),
                "run": (page.get_by_role("radio", name="Runs"), page.locator(".i-curves svg")),
                "models": (
                    page.get_by_role("link", name="Models"),
                    page.get_by_role("heading", name="Models", exact=True),
                ),
                "training": (page.get_by_role("link", name="Training"), page.locator(".i-curves svg")),
            }
            for name, (click, seen) in steps.items():
                begun = time.perf_counter()
                click.first.click()
                seen.first.wait_for()
                times[name] = time.perf_counter() - begun
            return times

        interact()  # the first visit of a page imports what it needs
        yield interact
        browser.close()


def _numbers(times: list[float], digits: int) -> dict[str, float]:
    times = sorted(times)
    p50, p95 = times[len(times) // 2], times[int(len(times) * 0.95)]
    return {"n": len(times), "p50_ms": round(1000 * p50, digits), "p95_ms": round(1000 * p95, digits)}


def measure(port: int, services: Services, slide: Path, study: Path, args: argparse.Namespace) -> dict[str, object]:
    """All rounds, the order of the two turned round after round."""
    addresses = tile_addresses(services, slide)
    job_id, group = training(services, study)
    tiles: dict[str, list[float]] = {"idle": [], "training": []}
    steps: dict[str, dict[str, list[float]]] = {"idle": {}, "training": {}}
    used = {"idle": 0.0, "training": 0.0}
    with contextlib.ExitStack() as stack:
        in_thread = stack.enter_context(ThreadPoolExecutor(1))  # the browser's loop holds this one
        interact = stack.enter_context(browser_page(port, job_id)) if args.pages else dict
        for number in range(args.rounds):
            for what in ("idle", "training") if number % 2 else ("training", "idle"):
                os.killpg(group, signal.SIGCONT if what == "training" else signal.SIGSTOP)
                time.sleep(0.5)
                before = _cpu_seconds(group)
                tiles[what] += in_thread.submit(asyncio.run, move(port, addresses, args.seconds, 37 * number)).result()
                for name, seconds in interact().items():
                    steps[what].setdefault(name, []).append(seconds)
                used[what] += _cpu_seconds(group) - before
        os.killpg(group, signal.SIGCONT)
    services.jobs.request_cancel(job_id)
    found: dict[str, object] = {"training_cpu_s": {k: round(v, 1) for k, v in used.items()}}
    pages = {what: [t for times in named.values() for t in times] for what, named in steps.items()}
    if args.pages:
        found["median_ms_of_step"] = {
            what: {name: round(1000 * median(times)) for name, times in named.items()} for what, named in steps.items()
        }
    for name, times in (("tiles", tiles), ("interactions", pages)):
        if times["idle"]:
            both = {what: _numbers(values, 2) for what, values in times.items()}
            found[name] = both | {"p95_ratio": round(both["training"]["p95_ms"] / both["idle"]["p95_ms"], 2)}
    return found


def _cpu_seconds(pid: int) -> float:
    """CPU seconds of a process so far: shows that it really worked in its turns and not in the others."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--study", type=Path, help="default: a simulated one without slides")
    parser.add_argument("--no-pages", dest="pages", action="store_false", help="without a browser")
    args = parser.parse_args()
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    with tempfile.TemporaryDirectory() as folder:
        home, roots = Path(folder) / "home", Path(folder) / "roots"
        home.mkdir()
        roots.mkdir()
        services = build_services(read_settings({"ICICORE_HOME": str(home), "ICICORE_ROOTS": str(roots)}))
        slide = write_mosaic(roots / "mosaic.tif", tiles_across=24)
        study = args.study
        if study is None:
            study = roots / "study"
            simulate_study(services, study, StudySpec(patients=160, seed=5, bank_slides=0))
        with app(home, study.parent if args.study else roots) as port:
            found = measure(port, services, slide, study, args)
        show({"machine": machine()} | found)


if __name__ == "__main__":
    main()
