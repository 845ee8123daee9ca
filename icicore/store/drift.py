"""Rows of the drift watch: one for each case and bundle, replaced when the case is scored again."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from icicore.store.engine import Database
from icicore.store.registry_tables import DriftTable
from icicore.types import Json


@dataclass(frozen=True)
class DriftRow:
    """Measures of one scored case by name: ``value``, and ``score`` in standard deviations among training patients."""

    case_key: str
    bundle_digest: str
    site: str
    at: datetime
    measures: Json


class DriftStore:
    """Reads and writes ``DriftRow`` values."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, row: DriftRow) -> None:
        """Insert or replace the row of a case under a bundle."""
        with self._database.session() as session:
            session.merge(DriftTable(**vars(row)))

    def of_bundle(self, bundle_digest: str) -> list[DriftRow]:
        """Rows of one bundle, oldest first."""
        query = select(DriftTable).where(DriftTable.bundle_digest == bundle_digest).order_by(DriftTable.at)
        with self._database.session() as session:
            return [
                DriftRow(r.case_key, r.bundle_digest, r.site, r.at, dict(r.measures)) for r in session.scalars(query)
            ]
