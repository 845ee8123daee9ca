"""Who holds a job: taking it, keeping it by heartbeats, giving it back, and taking it from a process that died.

Every change is one conditional statement of the database, so that of two processes that want the same only one gets
it, and a process that lost its job cannot write over what its successor does.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, CursorResult, and_, or_, select, update

from icicore.store.engine import Database
from icicore.store.job_rows import CANCELLED, FAILED, QUEUED, RUNNING, JobRow, to_row
from icicore.store.tables import JobTable
from icicore.types import Json

MAX_ATTEMPTS = 3
LOST_SECONDS = 30.0
"""A running job whose heartbeat is older than this is taken from its process."""
_WAITS_AGAIN = "waiting to continue after an interruption"


class JobLeases:
    """The part of the job store that workers use."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, job_id: str, runner: str = "") -> bool:
        """Move a job from queued to running; False when it is not queued any more, so no job runs twice."""
        now = datetime.now(UTC)
        return self._change(
            and_(JobTable.job_id == job_id, JobTable.state == QUEUED, JobTable.cancel.is_(False)),
            state=RUNNING,
            runner=runner,
            started=now,
            heartbeat=now,
            error=None,
            message="starting",
            attempts=JobTable.attempts + 1,
        )

    def beat(self, job_id: str, runner: str = "") -> tuple[bool, bool]:
        """Say that the job is alive; returns whether this process still holds it and whether it is to stop."""
        held = self._change(_held(job_id, runner), heartbeat=datetime.now(UTC))
        if not held:
            return False, True
        with self._database.session() as session:
            return True, bool(session.scalar(select(JobTable.cancel).where(JobTable.job_id == job_id)))

    def progress(self, job_id: str, done: int, total: int, message: str, *, runner: str = "") -> bool:
        """Record progress; returns True when the work is to stop: the user asked, or another process has the job."""
        now = datetime.now(UTC)
        fields = {"done": done, "total": total, "message": message, "heartbeat": now}
        if not self._change(_held(job_id, runner), **fields):
            return True
        with self._database.session() as session:
            return bool(session.scalar(select(JobTable.cancel).where(JobTable.job_id == job_id)))

    def expect(self, job_id: str, total: int) -> None:
        """Say how many steps a job that waits will have."""
        self._change(and_(JobTable.job_id == job_id, JobTable.state == QUEUED), total=total)

    def finish(
        self, job_id: str, state: str, *, error: str | None = None, result: Json | None = None, runner: str = ""
    ) -> bool:
        """Close a running job; False, and nothing changed, when this process does not hold it any more."""
        fields = {"state": state, "error": error, "result": result, "finished": datetime.now(UTC)}
        return self._change(_held(job_id, runner), **fields)

    def release(self, job_id: str, runner: str, *, message: str = _WAITS_AGAIN) -> bool:
        """Give back a job at an orderly stop; it waits again, and the try does not count."""
        fields = {"state": QUEUED, "message": message, "attempts": JobTable.attempts - 1}
        return self._change(and_(_held(job_id, runner), JobTable.cancel.is_(False)), **fields)

    def running(self, held_by: str = "") -> list[JobRow]:
        """Jobs that run, of the workers whose name begins so, or that nobody named; an empty start takes all."""
        mine = or_(JobTable.runner.startswith(held_by, autoescape=True), JobTable.runner == "")
        with self._database.session() as session:
            return [to_row(r) for r in session.scalars(select(JobTable).where(JobTable.state == RUNNING, mine))]

    def requeue_lost(self, home: str = "") -> list[JobRow]:
        """At the start of a worker: take the jobs of this home's dead worker, and those whose heartbeat stopped.

        Call only while holding the lock of that home, when none of its jobs can be running.

        Parameters
        ----------
        home : start of the ``runner`` of all workers of this home; empty takes every running job

        Returns
        -------
        all queued jobs, oldest first
        """
        mine = or_(JobTable.runner.startswith(home, autoescape=True), JobTable.runner == "")
        self._take_back(and_(JobTable.state == RUNNING, or_(mine, _silent(LOST_SECONDS))))
        with self._database.session() as session:
            rows = session.scalars(select(JobTable).where(JobTable.state == QUEUED).order_by(JobTable.created))
            return [to_row(r) for r in rows]

    def requeue_silent(self, seconds: float = LOST_SECONDS) -> list[str]:
        """While workers run: take the jobs whose heartbeat stopped; returns the ids of those that wait again."""
        return self._take_back(and_(JobTable.state == RUNNING, _silent(seconds)))

    def give_up_or_retry(self, job_id: str, runner: str, reason: str) -> list[str]:
        """After the process of a job died: let it wait again, or fail with the reason after the last try."""
        return self._take_back(_held(job_id, runner), reason=reason)

    def _take_back(self, which: ColumnElement[bool], *, reason: str = "") -> list[str]:
        waiting = []
        with self._database.session() as session:
            found = session.scalars(select(JobTable).where(which)).all()
        for job in found:
            same = and_(_held(job.job_id, job.runner), JobTable.heartbeat == job.heartbeat)
            ended = {"finished": datetime.now(UTC)}
            if job.cancel:
                self._change(same, state=CANCELLED, **ended)
            elif job.attempts >= MAX_ATTEMPTS:
                why = reason or f"the worker stopped {job.attempts} times during this job"
                line = f"given up after {job.attempts} tries: {why}" if reason else f"{why}; see worker.log"
                self._change(same, state=FAILED, error=line, **ended)
            elif self._change(same, state=QUEUED, message=_WAITS_AGAIN, error=reason or None):
                waiting.append(job.job_id)
        return waiting

    def _change(self, which: ColumnElement[bool], **fields: object) -> bool:
        """Whether exactly the wanted row was there to change."""
        with self._database.session() as session:
            done = session.execute(update(JobTable).where(which).values(**fields))
            return isinstance(done, CursorResult) and done.rowcount == 1


def _held(job_id: str, runner: str) -> ColumnElement[bool]:
    """The job runs; an empty ``runner`` stands for any."""
    held = and_(JobTable.job_id == job_id, JobTable.state == RUNNING)
    return and_(held, JobTable.runner == runner) if runner else held


def _silent(seconds: float) -> ColumnElement[bool]:
    oldest = datetime.now(UTC) - timedelta(seconds=seconds)
    return or_(JobTable.heartbeat < oldest, JobTable.heartbeat.is_(None))
