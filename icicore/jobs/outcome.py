"""The hand-over of a finished job: what it came to lies on disk, under its id, before its row is closed.

Work and row cannot change in one step. A process that dies between the two leaves the outcome, and whoever finds the
job next closes the row with it instead of running the job again.
"""

import json
import logging
from pathlib import Path

from icicore.fingerprint import write_bytes
from icicore.store.jobs import SUCCEEDED, JobRow, JobStore
from icicore.types import Json
from icicore.workflows.job_files import job_folder

log = logging.getLogger(__name__)
OUTCOME = "outcome.json"


def keep_outcome(home: Path, job: JobRow, result: Json | None) -> None:
    """Leave what a job came to, whole or not at all, and safe from a loss of power."""
    content = json.dumps({"job": job.job_id, "kind": job.kind, "result": result}, ensure_ascii=False)
    write_bytes(job_folder(home, job.job_id) / OUTCOME, content.encode())


def kept_outcome(home: Path, job: JobRow) -> Json | None:
    """``{"result": ...}`` of a job that was finished before; None where it was not."""
    try:
        content = json.loads((job_folder(home, job.job_id) / OUTCOME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    fits = isinstance(content, dict) and (content.get("job"), content.get("kind")) == (job.job_id, job.kind)
    return {"result": content.get("result")} if fits else None


def close_finished(jobs: JobStore, home: Path, held_by: str = "") -> list[str]:
    """Close the rows of jobs that are finished but for that; returns their ids.

    Parameters
    ----------
    held_by : start of the ``runner`` of the workers whose jobs are looked at, all of them dead; empty looks at all
    """
    closed = []
    for job in jobs.running(held_by):
        found = kept_outcome(home, job)
        if found is not None and jobs.finish(job.job_id, SUCCEEDED, result=found["result"], runner=job.runner):
            log.info("job %s was finished before its process ended", job.job_id)
            closed.append(job.job_id)
    return closed
