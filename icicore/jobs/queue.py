"""The huey queue and what pages call: submit, look up, cancel."""

import contextlib
import sqlite3
from functools import lru_cache
from urllib.parse import urlparse

from huey import Huey, PriorityRedisHuey, SqliteHuey

from icicore.domain import Status, limiting
from icicore.errors import CaseError, InputError, StorageError
from icicore.jobs.kinds import DEMO, PRIORITY, SCORE, TILE_CAM
from icicore.people import local_person
from icicore.store.case_work import CaseWork
from icicore.store.cases import CaseRow
from icicore.store.jobs import QUEUED, JobRow
from icicore.workflows.services import Services


@lru_cache(maxsize=4)
def open_queue(url: str) -> Huey:
    """Open the queue behind ``ICICORE_QUEUE_URL``: ``sqlite:///path`` or ``redis://host``."""
    parsed = urlparse(url)
    if parsed.scheme == "sqlite":
        return SqliteHuey("icicore", filename=url.removeprefix("sqlite:///"), fsync=True)
    if parsed.scheme in ("redis", "rediss"):
        # A name of its own: a queue without priorities, as older versions kept it, is of another type in Redis.
        return PriorityRedisHuey("icicore-jobs", url=url)
    raise InputError(
        "ICICORE_QUEUE_URL",
        f"{parsed.scheme!r} is no queue",
        expected="sqlite:///... or redis://...",
        remedy="correct or unset it",
    )


def enqueue(services: Services, job_id: str) -> None:
    """Put a job's id into the queue, at the place of its kind; the row says what it is.

    Raises
    ------
    StorageError
        The queue cannot be written; the job is closed, and its case is what it was before.
    """
    from icicore.jobs.handlers import run_job_task

    job = services.jobs.get(job_id)
    priority = 0 if job is None else PRIORITY.get(job.kind, 0)
    try:
        run_job_task(open_queue(services.settings.queue_url))(job_id, priority=priority)
    except sqlite3.Error as fault:
        with contextlib.suppress(StorageError):
            cancel(services, job_id)
        raise StorageError(
            "queue of jobs", f"cannot be written ({fault})", remedy="free some space on its disk and try again"
        ) from fault


def owner_of(services: Services, by: str = "") -> str:
    """Who asks: the person named, else the local user."""
    return by or local_person(services.settings).name


def submit_score(services: Services, case_key: str, *, by: str = "") -> JobRow:
    """Queue the scoring and explanation of a case; returns the job that is already active, if there is one.

    ``by`` owns the job, and the audit log names it as the author of the score; without it the local user.
    """
    row = services.cases.get(case_key)
    if row is not None and row.job_id is not None:
        active = services.jobs.get(row.job_id)
        if active is not None and active.active:
            return active
    job = services.jobs.create(SCORE, case_key=case_key, owner=owner_of(services, by))
    services.cases.set_state(case_key, "queued", job_id=job.job_id)
    enqueue(services, job.job_id)
    return job


def submit_demo(services: Services, n_cases: int, *, by: str = "") -> JobRow:
    """Queue the building of the demonstration cases; returns the job that is already active, if there is one."""
    for job in services.jobs.recent(active_only=True):
        if job.kind == DEMO:
            return job
    job = services.jobs.create(DEMO, parameters={"n_cases": n_cases}, owner=owner_of(services, by))
    enqueue(services, job.job_id)
    return job


def submit_tile_cam(services: Services, case_key: str, *, slide: str, tile: int, by: str = "") -> JobRow:
    """Queue the Grad-CAM of one tile; of this case's earlier requests, one that still waits is dropped.

    Raises
    ------
    CaseError
        The case has no result.
    """
    row = services.cases.get(case_key)
    if row is None or row.bundle is None:
        raise CaseError(case_key, "has no result", remedy="score the case first")
    asked = {"slide": slide[:16], "tile": tile, "bundle": row.bundle}
    for job in services.jobs.recent(active_only=True):
        if job.kind == TILE_CAM and job.case_key == case_key:
            if job.parameters == asked and not job.cancel:
                return job
            if job.state == QUEUED:
                services.jobs.request_cancel(job.job_id)
    job = services.jobs.create(TILE_CAM, case_key=case_key, parameters=asked, owner=owner_of(services, by))
    enqueue(services, job.job_id)
    return job


def cancel(services: Services, job_id: str) -> None:
    """Ask a job to stop; one that waits is closed at once and its case goes back to what it was."""
    services.jobs.request_cancel(job_id)
    job = services.jobs.get(job_id)
    if job is not None and not job.active:
        restore_case_of(services, job)


def restore_case_of(services: Services, job: JobRow) -> None:
    """After a cancelled job: only scoring had changed its case's state, and a batch that of all its cases."""
    if job.kind == SCORE and job.case_key is not None:
        restore_case(services, job.case_key, job_id=job.job_id)
    CaseWork(services.database).release(job.job_id)


def restore_case(services: Services, case_key: str, *, otherwise: str = "new", job_id: str | None = None) -> None:
    """After a job without result: the case shows its last result again, or is in the state ``otherwise``.

    ``job_id`` stays with the case where the job has something to say on its page.
    """
    row = services.cases.get(case_key)
    if row is not None and row.state in ("queued", "running"):
        services.cases.set_state(case_key, _settled_state(row, otherwise), job_id=job_id)


def _settled_state(row: CaseRow, otherwise: str) -> str:
    if row.probability is None:
        return otherwise
    return str(Status.LIMITED if limiting(row.reasons) else Status.SCORED)
