"""The one door between the pages and the use cases; tests put a fake behind it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

import streamlit as st

from icicore.access import Person, Role, require
from icicore.domain import ClinicalValues
from icicore.models.light import LightScore
from icicore.store.cases import CaseRow
from icicore.store.jobs import JobRow
from icicore.types import Json
from icicore.ui.cohort_desk import CohortDesk
from icicore.ui.login import current_person
from icicore.ui.records import Records
from icicore.ui.work_desk import WorkDesk
from icicore.workflows.cases import CaseResult
from icicore.workflows.services import Services
from icicore.workflows.tile_neighbours import Likeness
from icicore.workflows.whatif import Change


class JobQueue(Protocol):
    """What `icicore.jobs.queue` offers; the pages hand it in, because the front end does not import the jobs."""

    def submit_score(self, services: Services, case_key: str, *, by: str = "") -> JobRow:
        """Queue the scoring of a case in a person's name."""

    def submit_demo(self, services: Services, n_cases: int, *, by: str = "") -> JobRow:
        """Queue the building of the demonstration cases."""

    def submit_tile_cam(self, services: Services, case_key: str, *, slide: str, tile: int, by: str = "") -> JobRow:
        """Queue the Grad-CAM of one tile."""

    def cancel(self, services: Services, job_id: str) -> None:
        """Ask a job to stop."""


Pathways: TypeAlias = Mapping[tuple[str, str], Sequence[str]]
"""(symbol, kind) of a gene token to pathway names."""


class Asked(Protocol):
    """A scored case that can be asked what would be if; see ``workflows.whatif.WhatIf``."""

    def ask(self, change: Change) -> LightScore:
        """Score of the changed case; nothing is kept."""

    def present(self) -> dict[str, bool]:
        """Modalities that the score rests on."""

    def mutated(self) -> tuple[str, ...]:
        """Genes with a mutation."""

    def clinical(self) -> dict[str, float]:
        """Clinical values that are known, by name."""

    def learnt(self) -> frozenset[str]:
        """Clinical values that the model can use."""


class Backend(Protocol):
    """What the pages ask for, as one person may see and do it. Every method is quick: long work runs as a job.

    What the person may not do raises ``NotPermitted``; a case out of sight is as one that does not exist.
    """

    def for_person(self, person: Person) -> "Backend":
        """The same backend in the name of this person."""

    @property
    def person(self) -> Person:
        """Who asks."""

    @property
    def roots(self) -> Sequence[Path]:
        """Folders from which cases may be opened."""

    @property
    def results_dir(self) -> Path:
        """Folder of all results."""

    @property
    def secret(self) -> str:
        """Secret that signs tile addresses."""

    @property
    def records(self) -> Records:
        """Reviews, timeline and report of a case."""

    @property
    def work(self) -> WorkDesk:
        """The work list as the person at this screen sees it."""

    @property
    def cohort(self) -> CohortDesk:
        """Tests of bundles, and the cases that they have scored."""

    def cases(self) -> list[CaseRow]:
        """Return the work list."""

    def case(self, case_key: str) -> CaseRow | None:
        """One row of the work list."""

    def folders(self) -> list[Path]:
        """Return case folders found under the roots that are not on the work list."""

    def open_case(self, folder: Path) -> CaseRow:
        """Read a case folder into the work list; raises ``InputError``."""

    def result(self, case_key: str) -> CaseResult | None:
        """Newest result of a case, or None."""

    def clinical(self, case_key: str) -> ClinicalValues | None:
        """Return the clinical values in the case folder, None when there are none or the folder has gone."""

    def proof(self, prediction: Json) -> Json | None:
        """What the test of the bundle found that made this prediction; None without one. Raises ``InputError``."""

    def what_if(self, result: CaseResult) -> Asked:
        """The case of this result, ready for hypothetical questions; raises ``InputError``."""

    def submit(self, case_key: str) -> JobRow:
        """Queue the scoring of a case; raises ``InputError``."""

    def submit_demo(self) -> JobRow:
        """Queue the building of the demonstration cases."""

    def submit_tile_cam(self, case_key: str, *, slide: str, tile: int) -> JobRow:
        """Queue the Grad-CAM of one tile; the result is found with ``find_tile_cam``. Raises ``InputError``."""

    def job(self, job_id: str) -> JobRow | None:
        """State of a job."""

    def active_jobs(self) -> list[JobRow]:
        """Jobs that wait or run."""

    def idle(self) -> bool:
        """Whether no worker runs."""

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop."""

    def pathways(self, prediction: Json) -> Pathways:
        """Names of the pathways of every gene token, by symbol and kind; the first one is the principal one."""

    def cards(self) -> list[tuple[str, str]]:
        """Return name and card (Markdown) of every bundle."""

    def faithfulness(self, result: CaseResult) -> Mapping[str, Json]:
        """What the evaluation of the bundle found about each layer of a slide; empty without one."""

    def likeness(self, result: CaseResult, slide: str, tile: int) -> Likeness:
        """What a tile looks like to the encoder; raises ``InputError`` when its embeddings are not kept."""

    def promoted(self) -> tuple[str, str] | None:
        """Name and digest of the bundle that scores cases now; None when there is none."""

    def doctor(self) -> Json:
        """Report of ``icicore doctor``."""


_fakes: list[Callable[[], Backend]] = []


def use_backend(factory: Callable[[], Backend] | None) -> None:
    """Put another backend behind the pages, for tests; None restores the real one."""
    _fakes[:] = [] if factory is None else [factory]
    _build.clear()


def backend(queue: JobQueue) -> Backend:
    """Return the backend in the name of the person at this screen; what it rests on is built once per process.

    Raises
    ------
    NotLoggedIn, NotPermitted
        There is nobody with a role; the script's gate has shown what to do before a page gets here.
    """
    return _build(queue).for_person(require(current_person(), Role.READER, "see cases"))


@st.cache_resource(show_spinner=False)
def _build(_queue: JobQueue) -> Backend:
    if _fakes:
        return _fakes[0]()
    from icicore.ui.workflow_backend import WorkflowBackend

    return WorkflowBackend(_queue)
