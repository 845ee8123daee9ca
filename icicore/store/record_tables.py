"""Tables of reviews and of the audit log. What is hashed is stored as text, so that it reads back bit for bit."""

from datetime import datetime

from sqlalchemy import Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from icicore.store.tables import Base, UtcDateTime


class DraftTable(Base):
    """What a clinician has written and not signed; ``version`` counts its changes."""

    __tablename__ = "review_drafts"
    __table_args__ = (UniqueConstraint("case_key", "author", "parent", name="one_draft"),)

    draft_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_key: Mapped[str] = mapped_column(String(16), index=True)
    author: Mapped[str] = mapped_column(String(128))
    parent: Mapped[str] = mapped_column(String(32))
    judgement: Mapped[str | None] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer)
    updated: Mapped[datetime] = mapped_column(UtcDateTime)


class ReviewTable(Base):
    """A signed review or addendum. Triggers of the database refuse to change or remove a row."""

    __tablename__ = "reviews"

    review_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    draft_id: Mapped[str] = mapped_column(String(32), unique=True)
    case_key: Mapped[str] = mapped_column(String(16), index=True)
    parent: Mapped[str] = mapped_column(String(32))
    author: Mapped[str] = mapped_column(String(128))
    signed: Mapped[str] = mapped_column(String(32))
    judgement: Mapped[str | None] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    evidence: Mapped[str] = mapped_column(Text)
    result_digest: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))


class AuditTable(Base):
    """One event; ``digest`` covers the row and the digest before it. Triggers refuse to change or remove a row."""

    __tablename__ = "audit"

    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(String(32))
    actor: Mapped[str] = mapped_column(String(128))
    action: Mapped[str] = mapped_column(String(32))
    case_key: Mapped[str] = mapped_column(String(16), index=True)
    hashes: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
