"""Rows of the work list."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from icicore.store.engine import Database
from icicore.store.tables import CaseTable
from icicore.store.visibility import of_sites
from icicore.store.work_tables import CaseFlagTable
from icicore.types import Json

WAITING = ("queued", "running")
"""States of a case that a job has in hand."""
_PART = 500


@dataclass(frozen=True)
class CaseRow:
    """One line of the work list.

    ``state`` is ``new``, ``queued``, ``running``, ``scored``, ``limited``, ``not_scored`` or ``failed``.
    ``reasons`` are those of prediction.json; ``flags`` their codes. ``site`` is that of case.json, None where it states
    none. ``assignee`` is the name of the person who is to review the case.
    """

    case_key: str
    case_id: str
    tumour_type: str
    folder: str
    state: str = "new"
    probability: float | None = None
    interval95: tuple[float, float] | None = None
    call: str | None = None
    reasons: tuple[Json, ...] = ()
    bundle: str | None = None
    bundle_digest: str | None = None
    n_slides: int = 0
    modalities: tuple[str, ...] = ()
    virtual: bool = False
    site: str | None = None
    assignee: str | None = None
    job_id: str | None = None
    updated: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    @property
    def flags(self) -> tuple[str, ...]:
        """Codes of the reasons, in order, each once."""
        return _codes(self.reasons)


class CaseStore:
    """Reads and writes ``CaseRow`` values."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, row: CaseRow) -> CaseRow:
        """Insert or replace a row; sets ``updated``."""
        return self.put_all([row])[0]

    def put_all(self, rows: Iterable[CaseRow]) -> list[CaseRow]:
        """Insert or replace rows in one transaction; sets ``updated``."""
        now = datetime.now(UTC)
        put = [replace(row, updated=now) for row in rows]
        keys = [row.case_key for row in put]
        with self._database.session() as session:
            # Read at once what is there: one question per row would make an import of thousands slow.
            known = {found.case_key for found in session.scalars(select(CaseTable).where(CaseTable.case_key.in_(keys)))}
            for row in {row.case_key: row for row in put}.values():
                if row.case_key in known:
                    session.merge(_to_table(row))
                else:
                    session.add(_to_table(row))
            _put_flags(session, {row.case_key: row.flags for row in put})
        return put

    def get(self, case_key: str) -> CaseRow | None:
        """The row with this key, or None."""
        with self._database.session() as session:
            found = session.get(CaseTable, case_key)
            return None if found is None else to_row(found)

    def all(self, *, sites: Sequence[str] | None = None) -> list[CaseRow]:
        """All rows by case id; with ``sites`` only those of these sites."""
        query = select(CaseTable).where(*of_sites(sites)).order_by(CaseTable.case_id)
        in_parts = query.execution_options(yield_per=_PART)  # rows of the database do not pile up beside the result
        with self._database.session() as session:
            return [to_row(t) for t in session.scalars(in_parts)]

    def set_state(self, case_key: str, state: str, **fields: Any) -> None:
        """Change the state and the named columns of a row."""
        if state not in WAITING:
            fields.setdefault("state_before", None)
        with self._database.session() as session:
            session.execute(
                update(CaseTable)
                .where(CaseTable.case_key == case_key)
                .values(state=state, updated=datetime.now(UTC), **fields)
            )
            if "reasons" in fields:
                _put_flags(session, {case_key: _codes(fields["reasons"] or ())})


def _codes(reasons: Iterable[Json]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(r["code"]) for r in reasons))


def _put_flags(session: Session, codes: Mapping[str, Sequence[str]]) -> None:
    """Keep the searchable flags of cases equal to the codes of their reasons."""
    session.execute(delete(CaseFlagTable).where(CaseFlagTable.case_key.in_(list(codes))))
    session.add_all(CaseFlagTable(case_key=key, code=code[:64]) for key, own in codes.items() for code in own)


def _to_table(row: CaseRow) -> CaseTable:
    low, high = row.interval95 or (None, None)
    return CaseTable(
        case_key=row.case_key,
        case_id=row.case_id,
        tumour_type=row.tumour_type,
        folder=row.folder,
        state=row.state,
        probability=row.probability,
        interval_low=low,
        interval_high=high,
        call=row.call,
        reasons=[dict(r) for r in row.reasons],
        bundle=row.bundle,
        bundle_digest=row.bundle_digest,
        n_slides=row.n_slides,
        modalities=list(row.modalities),
        virtual=row.virtual,
        site=row.site,
        assignee=row.assignee,
        job_id=row.job_id,
        updated=row.updated,
    )


def to_row(table: CaseTable) -> CaseRow:
    """The value behind a row of the table."""
    interval = None
    if table.interval_low is not None and table.interval_high is not None:
        interval = (table.interval_low, table.interval_high)
    return CaseRow(
        case_key=table.case_key,
        case_id=table.case_id,
        tumour_type=table.tumour_type,
        folder=table.folder,
        state=table.state,
        probability=table.probability,
        interval95=interval,
        call=table.call,
        reasons=tuple(table.reasons or ()),
        bundle=table.bundle,
        bundle_digest=table.bundle_digest,
        n_slides=table.n_slides,
        modalities=tuple(table.modalities or ()),
        virtual=table.virtual,
        site=table.site,
        assignee=table.assignee,
        job_id=table.job_id,
        updated=table.updated,
    )
