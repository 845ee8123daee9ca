"""Which cases a person's sites leave in sight: the one condition of queries, and the sites of a case or slide."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import ColumnElement, select

from icicore.store.engine import Database
from icicore.store.tables import CaseTable, SlideTable


def of_sites(sites: Sequence[str] | None) -> list[ColumnElement[bool]]:
    """Conditions on the cases table for a person who sees these sites.

    Parameters
    ----------
    sites : names of sites; None sees all. A case without a site is found only with None.
    """
    return [] if sites is None else [CaseTable.site.in_(list(sites))]


def sites_of_case(database: Database, case_key: str) -> list[str | None]:
    """Site of a case, as a list of one; empty when there is no such case."""
    with database.session() as session:
        return list(session.scalars(select(CaseTable.site).where(CaseTable.case_key == case_key)))


def sites_of_slide(database: Database, slide_id: str) -> list[str | None]:
    """Sites of all cases whose folder holds this slide; the same slide may lie in several."""
    with database.session() as session:
        paths = session.scalars(select(SlideTable.path).where(SlideTable.slide_id == slide_id)).all()
        folders = {str(Path(path).parent.parent) for path in paths}
        return list(session.scalars(select(CaseTable.site).where(CaseTable.folder.in_(folders))))
