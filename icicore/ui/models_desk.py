"""The door between the models page and the registry; tests put a fake behind it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import streamlit as st

from icicore.access import Person, Role, require
from icicore.store.cases import CaseRow
from icicore.store.jobs import JobRow
from icicore.store.registry import BundleRow, Promotion
from icicore.types import Json
from icicore.ui.login import current_person
from icicore.workflows.registry_entries import Listed
from icicore.workflows.services import Services
from icicore.workflows.studies import StudyPlace


class Comparisons(Protocol):
    """What `icicore.jobs.comparison` offers; the page hands it in, because the front end does not import the jobs."""

    COMPARE: str

    def submit_comparison(self, services: Services, name: str, *, study: Path | None = None, by: str = "") -> JobRow:
        """Queue a comparison."""


class Canceller(Protocol):
    """What `icicore.jobs.queue` offers to stop a job."""

    def cancel(self, services: Services, job_id: str) -> None:
        """Ask a job to stop."""


class ModelsDesk(Protocol):
    """What the models page asks for. Every method is quick; all that decides raises ``InputError`` with one line."""

    def models(self) -> list[Listed]:
        """Every bundle, the promoted one first."""

    def history(self) -> list[Promotion]:
        """Changes of the promoted bundle, newest first."""

    def previous(self) -> BundleRow | None:
        """The bundle that a rollback would bring back."""

    def card(self, model: Listed) -> str:
        """Card of a bundle, Markdown; empty without one."""

    def comparison(self, model: Listed) -> Json | None:
        """The comparison of a bundle with the promoted one; None where there is none."""

    def differences(self, model: Listed) -> tuple[str, list[tuple[str, str, str]]]:
        """Name of the parent, or else of the promoted bundle; and where the recipes differ: field, ours, theirs."""

    def cases(self, model: Listed) -> list[CaseRow]:
        """Cases whose newest result is this bundle's."""

    def older_results(self, model: Listed) -> int:
        """Number of cases that were scored by this bundle once and by another since."""

    def for_person(self, person: Person) -> "ModelsDesk":
        """The same desk in the name of this person."""

    def studies(self) -> Sequence[StudyPlace]:
        """Studies that a model may have been trained on."""

    def why_kept(self, model: Listed) -> str:
        """Why a bundle cannot be deleted; empty when it can."""

    def drift(self, model: Listed) -> Json | None:
        """Drift of the cases that a bundle scored; None where it has no drift reference."""

    def promote(self, name: str, reason: str) -> None:
        """Promote a candidate."""

    def roll_back(self) -> Promotion:
        """Promote the bundle before the present one again."""

    def retire(self, name: str, reason: str) -> None:
        """Put a bundle aside."""

    def remove(self, name: str) -> None:
        """Delete a bundle."""

    def export(self, name: str) -> bytes:
        """A bundle as one file."""

    def bring_in(self, file: Path, name: str | None) -> BundleRow:
        """Import a bundle from one file."""

    def compare(self, name: str, study: Path | None) -> JobRow:
        """Queue the comparison of a candidate with the promoted bundle."""

    def comparing(self) -> list[JobRow]:
        """Comparisons that wait or run."""

    def failure(self, name: str) -> str:
        """Why the newest comparison of a candidate failed; empty when it did not."""

    def cancel(self, job_id: str) -> None:
        """Ask a comparison to stop."""


_fakes: list[Callable[[], ModelsDesk]] = []


def use_models_desk(factory: Callable[[], ModelsDesk] | None) -> None:
    """Put another desk behind the page, for tests; None restores the real one."""
    _fakes[:] = [] if factory is None else [factory]
    _build.clear()


def models_desk(comparisons: Comparisons, queue: Canceller) -> ModelsDesk:
    """Return the desk in the name of the person at this screen; what it rests on is built once per process."""
    return _build(comparisons, queue).for_person(require(current_person(), Role.READER, "see models"))


@st.cache_resource(show_spinner=False)
def _build(_comparisons: Comparisons, _queue: Canceller) -> ModelsDesk:
    if _fakes:
        return _fakes[0]()
    from icicore.ui.workflow_models import WorkflowModels

    return WorkflowModels(_comparisons, _queue)
