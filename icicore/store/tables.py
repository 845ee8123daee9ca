"""Tables of the database. Rows hold pseudonyms, states and paths; inputs and results stay in files."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, DateTime, Dialect, Float, Integer, String, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Declarative base; its metadata is what the migrations build."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite forgets the zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Attach UTC where the database returned a naive time."""
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class CaseTable(Base):
    """One case folder and the summary of its newest result."""

    __tablename__ = "cases"

    case_key: Mapped[str] = mapped_column(String(16), primary_key=True)
    case_id: Mapped[str] = mapped_column(String(128), index=True)
    tumour_type: Mapped[str] = mapped_column(String(16), index=True)
    folder: Mapped[str] = mapped_column(Text, unique=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    probability: Mapped[float | None] = mapped_column(Float, index=True)
    interval_low: Mapped[float | None] = mapped_column(Float)
    interval_high: Mapped[float | None] = mapped_column(Float)
    call: Mapped[str | None] = mapped_column(String(32))
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    bundle: Mapped[str | None] = mapped_column(String(128))
    bundle_digest: Mapped[str | None] = mapped_column(String(64), index=True)
    n_slides: Mapped[int] = mapped_column(Integer, default=0)
    modalities: Mapped[list[str]] = mapped_column(JSON, default=list)
    virtual: Mapped[bool] = mapped_column(Boolean, default=False)
    site: Mapped[str | None] = mapped_column(String(64), index=True)
    assignee: Mapped[str | None] = mapped_column(String(128), index=True)
    job_id: Mapped[str | None] = mapped_column(String(32), index=True)
    state_before: Mapped[str | None] = mapped_column(String(16))
    updated: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class SlideTable(Base):
    """Where a slide lies, by the digest of its content; the tile server resolves ids only through this."""

    __tablename__ = "slides"

    path: Mapped[str] = mapped_column(Text, primary_key=True)
    slide_id: Mapped[str] = mapped_column(String(16), index=True)
    digest: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    modified_ns: Mapped[int] = mapped_column(BigInteger)
    mpp: Mapped[float | None] = mapped_column(Float)


class JobTable(Base):
    """One piece of background work; ``runner`` is the process that holds it while it runs."""

    __tablename__ = "jobs"

    job_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), index=True)
    case_key: Mapped[str | None] = mapped_column(String(16), index=True)
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    state: Mapped[str] = mapped_column(String(16), index=True)
    done: Mapped[int] = mapped_column(Integer, default=0)
    total: Mapped[int] = mapped_column(Integer, default=0)
    message: Mapped[str] = mapped_column(Text, default="")
    error: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    cancel: Mapped[bool] = mapped_column(Boolean, default=False)
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    started: Mapped[datetime | None] = mapped_column(UtcDateTime)
    heartbeat: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished: Mapped[datetime | None] = mapped_column(UtcDateTime)
    owner: Mapped[str] = mapped_column(String(128), default="")
    device: Mapped[str] = mapped_column(String(16), default="", index=True)
    runner: Mapped[str] = mapped_column(String(128), default="")
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class AnnotationTable(Base):
    """One shape that a person drew on a slide; a deleted one stays, so that its id is never used again unseen."""

    __tablename__ = "annotations"

    slide_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    annotation_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    label: Mapped[str] = mapped_column(String(64), index=True)
    author: Mapped[str] = mapped_column(String(128))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_by: Mapped[str] = mapped_column(String(128))
    updated: Mapped[datetime] = mapped_column(UtcDateTime)
    revision: Mapped[int] = mapped_column(Integer)
    deleted: Mapped[bool] = mapped_column(Boolean, default=False)
