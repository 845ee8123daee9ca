"""The job that sets a candidate beside the promoted bundle."""

from pathlib import Path

from icicore.jobs.kinds import COMPARE
from icicore.jobs.queue import owner_of
from icicore.store.jobs import JobRow
from icicore.types import Progress
from icicore.workflows.services import Services
from icicore.workflows.studies import check_study_folder


def submit_comparison(services: Services, name: str, *, study: Path | None = None, by: str = "") -> JobRow:
    """Queue a comparison; returns the job that is already active for this candidate, if there is one.

    Parameters
    ----------
    study : folder of the study that the candidate was trained on, where that is not known

    Raises
    ------
    InputError
        there is no such study, or it lies outside the folders of studies
    """
    folder = None if study is None else str(check_study_folder(services.settings, study))
    for job in services.jobs.recent(active_only=True):
        if job.kind == COMPARE and job.parameters.get("bundle") == name:
            return job
    return services.jobs.create(COMPARE, parameters={"bundle": name, "study": folder}, owner=owner_of(services, by))


def run_comparison(services: Services, job: JobRow, progress: Progress) -> None:
    """Do what such a job says."""
    from icicore.workflows.registry_compare import compare_candidate

    study = job.parameters.get("study")
    folder = None if study is None else check_study_folder(services.settings, Path(study))
    compare_candidate(services, str(job.parameters["bundle"]), study=folder, progress=progress)
