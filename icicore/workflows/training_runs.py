"""Trainings as the page lists and shows them: row, journal, log; cancel, continue, delete."""

import shutil
from pathlib import Path

from icicore.store.jobs import SUCCEEDED, JobRow
from icicore.training.journal import JOURNAL, RunLog
from icicore.training.journal_follow import follower
from icicore.workflows.candidates import work_dir
from icicore.workflows.job_files import EVENTS, job_folder, log_path, remove_files, tail
from icicore.workflows.services import Services

TRAIN = "train"


def list_runs(services: Services, *, limit: int = 50) -> list[JobRow]:
    """Trainings, newest first."""
    return services.jobs.recent(kinds=[TRAIN], limit=limit)


def run_journal(services: Services, job: JobRow) -> Path | None:
    """The journal of a training: in its work folder while it is unfinished, then in the folder of the job."""
    kept = job_folder(services.settings.home, job.job_id) / EVENTS
    if kept.is_file():
        return kept
    places = list(work_dir(services.settings, str(job.parameters.get("name"))).glob(f"*/{JOURNAL}"))
    return max(places, key=lambda p: p.stat().st_mtime_ns, default=None)


def run_log(services: Services, job: JobRow) -> RunLog:
    """What the training has been through; empty before it began."""
    path = run_journal(services, job)
    return RunLog() if path is None else follower(path).look()


def log_tail(services: Services, job_id: str, *, lines: int = 40) -> list[str]:
    """Last lines of the log."""
    return tail(log_path(services.settings.home, job_id), lines)


def continue_run(services: Services, job_id: str) -> bool:
    """Let a training that was stopped or failed wait for its device again; it goes on from its last epoch."""
    return services.jobs.resume(job_id)


def delete_run(services: Services, job_id: str) -> bool:
    """Forget a training that has ended, with its checkpoints and its log; a bundle that it wrote stays."""
    job = services.jobs.get(job_id)
    if job is None or not services.jobs.delete(job_id):
        return False
    if job.state != SUCCEEDED:
        shutil.rmtree(work_dir(services.settings, str(job.parameters.get("name"))), ignore_errors=True)
    remove_files(services.settings.home, job_id)
    return True
