"""Rows of the bundle registry, and the append-only history of what was promoted."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from icicore.errors import BundleError
from icicore.fingerprint import fingerprint
from icicore.store.audit import AuditLog, AuditRow, Entry, append
from icicore.store.engine import Database
from icicore.store.registry_tables import BundleTable, PromotionTable
from icicore.types import Json

CANDIDATE, PROMOTED, RETIRED, REFUSED = STATES = ("candidate", "promoted", "retired", "refused")
PROMOTE, ROLLBACK = "promote", "rollback"


@dataclass(frozen=True)
class BundleRow:
    """One state of a bundle.

    Attributes
    ----------
    parent : digest of the bundle that training started from, or None
    study, study_folder : name of the training study, and where it lay if that is known
    data_digest : stands for the content of the study; equal for equal data
    who, reason : of the last change of state
    """

    digest: str
    name: str
    state: str
    parent: str | None
    study: str
    study_folder: str | None
    data_digest: str
    config: Json
    job_id: str | None
    created: datetime
    who: str
    reason: str


@dataclass(frozen=True)
class Promotion:
    """One change of the promoted bundle. ``comparison`` is the digest of the comparison that allowed it, or empty."""

    seq: int
    at: str
    who: str
    action: str
    name: str
    digest: str
    previous_name: str
    previous: str
    comparison: str
    reason: str
    row_digest: str = ""

    def computed(self) -> str:
        """The digest that the content of the row gives."""
        content = asdict(self)
        del content["row_digest"]
        return fingerprint("icicore-promotion-1", content)


@dataclass(frozen=True)
class Move:
    """A wanted change: ``after`` becomes the promoted bundle in place of ``before``."""

    action: str
    before: BundleRow
    after: BundleRow
    who: str
    reason: str
    comparison: str = ""


class RegistryStore:
    """Reads and writes the registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[BundleRow]:
        """All rows, newest first."""
        query = select(BundleTable).order_by(BundleTable.created.desc(), BundleTable.name)
        with self._database.session() as session:
            return [_to_row(t) for t in session.scalars(query)]

    def get(self, digest: str) -> BundleRow | None:
        """The row of exactly this state of a bundle."""
        with self._database.session() as session:
            found = session.get(BundleTable, digest)
            return None if found is None else _to_row(found)

    def promoted(self) -> BundleRow | None:
        """The row of the promoted bundle; None before the registry was ever used."""
        with self._database.session() as session:
            found = session.scalars(select(BundleTable).where(BundleTable.state == PROMOTED)).first()
            return None if found is None else _to_row(found)

    def add(self, row: BundleRow) -> bool:
        """Insert a row; False when another process had it inserted."""
        try:
            with self._database.session() as session:
                session.add(BundleTable(**asdict(row)))
        except IntegrityError:
            return False
        return True

    def set_state(self, digest: str, state: str, *, who: str, reason: str) -> None:
        """Change the state of a row; ``promoted`` is reached by ``move`` alone."""
        with self._database.session() as session:
            _set_state(session, digest, state, who, reason)

    def set_study(self, digest: str, folder: str) -> None:
        """Remember where the training study of a bundle lies."""
        with self._database.session() as session:
            session.execute(update(BundleTable).where(BundleTable.digest == digest).values(study_folder=folder))

    def remove(self, digest: str) -> None:
        """Forget a bundle that was never promoted."""
        with self._database.session() as session:
            session.execute(delete(BundleTable).where(BundleTable.digest == digest, BundleTable.state != PROMOTED))

    def history(self) -> list[Promotion]:
        """Every change of the promoted bundle, oldest first."""
        with self._database.session() as session:
            return _history(session)

    def move(self, wanted: Move, audit: AuditLog) -> Promotion:
        """Change the promoted bundle, its history and the audit log as one transaction.

        Raises
        ------
        BundleError
            meanwhile another bundle was promoted
        """
        made: list[Promotion] = []

        def work(session: Session) -> AuditRow:
            made[:] = [_moved(session, wanted)]
            return append(session, _entry(made[0]))

        audit.recording(work)
        return made[0]


def lineage(history: Sequence[Promotion]) -> list[tuple[str, str]]:
    """Name and digest of the bundles under the promoted one, which is the last; a rollback goes one back."""
    if not history:
        return []
    stack = [(history[0].previous_name, history[0].previous)]
    for row in history:
        if row.action == ROLLBACK:
            stack.pop()
        else:
            stack.append((row.name, row.digest))
    return stack


def history_faults(history: Sequence[Promotion], audited: Sequence[AuditRow]) -> list[str]:
    """Promotions that were changed, or that the audit log does not know; one line each."""
    known = {row.hash_map().get("promotion") for row in audited}
    faults = [f"promotion {p.seq} was changed after it was made" for p in history if p.computed() != p.row_digest]
    faults += [f"promotion {p.seq} has no row in the log" for p in history if p.row_digest not in known]
    held = {p.row_digest for p in history}
    return faults + [
        f"row {row.seq} tells of a promotion that is missing or was replaced"
        for row in audited
        if "promotion" in row.hash_map() and row.hash_map()["promotion"] not in held
    ]


def _history(session: Session) -> list[Promotion]:
    rows = session.scalars(select(PromotionTable).order_by(PromotionTable.seq))
    return [Promotion(**{name: getattr(r, name) for name in Promotion.__dataclass_fields__}) for r in rows]


def _moved(session: Session, wanted: Move) -> Promotion:
    current = session.scalars(select(BundleTable).where(BundleTable.state == PROMOTED).with_for_update()).first()
    if current is None or current.digest != wanted.before.digest:
        raise BundleError(
            wanted.after.name,
            f"meanwhile {current.name if current else 'no bundle'} is the promoted one",
            expected=wanted.before.name,
            remedy="look at the models again",
        )
    last = session.scalars(select(PromotionTable).order_by(PromotionTable.seq.desc()).limit(1)).first()
    unsealed = Promotion(
        seq=1 if last is None else last.seq + 1,
        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        who=wanted.who,
        action=wanted.action,
        name=wanted.after.name,
        digest=wanted.after.digest,
        previous_name=wanted.before.name,
        previous=wanted.before.digest,
        comparison=wanted.comparison,
        reason=wanted.reason,
    )
    row = Promotion(**{**asdict(unsealed), "row_digest": unsealed.computed()})
    session.add(PromotionTable(**asdict(row)))
    said = f"rolled back to {row.name}" if row.action == ROLLBACK else f"{row.name} was promoted"
    _set_state(session, row.previous, RETIRED, row.who, f"{said}: {row.reason}")
    session.flush()  # one row may be promoted at a time
    _set_state(session, row.digest, PROMOTED, row.who, row.reason)
    session.flush()
    return row


def _entry(row: Promotion) -> Entry:
    """The row of the audit log: hashes, and of the reason, which is free text, its digest alone."""
    hashes = {
        "bundle": row.digest,
        "before": row.previous,
        "promotion": row.row_digest,
        "reason": hashlib.sha256(row.reason.encode()).hexdigest(),
    }
    return Entry(row.who, row.action, "", hashes | ({"comparison": row.comparison} if row.comparison else {}))


def _set_state(session: Session, digest: str, state: str, who: str, reason: str) -> None:
    session.execute(update(BundleTable).where(BundleTable.digest == digest).values(state=state, who=who, reason=reason))


def _to_row(table: BundleTable) -> BundleRow:
    return BundleRow(**{name: getattr(table, name) for name in BundleRow.__dataclass_fields__})
