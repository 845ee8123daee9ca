"""Rows of background work: asked for, listed, cancelled, continued, deleted."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import and_, delete, select

from icicore.store.job_leases import LOST_SECONDS, MAX_ATTEMPTS, JobLeases
from icicore.store.job_rows import ACTIVE, CANCELLED, FAILED, QUEUED, RUNNING, SUCCEEDED, JobRow, to_row
from icicore.store.tables import JobTable
from icicore.types import Json

__all__ = [
    "ACTIVE", "CANCELLED", "FAILED", "LOST_SECONDS", "MAX_ATTEMPTS", "QUEUED", "RUNNING", "SUCCEEDED",
    "JobRow", "JobStore",
]  # fmt: skip


class JobStore(JobLeases):
    """Reads and writes job rows. Every change of state is one transaction."""

    def create(
        self,
        kind: str,
        *,
        case_key: str | None = None,
        parameters: Json | None = None,
        owner: str = "",
        device: str = "",
    ) -> JobRow:
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
                owner=owner,
                device=device,
                runner="",
            )
            session.add(row)
            session.flush()
            return to_row(row)

    def get(self, job_id: str) -> JobRow | None:
        """The job, or None."""
        with self._database.session() as session:
            row = session.get(JobTable, job_id)
            return None if row is None else to_row(row)

    def recent(self, *, active_only: bool = False, kinds: Sequence[str] = (), limit: int = 50) -> list[JobRow]:
        """Newest jobs first; ``kinds`` empty stands for all."""
        query = select(JobTable).order_by(JobTable.created.desc()).limit(limit)
        if active_only:
            query = query.where(JobTable.state.in_(ACTIVE))
        if kinds:
            query = query.where(JobTable.kind.in_(kinds))
        with self._database.session() as session:
            return [to_row(r) for r in session.scalars(query)]

    def waiting(self, kinds: Sequence[str]) -> list[JobRow]:
        """Queued jobs of these kinds, oldest first."""
        query = select(JobTable).where(JobTable.state == QUEUED, JobTable.kind.in_(kinds)).order_by(JobTable.created)
        with self._database.session() as session:
            return [to_row(r) for r in session.scalars(query)]

    def request_cancel(self, job_id: str) -> None:
        """Ask a running job to stop, or close one that has not started."""
        known = JobTable.job_id == job_id
        waiting = and_(known, JobTable.state == QUEUED)
        if not self._change(waiting, state=CANCELLED, cancel=True, finished=datetime.now(UTC)):
            self._change(and_(known, JobTable.state == RUNNING), cancel=True)

    def resume(self, job_id: str) -> bool:
        """Let a cancelled or failed job wait again, with all its tries; False when it is neither."""
        ended = and_(JobTable.job_id == job_id, JobTable.state.in_((CANCELLED, FAILED)))
        fields = {"state": QUEUED, "cancel": False, "error": None, "finished": None, "attempts": 0, "result": None}
        return self._change(ended, message="waiting to continue", **fields)

    def delete(self, job_id: str) -> bool:
        """Forget a job that has ended; False when it has not, or is not there."""
        with self._database.session() as session:
            ended = and_(JobTable.job_id == job_id, JobTable.state.not_in(ACTIVE))
            return session.execute(delete(JobTable).where(ended).returning(JobTable.job_id)).first() is not None
