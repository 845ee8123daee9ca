"""Changes to many cases at once: hand them to a batch, take them back, assign them to a person."""

from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Select, Text, case, cast, func, or_, select, update
from sqlalchemy.orm import Session

from icicore.store.audit import AuditLog, AuditRow, Entry, append_all
from icicore.store.case_query import CaseFilter, conditions
from icicore.store.cases import WAITING, CaseRow, to_row
from icicore.store.engine import Database
from icicore.store.jobs import ACTIVE
from icicore.store.tables import CaseTable, JobTable

ASSIGNED, UNASSIGNED = "case assigned", "case unassigned"
"""Actions in the audit log."""
_CHUNK = 500
"""Keys in one statement: databases limit how many values it may hold."""
_T = CaseTable
_BEFORE = func.coalesce(
    _T.state_before,
    case((_T.probability.is_(None), "new"), (cast(_T.reasons, Text) != "[]", "limited"), else_="scored"),
)
"""The state before a case was queued; for one that was queued alone, the one that its result speaks of."""


class CaseWork:
    """Claims cases for a batch; the rows themselves say what is left to do, so an interrupted batch goes on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def free(self, wanted: CaseFilter) -> int:
        """How many of the cases are not waiting for a score already."""
        asked = select(func.count()).select_from(_T).where(*conditions(wanted), _T.state.not_in(WAITING))
        with self._database.session() as session:
            return session.scalar(asked) or 0

    def claim(self, job_id: str, wanted: CaseFilter) -> int:
        """Queue all free cases that match under a job; returns how many."""
        change = update(_T).where(*conditions(wanted), _T.state.not_in(WAITING))
        with self._database.session() as session:
            session.execute(
                change.values(state_before=_T.state, state="queued", job_id=job_id, updated=datetime.now(UTC))
            )
            return session.scalar(_claimed(job_id)) or 0

    def next_of(self, job_id: str) -> tuple[CaseRow, int] | None:
        """The next case of a batch and how many are left with it; one that was interrupted comes first."""
        mine = select(_T).where(_T.job_id == job_id, _T.state.in_(WAITING))
        with self._database.session() as session:
            found = session.scalars(mine.order_by(_T.state.desc(), _T.case_id).limit(1)).first()
            return None if found is None else (to_row(found), session.scalar(_claimed(job_id)) or 0)

    def release(self, job_id: str) -> int:
        """Give the cases that a batch has not scored back their former state; returns how many."""
        return self._settle(_T.job_id == job_id)

    def release_orphans(self) -> int:
        """Give back what waits for a job that has ended, as after a crash; returns how many."""
        active = select(JobTable.job_id).where(JobTable.state.in_(ACTIVE))
        return self._settle(or_(_T.job_id.is_(None), _T.job_id.not_in(active)))

    def assign(self, wanted: CaseFilter, person: str | None, *, log: AuditLog, by: str) -> int:
        """Assign all cases that match to a person, or to nobody; returns how many.

        Each case that changes hands gets a row in the audit log, in the same transaction.
        """
        with self._database.session() as session:
            n = session.scalar(select(func.count()).select_from(_T).where(*conditions(wanted))) or 0

        def work(session: Session) -> AuditRow | None:
            other = _T.assignee.is_not(None) if person is None else or_(_T.assignee.is_(None), _T.assignee != person)
            keys = session.scalars(select(_T.case_key).where(*conditions(wanted), other).order_by(_T.case_id)).all()
            for start in range(0, len(keys), _CHUNK):
                moved = update(_T).where(_T.case_key.in_(keys[start : start + _CHUNK]))
                session.execute(moved.values(assignee=person))
            about: dict[str, str] = {} if person is None else {"person": person}
            return append_all(session, [Entry(by, ASSIGNED if about else UNASSIGNED, key, about) for key in keys])

        log.recording_all(work)
        return n

    def _settle(self, which: ColumnElement[bool]) -> int:
        waiting = (_T.state.in_(WAITING), which)
        with self._database.session() as session:
            n = session.scalar(select(func.count()).select_from(_T).where(*waiting)) or 0
            session.execute(update(_T).where(*waiting).values(state=_BEFORE, state_before=None, job_id=None))
            return n


def _claimed(job_id: str) -> Select[int]:
    return select(func.count()).select_from(_T).where(_T.job_id == job_id, _T.state.in_(WAITING))
