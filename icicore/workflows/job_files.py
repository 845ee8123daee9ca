"""Files of a job in the home folder: its log, and what it leaves for its owner."""

import os
import shutil
from pathlib import Path

LOG, LOCK, EVENTS = "log.txt", "lock", "events.jsonl"
_TAIL_BYTES = 64 * 1024


def job_folder(home: Path, job_id: str) -> Path:
    """Folder of a job; it may not exist yet."""
    return home / "jobs" / Path(job_id).name


def log_path(home: Path, job_id: str) -> Path:
    """Log of a job, one file over all its tries."""
    return job_folder(home, job_id) / LOG


def tail(path: Path, lines: int = 30) -> list[str]:
    """Last lines of a text file, read from its end; empty when there is none."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - _TAIL_BYTES))
            content = stream.read()
    except OSError:
        return []
    found = content.decode("utf-8", errors="replace").splitlines()
    return (found[1:] if size > _TAIL_BYTES else found)[-lines:]


def remove_files(home: Path, job_id: str) -> None:
    """Remove the log and whatever else the job left here."""
    shutil.rmtree(job_folder(home, job_id), ignore_errors=True)
