"""The work list as people use it: what the filters offer, views, assignment."""

from collections.abc import Sequence
from dataclasses import dataclass

from icicore.access import Person, Role, one_line, require
from icicore.errors import CaseError
from icicore.store.case_query import CaseFilter, CaseFinder
from icicore.store.case_work import CaseWork
from icicore.store.visibility import of_sites
from icicore.workflows.records import audit_log
from icicore.workflows.services import Services


@dataclass(frozen=True)
class Facets:
    """Number of cases by state, flag and assignee, over the whole work list."""

    states: dict[str, int]
    flags: dict[str, int]
    assignees: dict[str, int]

    @property
    def total(self) -> int:
        """Number of cases on the work list."""
        return sum(self.states.values())


def case_finder(services: Services, by: Person) -> CaseFinder:
    """What the pages and commands ask: the cases of the sites that the person sees. Raises ``NotPermitted``."""
    return CaseFinder(services.database, visible=of_sites(require(by, Role.READER, "see cases").sites))


def facets(services: Services, by: Person) -> Facets:
    """What there is to filter by."""
    finder = case_finder(services, by)
    return Facets(finder.counts(), finder.flags(), finder.assignees())


def in_sight(services: Services, wanted: CaseFilter, by: Person) -> CaseFilter:
    """The filter, narrowed to cases that the person sees."""
    return wanted if by.sites is None else CaseFilter(keys=tuple(case_finder(services, by).keys(wanted)))


def assign(services: Services, wanted: CaseFilter, person: str | None, *, by: Person) -> int:
    """Assign all cases that match and are in sight, and log it; returns how many. Raises ``NotPermitted``."""
    require(by, Role.REVIEWER, "assign cases")
    name = one_line(person or "") or None
    keys = case_finder(services, by).keys(wanted)
    wanted = CaseFilter(keys=tuple(keys))
    return CaseWork(services.database).assign(wanted, name, log=audit_log(services), by=by.name)


def assign_by_id(services: Services, case_ids: Sequence[str], person: str | None, *, by: Person) -> int:
    """Assign cases by their case id; raises ``CaseError`` for an id that is not on the work list."""
    rows = {row.case_id: row.case_key for row in services.cases.all(sites=by.sites)}
    missing = [name for name in case_ids if name not in rows]
    if missing:
        raise CaseError(missing[0], "is not on the work list", remedy="see `icicore cases list`")
    return assign(services, CaseFilter(keys=tuple(rows[name] for name in case_ids)), person, by=by)
