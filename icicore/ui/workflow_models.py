"""The real desk behind the models page: the use cases of the registry, in the name of a person."""

import copy
import tempfile
from collections.abc import Sequence
from pathlib import Path

from icicore.access import Person, Role, require
from icicore.settings import read_settings
from icicore.store.cases import CaseRow
from icicore.store.jobs import FAILED, JobRow
from icicore.store.registry import BundleRow, Promotion, RegistryStore
from icicore.types import Json
from icicore.ui.models_desk import Canceller, Comparisons
from icicore.workflows import registry
from icicore.workflows.drift import drift_report
from icicore.workflows.registry_comparison import read_comparison
from icicore.workflows.registry_entries import Listed, list_registry
from icicore.workflows.registry_transfer import SUFFIX, export_bundle, import_bundle
from icicore.workflows.services import build_services
from icicore.workflows.studies import StudyPlace, list_studies


class WorkflowModels:
    """See `icicore.ui.models_desk.ModelsDesk`."""

    def __init__(self, comparisons: Comparisons, queue: Canceller) -> None:
        self._services = build_services(read_settings())
        self._comparisons, self._queue = comparisons, queue
        self._person = Person("nobody", Role.NONE, ())

    def for_person(self, person: Person) -> "WorkflowModels":
        """The same desk in the name of this person."""
        named = copy.copy(self)
        named._person = person
        return named

    def models(self) -> list[Listed]:
        """Every bundle, the promoted one first."""
        return list_registry(self._services)

    def history(self) -> list[Promotion]:
        """Changes of the promoted bundle, newest first."""
        return RegistryStore(self._services.database).history()[::-1]

    def previous(self) -> BundleRow | None:
        """The bundle that a rollback would bring back."""
        return registry.previous_of(self._services)

    def card(self, model: Listed) -> str:
        """Card of a bundle."""
        path = None if model.ref is None else model.ref.folder / "card.md"
        return path.read_text(encoding="utf-8", errors="replace") if path is not None and path.is_file() else ""

    def comparison(self, model: Listed) -> Json | None:
        """The comparison of a bundle with the promoted one."""
        if model.ref is None:
            return None
        return read_comparison(self._services, model.ref, registry.champion_of(self._services))

    def differences(self, model: Listed) -> tuple[str, list[tuple[str, str, str]]]:
        """Name of the parent, or else the promoted bundle, and how the recipes differ."""
        store = RegistryStore(self._services.database)
        other = store.get(model.row.parent or "") or registry.champion_of(self._services)
        return other.name, registry.config_difference(model.row, other)

    def cases(self, model: Listed) -> list[CaseRow]:
        """Cases whose newest result is this bundle's."""
        return [
            row for row in self._services.cases.all(sites=self._person.sites) if row.bundle_digest == model.row.digest
        ]

    def older_results(self, model: Listed) -> int:
        """Number of cases that were scored by this bundle once and by another since."""
        kept = {path.parent.name for path in self._services.settings.results_dir.glob(f"*/{model.row.digest[:16]}")}
        return len(kept - {row.case_key for row in self.cases(model)})

    def studies(self) -> Sequence[StudyPlace]:
        """Studies that a model may have been trained on."""
        return list_studies(self._services.settings)

    def why_kept(self, model: Listed) -> str:
        """Why a bundle cannot be deleted."""
        return registry.why_kept(self._services, model)

    def drift(self, model: Listed) -> Json | None:
        """Drift of the cases that a bundle scored."""
        return None if model.ref is None else drift_report(self._services, model.ref, sites=self._person.sites)

    def promote(self, name: str, reason: str) -> None:
        """Promote a candidate."""
        registry.promote(self._services, name, reason=reason, by=self._person)

    def roll_back(self) -> Promotion:
        """Promote the bundle before the present one again."""
        return registry.rollback(self._services, by=self._person)

    def retire(self, name: str, reason: str) -> None:
        """Put a bundle aside."""
        registry.retire(self._services, name, reason=reason, by=self._person)

    def remove(self, name: str) -> None:
        """Delete a bundle."""
        registry.remove(self._services, name, by=self._person)

    def export(self, name: str) -> bytes:
        """A bundle as one file."""
        with tempfile.TemporaryDirectory(dir=self._services.settings.home, prefix=".export.") as scratch:
            return export_bundle(self._services, name, Path(scratch) / f"{name}{SUFFIX}").read_bytes()

    def bring_in(self, file: Path, name: str | None) -> BundleRow:
        """Import a bundle from one file."""
        return import_bundle(self._services, file, name=name, by=self._person)

    def compare(self, name: str, study: Path | None) -> JobRow:
        """Queue the comparison of a candidate with the promoted bundle."""
        by = require(self._person, Role.REVIEWER, "compare models")
        return self._comparisons.submit_comparison(self._services, name, study=study, by=by.name)

    def comparing(self) -> list[JobRow]:
        """Comparisons that wait or run."""
        active = self._services.jobs.recent(active_only=True)
        return [job for job in active if job.kind == self._comparisons.COMPARE]

    def failure(self, name: str) -> str:
        """Why the newest comparison of a candidate failed."""
        jobs = [j for j in self._services.jobs.recent() if j.kind == self._comparisons.COMPARE]
        newest = next((j for j in jobs if j.parameters.get("bundle") == name), None)
        return str(newest.error or "") if newest is not None and newest.state == FAILED else ""

    def cancel(self, job_id: str) -> None:
        """Ask a comparison to stop."""
        require(self._person, Role.REVIEWER, "cancel a comparison")
        self._queue.cancel(self._services, job_id)
