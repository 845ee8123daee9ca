"""The audit log: append-only, each row chained to the one before by its digest.

A row tells who did what, when, and on which hashes; it holds no value of a patient and no free text. The head, the
number and digest of the newest row, is kept in a file apart from the database and sealed with a secret, so that rows
cut off at the end are missed. Whoever may write both places and read the secret can write a new history; a head that
was noted elsewhere (each report prints the row of its signature) still tells.
"""

import fcntl
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from icicore.errors import StorageError
from icicore.fingerprint import fingerprint, write_json
from icicore.store.engine import Database
from icicore.store.record_tables import AuditTable

log = logging.getLogger(__name__)

GENESIS = "0" * 64
"""The digest before the first row."""
MOST_EVENTS = 200
"""How many events a timeline shows."""
SIGNED = " signed"
"""How the actions of signatures end."""
_TRIES = 20
_T = TypeVar("_T")


@dataclass(frozen=True)
class Entry:
    """What is to be logged. ``hashes`` names digests and small identifiers, never content."""

    actor: str
    action: str
    case_key: str
    hashes: Mapping[str, str]


@dataclass(frozen=True)
class AuditRow:
    """One row of the log; ``at`` is an ISO 8601 time in UTC, ``hashes`` canonical JSON."""

    seq: int
    at: str
    actor: str
    action: str
    case_key: str
    hashes: str
    previous: str
    digest: str

    def computed(self) -> str:
        """The digest that the row's content and its predecessor give."""
        content = asdict(self)
        del content["digest"]
        return fingerprint("icicore-audit-1", content)

    def hash_map(self) -> dict[str, str]:
        """The named hashes."""
        return dict(json.loads(self.hashes))


@dataclass(frozen=True)
class Head:
    """Newest row known apart from the database; ``since`` is the row at which this file began."""

    seq: int
    digest: str
    since: int


class HeadFile:
    """Keeps the head in a file; a file that was altered without the secret reads as None and is not trusted."""

    def __init__(self, path: Path, secret: str) -> None:
        self.path, self._secret = path, secret.encode()

    def read(self) -> Head | None:
        """The head; None when there is no file.

        Raises
        ------
        ValueError
            The file is damaged or its seal does not fit.
        """
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            head = Head(int(content["seq"]), str(content["digest"]), int(content["since"]))
            seal = str(content["seal"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError("cannot be read") from error
        if not hmac.compare_digest(seal, self._seal(head)):
            raise ValueError("was altered: its seal does not fit")
        return head

    def advance(self, row: AuditRow, digest_at: Callable[[int], str | None]) -> None:
        """Move the head to ``row``, unless the log no longer holds the row that the head names.

        A head that contradicts the log stays as it is: it is the trace that ``verify`` reports.
        """
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                head = self.read()
            except ValueError:
                log.warning("the audit head does not fit; run `icicore audit verify`")
                return
            if head is not None and head.seq >= row.seq:
                if head.seq == row.seq and head.digest != row.digest:
                    log.warning("the audit log and its head disagree; run `icicore audit verify`")
                return
            if head is not None and digest_at(head.seq) != head.digest:
                log.warning("the audit log and its head disagree; run `icicore audit verify`")
                return
            moved = Head(row.seq, row.digest, row.seq if head is None else head.since)
            write_json(self.path, {**asdict(moved), "seal": self._seal(moved)})

    def _seal(self, head: Head) -> str:
        message = f"{head.seq}:{head.digest}:{head.since}".encode()
        return hmac.new(self._secret, b"icicore-audit-head:" + message, hashlib.sha256).hexdigest()


class AuditLog:
    """Appends and reads rows."""

    def __init__(self, database: Database, head: HeadFile) -> None:
        self._database, self.head = database, head

    def record(self, entry: Entry) -> AuditRow:
        """Append one row in a transaction of its own."""
        return self.recording(lambda session: append(session, entry))

    def recording(self, work: Callable[[Session], AuditRow]) -> AuditRow:
        """Run ``work``, which appends one row, as one transaction; repeated when another process appends first."""
        row = retried(self._database, work)
        try:
            self.head.advance(row, self._digest_at)
        except (StorageError, OSError):
            # The row is stored: to fail now would tell a signer that nothing was signed. The next row moves the head.
            log.warning("the audit head could not be written; it follows with the next row")
        return row

    def recording_all(self, work: Callable[[Session], AuditRow | None]) -> None:
        """As ``recording``, for work that appends any number of rows and returns the last of them."""
        row = retried(self._database, work)
        if row is not None:
            self.head.advance(row, self._digest_at)

    def of_case(self, case_key: str, *, limit: int = MOST_EVENTS) -> list[AuditRow]:
        """Rows of one case, newest first."""
        query = select(AuditTable).where(AuditTable.case_key == case_key)
        with self._database.session() as session:
            return [_to_row(r) for r in session.scalars(query.order_by(AuditTable.seq.desc()).limit(limit))]

    def signatures(self, case_key: str) -> list[AuditRow]:
        """Rows of the signatures on a case, in order, however long its history is."""
        query = select(AuditTable).where(AuditTable.case_key == case_key, AuditTable.action.like(f"%{SIGNED}"))
        with self._database.session() as session:
            return [_to_row(r) for r in session.scalars(query.order_by(AuditTable.seq))]

    def all(self) -> list[AuditRow]:
        """All rows in the order of their numbers."""
        with self._database.session() as session:
            return [_to_row(r) for r in session.scalars(select(AuditTable).order_by(AuditTable.seq))]

    def _digest_at(self, seq: int) -> str | None:
        with self._database.session() as session:
            found = session.get(AuditTable, seq)
            return None if found is None else found.digest


def retried(database: Database, work: Callable[[Session], _T]) -> _T:
    """Run ``work`` in a transaction; run it again when another process took the next row number or holds the lock."""
    for attempt in range(_TRIES):
        try:
            with database.session() as session:
                return work(session)
        except (IntegrityError, StorageError):
            if attempt == _TRIES - 1:
                raise
            time.sleep(0.01 * (attempt + 1))
    raise AssertionError("unreachable")


def append(session: Session, entry: Entry) -> AuditRow:
    """Add a row to the end of the log within an open transaction."""
    last = session.scalars(select(AuditTable).order_by(AuditTable.seq.desc()).limit(1)).first()
    row = chained(None if last is None else _to_row(last), entry, datetime.now(UTC))
    session.add(AuditTable(**asdict(row)))
    session.flush()
    return row


def append_all(session: Session, entries: Sequence[Entry]) -> AuditRow | None:
    """Add rows to the end of the log within an open transaction; returns the last, None for no entries."""
    last = session.scalars(select(AuditTable).order_by(AuditTable.seq.desc()).limit(1)).first()
    row, now = None if last is None else _to_row(last), datetime.now(UTC)
    for entry in entries:
        row = chained(row, entry, now)
        session.add(AuditTable(**asdict(row)))
    session.flush()
    return row if entries else None


def chained(previous: AuditRow | None, entry: Entry, at: datetime) -> AuditRow:
    """The row that follows ``previous``."""
    fields: dict[str, Any] = {
        "seq": 1 if previous is None else previous.seq + 1,
        "at": at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "actor": entry.actor,
        "action": entry.action,
        "case_key": entry.case_key,
        "hashes": json.dumps(dict(entry.hashes), sort_keys=True, separators=(",", ":")),
        "previous": GENESIS if previous is None else previous.digest,
    }
    unsealed = AuditRow(**fields, digest="")
    return AuditRow(**fields, digest=unsealed.computed())


def chain_faults(rows: Iterable[AuditRow]) -> list[str]:
    """What is wrong with a chain, one line each: changed, missing, doubled or reordered rows."""
    faults: list[str] = []
    expected, before = 1, GENESIS
    for row in rows:
        if row.seq != expected:
            what = f"row {expected} is" if row.seq == expected + 1 else f"rows {expected} to {row.seq - 1} are"
            faults.append(f"{what} missing")
        elif row.previous != before:
            faults.append(f"row {row.seq} does not follow row {row.seq - 1}: one of them was replaced or moved")
        if row.computed() != row.digest:
            faults.append(f"row {row.seq} was changed after it was written")
        expected, before = row.seq + 1, row.digest
    return faults


def _to_row(table: AuditTable) -> AuditRow:
    return AuditRow(
        seq=table.seq,
        at=table.at,
        actor=table.actor,
        action=table.action,
        case_key=table.case_key,
        hashes=table.hashes,
        previous=table.previous,
        digest=table.digest,
    )
