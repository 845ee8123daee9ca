"""The app as a user waits for it: start, memory, work list, case page, rerun, and which heavy libraries it loads.

    PYTHONPATH=benchmarks python -m speed.app [--home HOME] [--rounds 3]

``HOME`` is a folder with scored demonstration cases (``icicore demo --home HOME``); without it only the start is
measured. Pages run by Streamlit's own test runner, without a browser: the time is that of the script.
"""

import argparse
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from speed.measure import child, machine, show

ROOT = Path(__file__).resolve().parents[2]
PAGES = """
import json, sys, time
from streamlit.testing.v1 import AppTest
from icicore.settings import read_settings
from icicore.ui.places import CASE
from icicore.workflows.services import build_services
rows = build_services(read_settings()).cases.all()
scored = next(row for row in rows if row.state == "scored")
found = {"cases": len(rows)}
for name, query in (("work_list", {}), ("case", {"case": scored.case_key})):
    test = AppTest.from_file(sys.argv[1], default_timeout=120)
    for key, value in query.items():
        test.query_params[key] = value
        test.switch_page(str(CASE))
    times = []
    for _ in range(int(sys.argv[2])):
        start = time.perf_counter()
        test.run()
        times.append(time.perf_counter() - start)
    found[name] = {"first_s": round(times[0], 2), "rerun_s": round(min(times[1:]), 3), "errors": len(test.exception)}
found["loads_torch"] = "torch" in sys.modules
print(json.dumps(found))
"""


def start(home: Path) -> dict[str, object]:
    """Seconds until the first healthy answer, CPU seconds and memory then."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--server.port", str(port), "--server.headless", "true", "--server.address", "localhost"]
    options += ["--server.fileWatcherType", "none", "--browser.gatherUsageStats", "false"]
    environment = {**os.environ, "ICICORE_HOME": str(home), "PYTHONPATH": str(ROOT)}
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), *options],
        env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while process.poll() is None and time.perf_counter() - begun < 120:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://localhost:{port}/_stcore/health") as r:
                if r.status == 200:
                    break
            time.sleep(0.05)
        seconds = time.perf_counter() - begun
        return {"start_s": round(seconds, 2), **_of_process(process.pid)}
    finally:
        process.terminate()
        process.wait(30)


def _of_process(pid: int) -> dict[str, object]:
    folder = Path(f"/proc/{pid}")
    if not folder.exists():
        return {}
    lines = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    used = (folder / "stat").read_text().rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    loaded = "torch" in {Path(line.split()[-1]).parent.parent.name for line in (folder / "maps").open() if "/" in line}
    memory = round(int(lines["VmRSS"].split()[0]) / 1e3)
    return {"start_cpu_s": (int(used[11]) + int(used[12])) / ticks, "memory_mb": memory, "loads_torch": loaded}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as empty:
        runs = [start(args.home or Path(empty)) for _ in range(args.rounds)]
    found: dict[str, object] = {"machine": machine(), "start": min(runs, key=lambda run: run["start_s"])}
    if args.home:
        command = [sys.executable, "-c", PAGES, str(ROOT / "icicore" / "ui" / "main.py"), str(args.rounds + 1)]
        found["pages"] = child(command, ICICORE_HOME=str(args.home), PYTHONPATH=str(ROOT))
    show(found)


if __name__ == "__main__":
    main()
