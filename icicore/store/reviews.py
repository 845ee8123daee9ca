"""Reviews of a case: drafts that may change, and what was signed, which may not."""

import json
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from icicore.errors import IcicoreError
from icicore.fingerprint import fingerprint
from icicore.store.audit import SIGNED, AuditLog, AuditRow, Entry, append
from icicore.store.engine import Database
from icicore.store.record_tables import DraftTable, ReviewTable
from icicore.types import Json

NO_PARENT = ""
"""``parent`` of a review; that of an addendum is the id of its review."""


@dataclass(frozen=True)
class Draft:
    """What was written and not signed.

    ``judgement`` is ``likely``, ``unlikely``, ``cannot_say`` or None; ``version`` is 0 before the first save and
    counts every save after it.
    """

    draft_id: str
    case_key: str
    author: str
    parent: str = NO_PARENT
    judgement: str | None = None
    text: str = ""
    version: int = 0
    updated: datetime | None = None


@dataclass(frozen=True)
class Review:
    """A signed review or addendum.

    ``evidence`` is canonical JSON of the hashes under which it was signed; ``digest`` covers all other fields.
    """

    review_id: str
    draft_id: str
    case_key: str
    parent: str
    author: str
    signed: str
    judgement: str | None
    text: str
    evidence: str
    result_digest: str
    digest: str = ""

    def computed(self) -> str:
        """The digest that the content gives."""
        content = asdict(self)
        del content["digest"]
        return fingerprint("icicore-review-1", content)

    @property
    def is_addendum(self) -> bool:
        """Whether it adds to another review."""
        return self.parent != NO_PARENT

    def evidence_map(self) -> Json:
        """The hashes of slides, inputs, bundle and settings as they were at the signature."""
        return dict(json.loads(self.evidence))


class DraftChanged(IcicoreError):
    """Another window saved the same draft; ``stored`` is what it saved."""

    def __init__(self, stored: Draft) -> None:
        self.stored = stored
        super().__init__("this draft was changed in another window; choose which of the two to keep")


class AlreadySigned(IcicoreError):
    """The draft, or a review of the same result by the same author, was signed elsewhere; ``review`` is that one."""

    def __init__(self, review: Review) -> None:
        self.review = review
        super().__init__("this review was signed in another window")


class ReviewStore:
    """Reads and writes drafts and signed reviews."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_case(self, case_key: str) -> list[Review]:
        """Everything signed on a case, oldest first."""
        query = select(ReviewTable).where(ReviewTable.case_key == case_key).order_by(ReviewTable.signed)
        with self._database.session() as session:
            return [_to_review(r) for r in session.scalars(query)]

    def all(self) -> list[Review]:
        """Everything signed, oldest first."""
        with self._database.session() as session:
            return [_to_review(r) for r in session.scalars(select(ReviewTable).order_by(ReviewTable.signed))]

    def draft(self, case_key: str, author: str, parent: str = NO_PARENT) -> Draft:
        """The stored draft of an author, or an empty one that is not stored yet."""
        with self._database.session() as session:
            found = _find_draft(session, case_key, author, parent)
            return _to_draft(found) if found else Draft(secrets.token_hex(16), case_key, author, parent)

    def save(self, draft: Draft) -> Draft:
        """Store a draft that was read at ``draft.version``; returns it with its new version.

        Raises
        ------
        AlreadySigned
            It was signed since.
        DraftChanged
            It was saved elsewhere since.
        """
        try:
            with self._database.session() as session:
                self._refuse_signed(session, draft)
                return self._put(session, draft)
        except IntegrityError:  # two windows began the same draft at once
            raise DraftChanged(self.draft(draft.case_key, draft.author, draft.parent)) from None

    def _put(self, session: Session, draft: Draft) -> Draft:
        saved = replace(draft, version=draft.version + 1, updated=datetime.now(UTC))
        if draft.version == 0:
            other = _find_draft(session, draft.case_key, draft.author, draft.parent)
            if other is not None:
                raise DraftChanged(_to_draft(other))
            session.add(DraftTable(**asdict(saved)))
            session.flush()
            return saved
        changed = session.execute(
            update(DraftTable)
            .where(DraftTable.draft_id == draft.draft_id, DraftTable.version == draft.version)
            .values(judgement=saved.judgement, text=saved.text, version=saved.version, updated=saved.updated)
            .returning(DraftTable.draft_id)
        )
        if changed.first() is None:
            other = _find_draft(session, draft.case_key, draft.author, draft.parent)
            raise DraftChanged(_to_draft(other) if other else replace(draft, version=0, judgement=None, text=""))
        return saved

    def discard(self, draft: Draft) -> None:
        """Remove a draft that was not signed."""
        with self._database.session() as session:
            session.execute(delete(DraftTable).where(DraftTable.draft_id == draft.draft_id))

    def sign(self, draft: Draft, *, evidence: Json, result_digest: str, audit: AuditLog) -> Review:
        """Turn a saved draft into a signed review; signature and audit row are one transaction.

        Raises
        ------
        AlreadySigned
            It was signed since, or this author has signed a review of this result.
        DraftChanged
            It was saved elsewhere since.
        """
        review = Review(
            review_id=secrets.token_hex(16),
            draft_id=draft.draft_id,
            case_key=draft.case_key,
            parent=draft.parent,
            author=draft.author,
            signed=datetime.now(UTC).isoformat(timespec="milliseconds"),
            judgement=draft.judgement,
            text=draft.text,
            evidence=json.dumps(evidence, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
            result_digest=result_digest,
        )
        review = replace(review, digest=review.computed())
        audit.recording(lambda session: self._sign(session, draft, review))
        return review

    def _sign(self, session: Session, draft: Draft, review: Review) -> AuditRow:
        # The draft goes first: its removal takes the write lock, so of two signers one finds it gone.
        removed = session.execute(
            delete(DraftTable)
            .where(DraftTable.draft_id == draft.draft_id, DraftTable.version == draft.version)
            .returning(DraftTable.draft_id)
        )
        gone = removed.first() is None
        self._refuse_signed(session, draft, result_digest=review.result_digest)
        if gone:
            other = _find_draft(session, draft.case_key, draft.author, draft.parent)
            raise DraftChanged(_to_draft(other) if other else replace(draft, version=0, judgement=None, text=""))
        session.add(ReviewTable(**asdict(review)))
        session.flush()
        hashes = {"review": review.digest, "result": review.result_digest}
        if review.is_addendum:
            hashes["of"] = review.parent
        action = ("addendum" if review.is_addendum else "review") + SIGNED
        return append(session, Entry(review.author, action, review.case_key, hashes))

    def _refuse_signed(self, session: Session, draft: Draft, *, result_digest: str = "") -> None:
        same = select(ReviewTable).where(ReviewTable.draft_id == draft.draft_id)
        found = session.scalars(same).first()
        if found is None and result_digest and draft.parent == NO_PARENT:
            own = select(ReviewTable).where(
                ReviewTable.case_key == draft.case_key,
                ReviewTable.author == draft.author,
                ReviewTable.parent == NO_PARENT,
                ReviewTable.result_digest == result_digest,
            )
            found = session.scalars(own).first()
        if found is not None:
            raise AlreadySigned(_to_review(found))


def _find_draft(session: Session, case_key: str, author: str, parent: str) -> DraftTable | None:
    query = select(DraftTable).where(
        DraftTable.case_key == case_key, DraftTable.author == author, DraftTable.parent == parent
    )
    return session.scalars(query).first()


def _to_draft(table: DraftTable) -> Draft:
    return Draft(
        draft_id=table.draft_id,
        case_key=table.case_key,
        author=table.author,
        parent=table.parent,
        judgement=table.judgement,
        text=table.text,
        version=table.version,
        updated=table.updated,
    )


def _to_review(table: ReviewTable) -> Review:
    return Review(
        review_id=table.review_id,
        draft_id=table.draft_id,
        case_key=table.case_key,
        parent=table.parent,
        author=table.author,
        signed=table.signed,
        judgement=table.judgement,
        text=table.text,
        evidence=table.evidence,
        result_digest=table.result_digest,
        digest=table.digest,
    )
