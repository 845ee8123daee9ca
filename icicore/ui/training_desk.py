"""The door between the training page and the use cases; tests put a fake behind it."""

import copy
from collections.abc import Callable, Sequence
from typing import Protocol

import streamlit as st

from icicore.access import Person, Role, require
from icicore.devices import Device, list_devices
from icicore.errors import InputError
from icicore.settings import Settings, read_settings
from icicore.store.jobs import JobRow
from icicore.training.journal import RunLog
from icicore.types import Json
from icicore.ui.login import current_person
from icicore.workflows import training_runs
from icicore.workflows.candidates import TrainingRequest, check_name, promoted_ref
from icicore.workflows.services import Services, build_services
from icicore.workflows.studies import StudyPlace, list_studies
from icicore.workflows.training_rates import read_rates


class Submit(Protocol):
    """What ``icicore.jobs.submit`` offers; the page hands it in, because the front end does not import the jobs."""

    def submit_check(self, services: Services, request: TrainingRequest, *, by: str = "") -> JobRow:
        """Queue the preflight."""

    def find_check(self, services: Services, request: TrainingRequest) -> JobRow | None:
        """The newest preflight that fits."""

    def submit_train(self, services: Services, request: TrainingRequest, *, device: str, by: str = "") -> JobRow:
        """Queue the training."""


class TrainingDesk:
    """What the training page asks for. Every method is quick: long work runs as a job."""

    def __init__(self, submit: Submit) -> None:
        self._services, self._submit = build_services(read_settings()), submit
        self._person = Person("nobody", Role.NONE, ())

    def for_person(self, person: Person) -> "TrainingDesk":
        """The same desk in the name of this person."""
        named = copy.copy(self)
        named._person = person
        return named

    def studies(self) -> list[StudyPlace]:
        """Studies that may be trained on."""
        settings = self._services.settings
        return _studies(str(settings.home), tuple(map(str, settings.roots)), settings)

    def promoted(self) -> str | None:
        """Name of the promoted bundle."""
        ref = promoted_ref(self._services)
        return None if ref is None else ref.name

    def devices(self) -> Sequence[Device]:
        """GPUs and the CPU, as they are now."""
        return list_devices()

    def rates(self) -> dict[str, Json]:
        """Speeds measured here; see ``workflows.training_rates``."""
        return read_rates(self._services.settings.home)

    def free_disk_mib(self) -> int:
        """Free space where bundles are written, MiB."""
        import shutil

        return shutil.disk_usage(self._services.settings.home).free // 1024**2

    def name_refused(self, name: str) -> str:
        """Why a bundle cannot have this name; empty when it can."""
        try:
            check_name(self._services.settings, name)
        except InputError as error:
            return str(error)
        return ""

    def check(self, request: TrainingRequest) -> JobRow:
        """Queue the preflight; raises ``InputError``."""
        return self._submit.submit_check(self._services, request, by=self._may("check a study"))

    def checked(self, request: TrainingRequest) -> JobRow | None:
        """The newest preflight that fits the request."""
        return self._submit.find_check(self._services, request)

    def start(self, request: TrainingRequest, *, device: str) -> JobRow:
        """Queue the training; raises ``InputError``."""
        return self._submit.submit_train(self._services, request, device=device, by=self._may("train a model"))

    def runs(self) -> list[JobRow]:
        """Trainings, newest first."""
        return training_runs.list_runs(self._services)

    def run(self, job_id: str) -> JobRow | None:
        """One training or preflight."""
        return self._services.jobs.get(job_id)

    def journal(self, job: JobRow) -> RunLog:
        """What a training has been through."""
        return training_runs.run_log(self._services, job)

    def log_tail(self, job: JobRow) -> list[str]:
        """Last lines of its log."""
        return training_runs.log_tail(self._services, job.job_id)

    def cancel(self, job_id: str) -> None:
        """Ask it to stop; the last finished epoch is kept."""
        self._may("cancel a training")
        self._services.jobs.request_cancel(job_id)

    def resume(self, job_id: str) -> None:
        """Let it go on."""
        self._may("continue a training")
        training_runs.continue_run(self._services, job_id)

    def delete(self, job_id: str) -> None:
        """Forget it."""
        self._may("delete a training")
        training_runs.delete_run(self._services, job_id)

    def _may(self, to: str) -> str:
        """Name of the person, if a reviewer or above; raises ``NotPermitted``."""
        return require(self._person, Role.REVIEWER, to).name


@st.cache_data(ttl=5, show_spinner=False)  # a walk through folders; every run of the page asks several times
def _studies(home: str, roots: tuple[str, ...], _settings: Settings) -> list[StudyPlace]:
    return list_studies(_settings)


_fakes: list[Callable[[], TrainingDesk]] = []


def use_training_desk(factory: Callable[[], TrainingDesk] | None) -> None:
    """Put another desk behind the page, for tests; None restores the real one."""
    _fakes[:] = [] if factory is None else [factory]
    _build.clear()


def training_desk(submit: Submit) -> TrainingDesk:
    """Return the desk in the name of the person at this screen; what it rests on is built once per process."""
    return _build(submit).for_person(require(current_person(), Role.READER, "see trainings"))


@st.cache_resource(show_spinner=False)
def _build(_submit: Submit) -> TrainingDesk:
    return _fakes[0]() if _fakes else TrainingDesk(_submit)
