"""The door between the list of jobs and the use cases: jobs of every kind, started, watched, stopped, taken away."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from icicore.access import Person, Role, require
from icicore.errors import InputError
from icicore.settings import read_settings
from icicore.store.cases import CaseRow
from icicore.store.jobs import JobRow
from icicore.ui.login import current_person
from icicore.workflows.casefolder import check_allowed
from icicore.workflows.job_files import job_folder
from icicore.workflows.services import Services, build_services, bundle_folders
from icicore.workflows.worker_presence import nobody_works

LISTED = 60
_FILES = {
    "report": ("report.pdf", "report.json", "report.html"),
    "evaluate": ("evaluation/report.html", "evaluation/report.json"),
}


class JobsDesk:
    """What the list of jobs asks for; every method is quick.

    ``submit`` and ``control`` are the modules of ``icicore.jobs`` of these names and ``queue`` is its queue; the page
    hands them in, because the front end does not import the jobs.
    """

    def __init__(self, services: Services, person: Person, modules: "Modules") -> None:
        self._services, self.person, self._modules = services, person, modules

    @property
    def may_work(self) -> bool:
        """Whether the person may start and stop jobs."""
        return self.person.may(Role.REVIEWER)

    def jobs(self) -> list[JobRow]:
        """Jobs of every kind, newest first, without those of cases out of sight."""
        return [job for job in self._services.jobs.recent(limit=LISTED) if self._sees(job)]

    def job(self, job_id: str) -> JobRow | None:
        """One job."""
        return self._services.jobs.get(job_id)

    def case_name(self, job: JobRow) -> str:
        """Case that a job is about; empty without one."""
        row = None if job.case_key is None else self._services.cases.get(job.case_key)
        return "" if row is None else row.case_id

    def idle(self) -> bool:
        """Whether no worker runs."""
        return nobody_works(self._services)

    def may_continue(self, job: JobRow) -> bool:
        """Whether the job can go on."""
        return bool(self._modules.control.may_continue(job))

    def stop(self, job_id: str) -> None:
        """Ask a job to stop."""
        self._act("stop a job", job_id)
        self._modules.control.stop_job(self._services, job_id)

    def go_on(self, job_id: str) -> None:
        """Let it wait for its turn again; raises ``InputError``."""
        self._act("continue a job", job_id)
        self._modules.control.continue_job(self._services, job_id)

    def delete(self, job_id: str) -> None:
        """Forget it; raises ``InputError``."""
        self._act("delete a job", job_id)
        self._modules.control.delete_job(self._services, job_id)

    def files(self, job: JobRow) -> list[Path]:
        """What a job left to be taken away."""
        folder = job_folder(self._services.settings.home, job.job_id)
        found = [folder / name for name in _FILES.get(job.kind, ())]
        if job.kind == "tune":
            found.append(self._services.settings.home / "recipes" / f"{Path(str(job.parameters['name'])).name}.json")
        return [path for path in found if path.is_file()]

    def bundles(self) -> Sequence[str]:
        """Names of the bundles."""
        return sorted(bundle_folders(self._services.settings))

    def slide_refused(self, path: str) -> str:
        """Why a slide cannot be embedded; empty when it can, or none is named."""
        if not path:
            return ""
        try:
            found = check_allowed(Path(path), self._services.settings.roots)
        except InputError as error:
            return str(error)
        return "" if found.is_file() else f"{found.name}: is no file; give the path of a slide"

    def case_named(self, case_id: str) -> CaseRow | None:
        """The case of this id that is in sight."""
        return next((row for row in self._services.cases.all(sites=self.person.sites) if row.case_id == case_id), None)

    def embed(self, slide: str) -> JobRow:
        """Queue the embedding of a slide."""
        by = self._may("embed a slide")
        if problem := self.slide_refused(slide):
            raise InputError(Path(slide).name, problem.partition(": ")[2] or problem)
        return self._modules.submit.submit_embed(self._services, slide, by=by)  # type: ignore[no-any-return]

    def score(self, case: CaseRow) -> JobRow:
        """Queue the scoring of a case."""
        return self._modules.queue.submit_score(  # type: ignore[no-any-return]
            self._services, case.case_key, by=self._may("score a case")
        )

    def report(self, case: CaseRow, kind: str) -> JobRow:
        """Queue the report of a case."""
        by = self._may("make a report")
        return self._modules.submit.submit_report(  # type: ignore[no-any-return]
            self._services, case.case_key, kind=kind, by=by
        )

    def tune(self, name: str, study: Path, *, trials: int, model: str, device: str) -> JobRow:
        """Queue the search for a recipe; raises ``InputError``."""
        by = self._may("search for a recipe")
        return self._modules.submit.submit_tune(  # type: ignore[no-any-return]
            self._services, name, str(study), trials=trials, config={"model": model}, device=device, by=by
        )

    def evaluate(self, bundles: Sequence[str], study: Path, *, bootstrap: int) -> JobRow:
        """Queue the test of bundles on a study."""
        by = self._may("test models")
        return self._modules.submit.submit_evaluate(  # type: ignore[no-any-return]
            self._services, list(bundles), str(study), bootstrap=bootstrap, by=by
        )

    def _sees(self, job: JobRow) -> bool:
        if job.case_key is None:
            return True
        row = self._services.cases.get(job.case_key)
        return self.person.sees(None if row is None else row.site)

    def _may(self, to: str) -> str:
        return require(self.person, Role.REVIEWER, to).name

    def _act(self, to: str, job_id: str) -> None:
        """Refuse what the role or the site of the person does not cover."""
        self._may(to)
        job = self._services.jobs.get(job_id)
        if job is not None and not self._sees(job):
            raise InputError("job", "no such job", expected="one of a case in sight", remedy="see the list of jobs")


class Modules:
    """The modules of ``icicore.jobs`` that the desk calls."""

    def __init__(self, submit: Any, control: Any, queue: Any) -> None:  # noqa: ANN401 - modules
        self.submit, self.control, self.queue = submit, control, queue


def jobs_desk(modules: Modules) -> JobsDesk:
    """Return the desk in the name of the person at this screen; what it rests on is built once per process."""
    return JobsDesk(_services(), require(current_person(), Role.READER, "see jobs"), modules)


@st.cache_resource(show_spinner=False)
def _services() -> Services:
    return build_services(read_settings())


def forget_jobs_desk() -> None:
    """Build the desk anew, for tests that change the home."""
    _services.clear()
