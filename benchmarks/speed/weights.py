"""What of a core a worker and a training take from the app: two busy loops in sessions of their own on one core.

    PYTHONPATH=benchmarks python -m speed.weights [--seconds 20]

Each line is CPU seconds of the loop that stands for the app and of the one beside it, and their ratio. The ratio holds
on a busy machine too, as all other work takes from both alike.
"""

import argparse
import subprocess
import sys

from icicore.jobs.standing_back import LONG_JOB, WORKER
from speed.measure import machine, show

LOOP = """
import os, sys, time
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
exec(sys.argv[2])
end = time.time() + float(sys.argv[1])
while time.time() < end:
    pass
print(time.process_time())
"""
STEP_BACK = "from icicore.jobs.standing_back import step_back; step_back(%d)"
BESIDE = {
    "niceness alone": f"os.nice({WORKER})",
    "worker": STEP_BACK % WORKER,
    "long job": STEP_BACK % LONG_JOB,
}


def beside(before: str, seconds: float) -> dict[str, float]:
    """CPU seconds of the app's loop and of one that runs ``before`` first."""
    command = [sys.executable, "-c", LOOP, str(seconds)]
    loops = [
        subprocess.Popen([*command, text], stdout=subprocess.PIPE, text=True, start_new_session=True)
        for text in ("pass", before)
    ]
    app, other = (float(loop.communicate()[0]) for loop in loops)
    return {"app_cpu_s": round(app, 2), "beside_cpu_s": round(other, 2), "ratio": round(other / app, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    args = parser.parse_args()
    show({"machine": machine()} | {name: beside(before, args.seconds) for name, before in BESIDE.items()})


if __name__ == "__main__":
    main()
