"""What the work list page asks for: listings, views, assignment, and jobs over many cases."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from icicore.access import Person, Role, require
from icicore.errors import CaseError
from icicore.store.case_query import CaseFilter, CaseOrder, CasePage
from icicore.store.jobs import JobRow
from icicore.store.views import SavedView, ViewStore
from icicore.workflows import work
from icicore.workflows.case_import import kind_of
from icicore.workflows.casefolder import check_allowed
from icicore.workflows.cases import CaseResult
from icicore.workflows.import_report import ImportReport, read_report
from icicore.workflows.second_bundle import stored_results
from icicore.workflows.services import Services, bundle_folders
from icicore.workflows.visibility import sees_case
from icicore.workflows.work import Facets


class BatchQueue(Protocol):
    """What `icicore.jobs.batches` offers; the pages hand it in, because the front end does not import the jobs."""

    def submit_batch(self, services: Services, wanted: CaseFilter, *, by: str = "") -> JobRow | None:
        """Queue the scoring of all cases that match."""

    def submit_import(self, services: Services, path: Path, *, by: Person) -> JobRow:
        """Queue the import of a folder."""

    def submit_score_with(self, services: Services, case_key: str, bundle: str, *, by: str = "") -> JobRow:
        """Queue the scoring of a case under a named bundle."""


class WorkDesk:
    """The work list as one person sees it."""

    def __init__(self, services: Services, person: Person) -> None:
        self._services, self.person = services, person
        self._views = ViewStore(services.database)

    @property
    def me(self) -> str:
        """Name of the person."""
        return self.person.name

    @property
    def may_work(self) -> bool:
        """Whether the person may import, score and assign cases."""
        return self.person.may(Role.REVIEWER)

    def page(self, wanted: CaseFilter, order: CaseOrder, *, offset: int, limit: int) -> CasePage:
        """A part of a listing."""
        return work.case_finder(self._services, self.person).page(wanted, order, offset=offset, limit=limit)

    def counts(self, wanted: CaseFilter) -> Mapping[str, int]:
        """Number of matching cases by state."""
        return work.case_finder(self._services, self.person).counts(wanted)

    def facets(self) -> Facets:
        """What there is to filter by."""
        return work.facets(self._services, self.person)

    def names(self, keys: Sequence[str]) -> dict[str, str]:
        """Case id by key, for the labels of jobs."""
        found = ((key, self._services.cases.get(key)) for key in dict.fromkeys(keys))
        return {key: row.case_id for key, row in found if row is not None and self.person.sees(row.site)}

    def assign(self, wanted: CaseFilter, person: str | None) -> int:
        """Assign matching cases; returns how many."""
        return work.assign(self._services, wanted, person, by=self.person)

    def views(self) -> list[SavedView]:
        """Views that this person saved."""
        return self._views.of(self.me)

    def save_view(self, name: str, wanted: CaseFilter, order: CaseOrder) -> SavedView:
        """Keep a view."""
        return self._views.save(self.me, name, wanted, order)

    def remove_view(self, view_id: str) -> None:
        """Forget a view."""
        self._views.remove(self.me, view_id)

    def submit_batch(self, queue: BatchQueue, wanted: CaseFilter) -> JobRow | None:
        """Queue the scoring of all matching cases."""
        by = require(self.person, Role.REVIEWER, "score cases")
        return queue.submit_batch(self._services, work.in_sight(self._services, wanted, by), by=by.name)

    def kind_of(self, folder: Path) -> str:
        """What a folder holds, ``case``, ``study`` or ``folder``; raises ``NotAllowed``."""
        return kind_of(check_allowed(folder, self._services.settings.openable))

    def submit_import(self, queue: BatchQueue, folder: Path) -> JobRow:
        """Queue an import."""
        return queue.submit_import(self._services, folder, by=require(self.person, Role.REVIEWER, "import cases"))

    def import_report(self, job_id: str) -> ImportReport | None:
        """What an import did; None while it has no report."""
        return read_report(self._services.settings, job_id)

    def results(self, case_key: str) -> list[CaseResult]:
        """All stored results of a case, that of the work list first."""
        return stored_results(self._services, case_key) if sees_case(self._services, self.person, case_key) else []

    def bundles(self) -> list[str]:
        """Names of the bundles that a case can be scored under."""
        return sorted(bundle_folders(self._services.settings))

    def submit_score_with(self, queue: BatchQueue, case_key: str, bundle: str) -> JobRow:
        """Queue the scoring of a case under a named bundle; raises ``InputError``."""
        by = require(self.person, Role.REVIEWER, "score a case")
        if not sees_case(self._services, by, case_key):
            raise CaseError(case_key, "no such case", expected="a case from the work list", remedy="open it again")
        return queue.submit_score_with(self._services, case_key, bundle, by=by.name)
