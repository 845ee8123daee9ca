"""What can be trained on: the CPU, and each NVIDIA GPU with its free memory. Asks the driver, not torch."""

import contextlib
import os
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MIB = 1024**2


@dataclass(frozen=True)
class Device:
    """A device as ``TrainConfig.device`` names it.

    Attributes
    ----------
    key : ``cpu``, ``cuda:0`` ...
    name : of the product
    total_mib, free_mib : memory, MiB; 0 where unknown
    load : share of its time that it works, 0-1; None where unknown
    cores : CPU cores that this process may use; 0 for a GPU
    """

    key: str
    name: str
    total_mib: int
    free_mib: int
    load: float | None = None
    cores: int = 0


def list_devices() -> list[Device]:
    """GPUs in the order of their numbers, then the CPU."""
    return [*gpus(), cpu()]


def cpu() -> Device:
    """The processor and the memory of this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    total, free = _memory()
    load: float | None = None
    with contextlib.suppress(OSError, AttributeError):
        load = min(1.0, os.getloadavg()[0] / cores)
    return Device("cpu", _cpu_name(), total, free, load, cores)


def gpus() -> list[Device]:
    """GPUs that the driver shows and CUDA_VISIBLE_DEVICES allows; empty without a driver."""
    try:
        import pynvml
    except ImportError:
        return []
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        shown = list(_visible(handles, pynvml))
        return [_gpu(number, handle, pynvml) for number, handle in enumerate(shown)]
    except pynvml.NVMLError:
        return []
    finally:
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def _gpu(number: int, handle: Any, nvml: Any) -> Device:  # noqa: ANN401 - handles of the driver have no type
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    load: float | None = None
    with contextlib.suppress(nvml.NVMLError):
        load = float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu) / 100
    name = nvml.nvmlDeviceGetName(handle)
    return Device(
        f"cuda:{number}",
        name.decode() if isinstance(name, bytes) else str(name),
        int(memory.total) // _MIB,
        int(memory.free) // _MIB,
        load,
    )


def _visible(handles: list[Any], nvml: Any) -> Iterator[Any]:  # noqa: ANN401
    """Handles in the order that CUDA gives numbers to, where it orders GPUs by bus."""
    wanted = os.environ.get("CUDA_VISIBLE_DEVICES")
    if wanted is None:
        yield from handles
        return
    uuids = [_text(nvml.nvmlDeviceGetUUID(h)) for h in handles]
    for entry in (part.strip() for part in wanted.split(",")):
        if entry.isdecimal() and int(entry) < len(handles):
            yield handles[int(entry)]
        elif entry and any(uuid.startswith(entry) for uuid in uuids):
            yield handles[next(i for i, uuid in enumerate(uuids) if uuid.startswith(entry))]
        else:
            return  # CUDA, too, stops at the first entry that it does not know


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _cpu_name() -> str:
    with contextlib.suppress(OSError):
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if found:
            return " ".join(found[1].split())
    return platform.processor() or platform.machine() or "CPU"


def _memory() -> tuple[int, int]:
    """Memory of the machine and what of it is free for a new process, MiB."""
    with contextlib.suppress(OSError):
        found = dict(re.findall(r"^(\w+):\s+(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE))
        if "MemTotal" in found:
            return int(found["MemTotal"]) // 1024, int(found.get("MemAvailable") or found["MemTotal"]) // 1024
    with contextlib.suppress(OSError, ValueError):
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MIB
        return total, total
    return 0, 0
