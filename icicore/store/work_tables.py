"""Tables of the work list beside the cases themselves: their flags, and the views that people saved."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from icicore.store.tables import Base, UtcDateTime


class CaseFlagTable(Base):
    """One flag of one case. The reasons in ``cases`` say the same in words; these rows can be searched by index."""

    __tablename__ = "case_flags"

    case_key: Mapped[str] = mapped_column(String(16), primary_key=True)
    code: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)


class SavedViewTable(Base):
    """Filter and order of the work list under a name, for one person."""

    __tablename__ = "saved_views"
    __table_args__ = (UniqueConstraint("owner", "name", name="one_view_of_a_name"),)

    view_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(String(128))
    name: Mapped[str] = mapped_column(String(80))
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    updated: Mapped[datetime] = mapped_column(UtcDateTime)
