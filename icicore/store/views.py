"""Views of the work list that people saved under a name."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, select

from icicore.store.case_query import CaseFilter, CaseOrder
from icicore.store.engine import Database
from icicore.store.work_tables import SavedViewTable

LONGEST_NAME = 60


@dataclass(frozen=True)
class SavedView:
    """A filter and an order under a name."""

    view_id: str
    name: str
    wanted: CaseFilter
    order: CaseOrder


class ViewStore:
    """Saved views, each seen by its owner only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, owner: str) -> list[SavedView]:
        """Views of a person, by name."""
        asked = select(SavedViewTable).where(SavedViewTable.owner == owner).order_by(SavedViewTable.name)
        with self._database.session() as session:
            return [_view(row) for row in session.scalars(asked)]

    def save(self, owner: str, name: str, wanted: CaseFilter, order: CaseOrder) -> SavedView:
        """Keep a view; one of the same name is replaced."""
        name = " ".join(name.split())[:LONGEST_NAME]
        asked = select(SavedViewTable).where(SavedViewTable.owner == owner, SavedViewTable.name == name)
        with self._database.session() as session:
            row = session.scalars(asked).first() or SavedViewTable(view_id=secrets.token_hex(8), owner=owner, name=name)
            row.content = {"filter": wanted.to_json(), "order": [order.column, order.descending]}
            row.updated = datetime.now(UTC)
            session.add(row)
            session.flush()
            return _view(row)

    def remove(self, owner: str, view_id: str) -> None:
        """Forget a view of this person."""
        with self._database.session() as session:
            session.execute(
                delete(SavedViewTable).where(SavedViewTable.owner == owner, SavedViewTable.view_id == view_id)
            )


def _view(row: SavedViewTable) -> SavedView:
    column, descending = row.content.get("order") or ("case", False)
    order = CaseOrder(str(column), bool(descending))
    return SavedView(row.view_id, row.name, CaseFilter.from_json(row.content.get("filter") or {}), order)
