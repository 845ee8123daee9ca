"""Questions about the work list, answered by the database: filter, order, page and count.

Every listing of cases comes through `CaseFinder`: what a person may not see is left out here, in one place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, case, cast, func, select

from icicore.store.cases import CaseRow, to_row
from icicore.store.engine import Database
from icicore.store.tables import CaseTable
from icicore.store.work_tables import CaseFlagTable
from icicore.types import Json

NOBODY = ""
"""As ``assignee`` of a filter: cases that are assigned to nobody."""
STATES = ("running", "queued", "failed", "not_scored", "limited", "scored", "new")
"""In the order in which a list sorted by state shows them: what needs somebody comes first."""
_MOST_KEYS = 20_000
"""Databases take only so many values in one question."""


@dataclass(frozen=True)
class CaseFilter:
    """Which cases to list; what is left at its default does not restrict. Conditions are joined by *and*.

    Attributes
    ----------
    text : words that must all occur in the case id, in any order and any case
    states, tumour_types : any of these
    flags : any of these codes
    assignee : name of a person, ``NOBODY`` for unassigned cases, None for all
    keys : only these case keys, for a selection made elsewhere
    bundle_digest : only cases whose newest result is of this state of a bundle
    """

    text: str = ""
    states: tuple[str, ...] = ()
    tumour_types: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    assignee: str | None = None
    keys: tuple[str, ...] | None = None
    bundle_digest: str | None = None

    @property
    def active(self) -> bool:
        """Whether anything is left out."""
        return self != CaseFilter()

    def to_json(self) -> Json:
        """As a saved view holds it."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "CaseFilter":
        """Read what `to_json` wrote; unknown entries, of a later version, are ignored."""
        known = {f.name for f in fields(cls)} & set(content)
        values: dict[str, Any] = {k: tuple(v) if isinstance(v := content[k], list) else v for k in known}
        return cls(**values)


@dataclass(frozen=True)
class CaseOrder:
    """Order of a listing: a key of ``COLUMNS``, and the direction. Unknown values come last, ties by case id."""

    column: str = "case"
    descending: bool = False


@dataclass(frozen=True)
class CasePage:
    """A part of a listing; ``total`` counts all cases that match."""

    rows: tuple[CaseRow, ...]
    total: int
    offset: int


_T = CaseTable
_N_FLAGS = select(func.count()).where(CaseFlagTable.case_key == _T.case_key).correlate(_T).scalar_subquery()
COLUMNS: Mapping[str, ColumnElement[Any]] = {
    "case": func.lower(_T.case_id),
    "tumour": _T.tumour_type.expression,
    "state": case({name: place for place, name in enumerate(STATES)}, value=_T.state, else_=len(STATES)),
    "probability": _T.probability.expression,
    "interval": _T.interval_high - _T.interval_low,
    "call": _T.call.expression,
    "flags": _N_FLAGS,
    "data": cast(_T.modalities, Text),
    "slides": _T.n_slides.expression,
    "bundle": _T.bundle.expression,
    "assignee": _T.assignee.expression,
    "updated": _T.updated.expression,
}
"""What a listing can be ordered by; the interval by its width, flags by their number."""


def conditions(wanted: CaseFilter) -> list[ColumnElement[bool]]:
    """A filter as conditions on the table of cases."""
    found: list[ColumnElement[bool]] = [_T.case_id.icontains(word, autoescape=True) for word in wanted.text.split()]
    if wanted.states:
        found.append(_T.state.in_(wanted.states))
    if wanted.tumour_types:
        found.append(_T.tumour_type.in_(wanted.tumour_types))
    if wanted.flags:
        flagged = select(CaseFlagTable.case_key).where(CaseFlagTable.code.in_(wanted.flags))
        found.append(_T.case_key.in_(flagged))
    if wanted.assignee == NOBODY:
        found.append(_T.assignee.is_(None))
    elif wanted.assignee is not None:
        found.append(_T.assignee == wanted.assignee)
    if wanted.keys is not None:
        found.append(_T.case_key.in_(wanted.keys[:_MOST_KEYS]))
    if wanted.bundle_digest is not None:
        found.append(_T.bundle_digest == wanted.bundle_digest)
    return found


class CaseFinder:
    """Lists and counts the cases that a person may see.

    Parameters
    ----------
    visible : conditions that hold in every answer, on top of the filter; none shows every case
    """

    def __init__(self, database: Database, *, visible: Sequence[ColumnElement[bool]] = ()) -> None:
        self._database = database
        self._visible = tuple(visible)

    def page(
        self, wanted: CaseFilter, order: CaseOrder | None = None, *, offset: int = 0, limit: int = 100
    ) -> CasePage:
        """Rows ``offset`` to ``offset + limit`` of a listing, and how many there are in all."""
        chosen = order or CaseOrder()
        column = COLUMNS.get(chosen.column, COLUMNS["case"])
        by = column.desc() if chosen.descending else column.asc()
        # Keys are sorted alone and only one page of rows is read: whole rows would be carried through the sort.
        listed = self._matching(select(_T.case_key), wanted).order_by(
            by.nulls_last(), func.lower(_T.case_id), _T.case_key
        )
        with self._database.session() as session:
            total = session.scalar(self._matching(select(func.count()).select_from(_T), wanted)) or 0
            keys = list(session.scalars(listed.offset(offset).limit(limit)))
            found = {row.case_key: row for row in session.scalars(select(_T).where(_T.case_key.in_(keys)))}
            return CasePage(tuple(to_row(found[key]) for key in keys if key in found), total, offset)

    def keys(self, wanted: CaseFilter, *, limit: int = _MOST_KEYS) -> list[str]:
        """Keys of all cases that match, by case id."""
        listed = self._matching(select(_T.case_key), wanted).order_by(func.lower(_T.case_id), _T.case_key)
        with self._database.session() as session:
            return list(session.scalars(listed.limit(limit)))

    def counts(self, wanted: CaseFilter | None = None) -> dict[str, int]:
        """Number of cases by state."""
        return self._grouped(_T.state, wanted or CaseFilter())

    def assignees(self) -> dict[str, int]:
        """Number of cases by the person they are assigned to."""
        return self._grouped(_T.assignee, CaseFilter())

    def flags(self) -> dict[str, int]:
        """Number of cases by flag."""
        seen = self._matching(select(_T.case_key), CaseFilter())
        asked = (
            select(CaseFlagTable.code, func.count())
            .where(CaseFlagTable.case_key.in_(seen))
            .group_by(CaseFlagTable.code)
            .order_by(CaseFlagTable.code)
        )
        with self._database.session() as session:
            return {str(code): int(n) for code, n in session.execute(asked)}

    def _grouped(self, column: Any, wanted: CaseFilter) -> dict[str, int]:
        asked = self._matching(select(column, func.count()).select_from(_T), wanted).group_by(column).order_by(column)
        with self._database.session() as session:
            return {str(value): int(n) for value, n in session.execute(asked) if value is not None}

    def _matching(self, asked: Select[Any], wanted: CaseFilter) -> Select[Any]:
        return asked.where(*self._visible, *conditions(wanted))
