"""Interleaved rounds, least CPU time of each participant, and what machine it was."""

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from speed.memory import TreeWatch, own_peak_mb

PACKAGES = ("torch", "openslide-python", "openslide-bin", "simplejpeg", "openvino", "streamlit")


def machine() -> dict[str, object]:
    """Processor, cores, load and versions."""
    model = next((line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), "unknown")
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "load": [round(v, 1) for v in os.getloadavg()],
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def peak_mb() -> float:
    """Largest resident memory of this process so far."""
    return own_peak_mb()


def side_by_side(work: Mapping[str, Callable[[], int]], *, rounds: int) -> dict[str, float]:
    """CPU-milliseconds per item, the least of all rounds; participants take turns. Each returns its number of items.

    The least is what the work costs; the rest is what else the machine did.
    """
    found: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, run in work.items():
            start = time.process_time()
            n = run()
            found[name].append(1000 * (time.process_time() - start) / n)
    return {name: min(times) for name, times in found.items()}


def child(command: Sequence[str], **environment: str) -> dict[str, float]:
    """Run a participant in a process of its own; it prints one JSON object last.

    Adds the peak memory of its tree, unless the participant knows that of the part that counts.
    """
    env = {**os.environ, **environment}
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as failed:
        process = subprocess.Popen(list(command), env=env, stdout=said, stderr=failed)
        watch = TreeWatch(process.pid)
        code, peak = process.wait(), watch.finish()
        said.seek(0)
        failed.seek(0)
        lines, errors = said.read().strip().splitlines(), failed.read().strip().splitlines()
    if code or not lines:
        return {"failed": code, "why": (errors or ["no message"])[-1]}
    return {"peak_mb": round(peak)} | json.loads(lines[-1])


def show(content: object) -> None:
    """Print JSON."""
    sys.stdout.write(json.dumps(content, indent=1) + "\n")
