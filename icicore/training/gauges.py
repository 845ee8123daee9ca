"""Memory of this process and of its GPU, for the journal of a training run."""

import resource
import sys
from pathlib import Path

import torch

_MIB = 1024**2


def peak_rss_mib() -> float:
    """Most resident memory of this process so far, MiB."""
    # On Linux the resource usage of a fresh process still holds the peak of the one that started it.
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    except (OSError, ValueError, IndexError):
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (_MIB if sys.platform == "darwin" else 1024)


def rss_mib() -> float:
    """Resident memory of this process now, MiB; its peak where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return peak_rss_mib()
    return pages * resource.getpagesize() / _MIB


def gpu_peak_mib(device: torch.device) -> float | None:
    """Most memory that tensors held on a GPU so far, MiB; None on the CPU."""
    if device.type != "cuda":
        return None
    return float(torch.cuda.max_memory_allocated(device)) / _MIB
