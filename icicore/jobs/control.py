"""Stop, continue and forget a job of any kind: what the list of jobs offers."""

from icicore.errors import InputError
from icicore.jobs.kinds import LONG, SCORE, SCORE_BATCH, SHORT, TILE_CAM, TRAIN
from icicore.jobs.queue import cancel, enqueue
from icicore.store.jobs import CANCELLED, FAILED, JobRow
from icicore.workflows.job_files import remove_files
from icicore.workflows.services import Services
from icicore.workflows.training_runs import delete_run

_ASKED_ANEW = (SCORE_BATCH, TILE_CAM)
"""Kinds that cannot be continued: their cases, or the view they were for, were given back when they were stopped."""


def may_continue(job: JobRow) -> bool:
    """Whether a job that has ended can go on from what it has finished."""
    return job.state in (CANCELLED, FAILED) and job.kind in (*SHORT, *LONG) and job.kind not in _ASKED_ANEW


def stop_job(services: Services, job_id: str) -> None:
    """Ask a job to stop; what it has finished is kept."""
    cancel(services, job_id)


def continue_job(services: Services, job_id: str) -> None:
    """Let a job that was stopped or failed wait for its turn again.

    Raises
    ------
    InputError
        it is gone, under way, or of a kind that has to be asked for anew
    """
    job = services.jobs.get(job_id)
    if job is None or not may_continue(job) or not services.jobs.resume(job_id):
        raise InputError("job", "cannot be continued", expected="one that was stopped or failed", remedy="ask anew")
    if job.kind == SCORE and job.case_key is not None:
        services.cases.set_state(job.case_key, "queued", job_id=job_id)
    if job.kind in SHORT:
        enqueue(services, job_id)


def delete_job(services: Services, job_id: str) -> None:
    """Forget a job that has ended, with its log and its files; results of cases, bundles and recipes stay.

    Raises
    ------
    InputError
        it is under way
    """
    job = services.jobs.get(job_id)
    if job is None:
        return
    if job.kind == TRAIN:
        gone = delete_run(services, job_id)
    else:
        gone = services.jobs.delete(job_id)
        if gone:
            remove_files(services.settings.home, job_id)
    if not gone:
        raise InputError("job", "is under way", expected="one that has ended", remedy="stop it first")
