"""The job that sets a candidate beside the promoted bundle."""

from icicore.errors import InputError
from icicore.jobs.kinds import COMPARE
from icicore.jobs.queue import owner_of
from icicore.store.jobs import JobRow
from icicore.types import Progress
from icicore.workflows.services import Services


def submit_comparison(services: Services, name: str, *, study: str | None = None, by: str = "") -> JobRow:
    """Queue a comparison; returns the job that is already active for this candidate, if there is one.

    Parameters
    ----------
    study : name of an imported study, where the one that the candidate was trained on is not known

    Raises
    ------
    InputError
        there is no such study
    """
    if study is not None and not (services.settings.studies_dir / study / "data_clinical_patient.txt").is_file():
        raise InputError(study[:60], "no such study", expected="an imported study", remedy="run icicore import")
    for job in services.jobs.recent(active_only=True):
        if job.kind == COMPARE and job.parameters.get("bundle") == name:
            return job
    return services.jobs.create(COMPARE, parameters={"bundle": name, "study": study}, owner=owner_of(services, by))


def run_comparison(services: Services, job: JobRow, progress: Progress) -> None:
    """Do what such a job says."""
    from icicore.workflows.registry_compare import compare_candidate

    study = job.parameters.get("study")
    folder = None if study is None else services.settings.studies_dir / str(study)
    compare_candidate(services, str(job.parameters["bundle"]), study=folder, progress=progress)
