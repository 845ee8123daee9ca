"""What every page costs the server: script seconds and database queries, at first and when it runs again.

    PYTHONPATH=benchmarks python -m speed.pages --home HOME [--rounds 4] [--profile PAGE]

``HOME`` is a folder with scored demonstration cases (``icicore demo --home HOME``). Pages run by Streamlit's own test
runner, without a browser. ``rerun`` is the least of the rounds in CPU seconds, since other work on the machine moves
those less than the clock; queries are counted where SQLAlchemy hands them to the database. ``--profile`` prints where
the rerun of one page spends its time.
"""

import argparse
import cProfile
import io
import json
import os
import pstats
import sys
import time
from pathlib import Path

from speed.measure import child, machine, show

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("cases", "case", "compare", "cohort", "training", "models", "about")
MOST = {"rerun_cpu_s": 0.25, "queries": 40}
"""More than this per rerun wants a reason."""


def opened(page: str):
    """A page in the test runner, the case page with the first scored case."""
    from streamlit.testing.v1 import AppTest

    from icicore.settings import read_settings
    from icicore.workflows.services import build_services

    test = AppTest.from_file(str(ROOT / "icicore" / "ui" / "main.py"), default_timeout=600)
    if page == "case":
        rows = build_services(read_settings()).cases.all()
        test.query_params["case"] = next(row.case_key for row in rows if row.state == "scored")
    if page != "cases":
        test.switch_page(str(ROOT / "pages" / f"{page}.py"))
    return test


def measured(page: str, rounds: int, *, profile: bool) -> dict[str, object]:
    """First run and reruns of a page in this process."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    queries: list[str] = []
    event.listen(Engine, "before_cursor_execute", lambda *args: queries.append(args[2]))
    test = opened(page)
    runs = []
    for number in range(rounds + 1):
        queries.clear()
        watch = cProfile.Profile() if profile and number == rounds else None
        wall, cpu = time.perf_counter(), time.process_time()
        if watch:
            watch.enable()
        test.run()
        if watch:
            watch.disable()
            text = io.StringIO()
            pstats.Stats(watch, stream=text).sort_stats("cumulative").print_stats(45)
            sys.stderr.write(text.getvalue())
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        runs.append({"wall_s": round(wall, 3), "cpu_s": round(cpu, 3), "queries": len(queries)})
    again = min(runs[1:], key=lambda run: run["cpu_s"])
    return {"first": runs[0], "rerun": again, "errors": len(test.exception), "loads_torch": "torch" in sys.modules}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--profile", choices=PAGES)
    parser.add_argument("--one", choices=PAGES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    os.environ["ICICORE_HOME"] = str(args.home.resolve())
    chosen = args.one or args.profile
    if chosen:
        sys.stdout.write(json.dumps(measured(chosen, args.rounds, profile=bool(args.profile))) + "\n")
        return
    common = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "speed.pages",
        "--home",
        str(args.home),
        "--rounds",
        str(args.rounds),
    ]
    paths = f"{ROOT}:{ROOT / 'benchmarks'}"
    found = {page: child([*common, "--one", page], PYTHONPATH=paths) for page in PAGES}
    show({"machine": machine(), "most_per_rerun": MOST, "pages": found})
    failed = [page for page, row in found.items() if row.get("errors", 1)]
    raise SystemExit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
