"""Tables of the bundle registry and of the drift watch."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from icicore.store.tables import Base, UtcDateTime


class BundleTable(Base):
    """One state of a bundle, by the digest over its weights and specification. At most one row is ``promoted``."""

    __tablename__ = "bundles"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(128), index=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    parent: Mapped[str | None] = mapped_column(String(64))
    study: Mapped[str] = mapped_column(String(256))
    study_folder: Mapped[str | None] = mapped_column(Text)
    data_digest: Mapped[str] = mapped_column(String(64))
    config: Mapped[dict[str, Any]] = mapped_column(JSON)
    job_id: Mapped[str | None] = mapped_column(String(32))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    who: Mapped[str] = mapped_column(String(128))
    reason: Mapped[str] = mapped_column(Text)


class PromotionTable(Base):
    """One change of the promoted bundle; ``row_digest`` is in the audit log. Triggers refuse to change a row."""

    __tablename__ = "promotions"

    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(String(32))
    who: Mapped[str] = mapped_column(String(128))
    action: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(128))
    digest: Mapped[str] = mapped_column(String(64))
    previous_name: Mapped[str] = mapped_column(String(128))
    previous: Mapped[str] = mapped_column(String(64))
    comparison: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    row_digest: Mapped[str] = mapped_column(String(64))


class DriftTable(Base):
    """How far the inputs of a scored case lie from the training patients of the bundle that scored it."""

    __tablename__ = "case_drift"

    case_key: Mapped[str] = mapped_column(String(16), primary_key=True)
    bundle_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    site: Mapped[str] = mapped_column(String(64), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    measures: Mapped[dict[str, Any]] = mapped_column(JSON)
