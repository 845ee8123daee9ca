"""The app in Chromium as a person waits for it: a warm case, turning pages, a layer control, frames while panning.

    PYTHONPATH=benchmarks:. python -m speed.browser --home HOME [--rounds 5]

``HOME`` is a folder with scored demonstration cases (``icicore demo --home HOME``). Chromium draws without a graphics
card here: frames are timed once with the slide alone, once with nothing but a changing page, and once with the layers,
so that what software rendering costs and what the overlay costs can be told apart. Times are medians in milliseconds.
"""

import argparse
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from speed.measure import machine, show

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]  # fmt: skip
VIEWER = "Object.values(window.__icicore?.viewers ?? {})[0]"
PAINTED = f"() => {{ const v = {VIEWER}; return Boolean(v?.shown && v.item.getFullyLoaded() && v.layers[0]?.values); }}"
ANSWER = "Probability of objective response"
PAGES = {"Work list": "Work list", "Cohort": "Cohort", "Models": "Models", "About": "About"}

CONTROL = f"""async () => {{
  const v = {VIEWER}, layer = v.layers.find(l => l.values), times = {{}};
  const changes = {{ opacity: [0.3, 0.6], colormap: ['viridis', 'inferno'], visible: [false, true] }};
  for (const [name, values] of Object.entries(changes)) {{
    const found = [];
    for (let i = 0; i < 20; i++) {{
      const start = performance.now();
      v.panel.change(layer, name, values[i % 2]);
      found.push(performance.now() - start);
      await new Promise(requestAnimationFrame);
    }}
    times[name] = found;
  }}
  return times; }}"""
PAN = f"""async ([layers, move]) => {{
  const v = {VIEWER}, p = v.osd.viewport, was = v.layers.map(l => l.state.visible), found = [];
  v.layers.forEach((l, i) => {{ l.state.visible = layers && was[i]; }});
  p.zoomTo(p.getHomeZoom() * 4, null, true); v.draw();
  await new Promise(done => setTimeout(done, 1500));
  let last = performance.now();
  for (let i = 0; i < 90; i++) {{
    if (move) p.panBy(v.osd.viewport.deltaPointsFromPixels(new v.Point(i < 45 ? 6 : -6, 2)), true);
    else document.title = String(i);
    await new Promise(requestAnimationFrame);
    const now = performance.now(); found.push(now - last); last = now;
  }}
  v.layers.forEach((l, i) => {{ l.state.visible = was[i]; }}); v.draw();
  return found.slice(5); }}"""
DRAW = f"""() => {{ const v = {VIEWER}, found = [];
  for (let i = 0; i < 40; i++) {{ const start = performance.now(); v.draw(); found.push(performance.now() - start); }}
  return found; }}"""


def spread(times: list[float]) -> dict[str, float]:
    """Median and 95th percentile, ms."""
    ordered = sorted(times)
    return {"p50": round(statistics.median(ordered), 1), "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 1)}


def serve(home: Path) -> tuple["subprocess.Popen[bytes]", str]:
    """The app on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "ICICORE_HOME": str(home), "PYTHONPATH": str(ROOT), "ICICORE_WORKER": "0"}
    options = ["--server.port", str(port), "--server.address", "localhost", "--server.headless", "true"]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), *options]
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return process, f"http://localhost:{port}"


def wait_until_healthy(address: str, *, seconds: float = 120) -> None:
    """Return when the app answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(address) as answer:
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise SystemExit("the app did not start")


def scored_case(home: Path) -> str:
    """Key of a scored case with a slide."""
    from icicore.settings import read_settings
    from icicore.workflows.services import build_services

    services = build_services(read_settings({"ICICORE_HOME": str(home)}))
    rows = [row for row in services.cases.all() if row.state == "scored" and row.n_slides]
    services.database.close()
    if not rows:
        raise SystemExit(f"{home}: no scored case with a slide; run icicore demo --home {home}")
    return rows[0].case_key


def measure(page: object, address: str, key: str, rounds: int) -> dict[str, object]:
    """All figures of one browser; the first visit warms server and cache and is told apart."""
    opened, answered = [], []
    for _ in range(rounds + 1):
        page.goto("about:blank")
        start = time.perf_counter()
        page.goto(f"{address}/case?case={key}", wait_until="commit")
        page.get_by_text(ANSWER).first.wait_for()
        answered.append(1000 * (time.perf_counter() - start))
        page.wait_for_function(PAINTED)
        opened.append(1000 * (time.perf_counter() - start))
    control = page.evaluate(CONTROL)
    frames = {
        name: spread(page.evaluate(PAN, arg))
        for name, arg in {
            "page alone": [False, False],
            "slide": [False, True],
            "slide and layers": [True, True],
        }.items()
    }
    work = spread(page.evaluate(DRAW))
    turns: dict[str, list[float]] = {name: [] for name in PAGES}
    for _ in range(rounds):
        for link, heading in PAGES.items():
            start = time.perf_counter()
            page.get_by_role("link", name=link).first.click()
            page.get_by_role("heading", name=heading).first.wait_for()
            turns[link].append(1000 * (time.perf_counter() - start))
    return {
        "case_first_ms": {"answer": round(answered[0]), "painted": round(opened[0])},
        "case_warm_ms": {"answer": spread(answered[1:]), "painted": spread(opened[1:])},
        "layer_control_ms": {name: spread(times) for name, times in control.items()},
        "frame_ms": frames,
        "own_drawing_ms": work,
        "page_change_ms": {name: spread(times) for name, times in turns.items()},
    }


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--browser", default="/usr/bin/chromium")
    args = parser.parse_args()
    key = scored_case(args.home)
    process, address = serve(args.home)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=args.browser, headless=True, args=FLAGS)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(300_000)
            wait_until_healthy(f"{address}/_stcore/health")
            show({"machine": machine(), **measure(page, address, key, args.rounds)})
            browser.close()
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    main()
