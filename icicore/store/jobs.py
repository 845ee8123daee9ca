"""Rows of background work."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update

from icicore.store.engine import Database
from icicore.store.tables import JobTable
from icicore.types import Json

QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED = "queued", "running", "succeeded", "failed", "cancelled"
ACTIVE = (QUEUED, RUNNING)
MAX_ATTEMPTS = 3


@dataclass(frozen=True)
class JobRow:
    """State of one job; ``done`` of ``total`` steps, ``message`` says what is being done."""

    job_id: str
    kind: str
    case_key: str | None
    parameters: Json
    state: str
    done: int
    total: int
    message: str
    error: str | None
    attempts: int
    cancel: bool
    created: datetime
    started: datetime | None
    finished: datetime | None

    @property
    def active(self) -> bool:
        """True while queued or running."""
        return self.state in ACTIVE


class JobStore:
    """Reads and writes job rows. Every change of state is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, kind: str, *, case_key: str | None = None, parameters: Json | None = None) -> JobRow:
        """Add a queued job and return it."""
        job_id = secrets.token_hex(8)
        with self._database.session() as session:
            row = JobTable(
                job_id=job_id,
                kind=kind,
                case_key=case_key,
                parameters=parameters or {},
                state=QUEUED,
                done=0,
                total=0,
                message="waiting",
                attempts=0,
                cancel=False,
                created=datetime.now(UTC),
            )
            session.add(row)
            session.flush()
            return _to_row(row)

    def get(self, job_id: str) -> JobRow | None:
        """The job, or None."""
        with self._database.session() as session:
            row = session.get(JobTable, job_id)
            return None if row is None else _to_row(row)

    def recent(self, *, active_only: bool = False, limit: int = 50) -> list[JobRow]:
        """Newest jobs first."""
        query = select(JobTable).order_by(JobTable.created.desc()).limit(limit)
        if active_only:
            query = query.where(JobTable.state.in_(ACTIVE))
        with self._database.session() as session:
            return [_to_row(r) for r in session.scalars(query)]

    def start(self, job_id: str) -> bool:
        """Move a job from queued to running; False when it is not queued any more, so no job runs twice."""
        with self._database.session() as session:
            row = session.get(JobTable, job_id, with_for_update=True)
            if row is None or row.state != QUEUED:
                return False
            row.state, row.started, row.heartbeat = RUNNING, datetime.now(UTC), datetime.now(UTC)
            row.attempts += 1
            return True

    def progress(self, job_id: str, done: int, total: int, message: str) -> bool:
        """Record progress; returns True when the user asked to cancel."""
        with self._database.session() as session:
            row = session.get(JobTable, job_id)
            if row is None:
                return True
            row.done, row.total, row.message, row.heartbeat = done, total, message, datetime.now(UTC)
            return row.cancel

    def finish(self, job_id: str, state: str, *, error: str | None = None) -> None:
        """Close a job."""
        self._set(job_id, state=state, error=error, finished=datetime.now(UTC))

    def request_cancel(self, job_id: str) -> None:
        """Ask a running job to stop, or close one that has not started."""
        with self._database.session() as session:
            row = session.get(JobTable, job_id, with_for_update=True)
            if row is None or row.state not in ACTIVE:
                return
            row.cancel = True
            if row.state == QUEUED:
                row.state, row.finished = CANCELLED, datetime.now(UTC)

    def requeue_lost(self) -> list[JobRow]:
        """After a crash: put running jobs back in the queue, or fail those that crashed too often.

        Call only while holding the worker's lock, when no job can be running. Returns all queued jobs.
        """
        with self._database.session() as session:
            for row in session.scalars(select(JobTable).where(JobTable.state == RUNNING)):
                if row.cancel:
                    row.state, row.finished = CANCELLED, datetime.now(UTC)
                elif row.attempts >= MAX_ATTEMPTS:
                    row.state, row.finished = FAILED, datetime.now(UTC)
                    row.error = f"the worker stopped {row.attempts} times during this job; see worker.log"
                else:
                    row.state, row.message = QUEUED, "waiting to continue after an interruption"
            session.flush()
            rows = session.scalars(select(JobTable).where(JobTable.state == QUEUED).order_by(JobTable.created))
            return [_to_row(r) for r in rows]

    def _set(self, job_id: str, **fields: Any) -> None:
        with self._database.session() as session:
            session.execute(update(JobTable).where(JobTable.job_id == job_id).values(**fields))


def _to_row(table: JobTable) -> JobRow:
    return JobRow(
        job_id=table.job_id,
        kind=table.kind,
        case_key=table.case_key,
        parameters=dict(table.parameters or {}),
        state=table.state,
        done=table.done,
        total=table.total,
        message=table.message,
        error=table.error,
        attempts=table.attempts,
        cancel=table.cancel,
        created=table.created,
        started=table.started,
        finished=table.finished,
    )
