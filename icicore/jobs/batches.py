"""Jobs over many cases: score a batch, import a folder or a study; and scoring one case under a second bundle."""

import logging
from pathlib import Path

from icicore.access import Person, Role
from icicore.errors import Cancelled, IcicoreError
from icicore.jobs.kinds import IMPORT, SCORE_BATCH, SCORE_WITH, ahead_of
from icicore.jobs.queue import enqueue, owner_of
from icicore.jobs.runner import Yielded
from icicore.store.case_query import CaseFilter
from icicore.store.case_work import CaseWork
from icicore.store.cases import CaseRow
from icicore.store.jobs import JobRow
from icicore.types import Json, Progress
from icicore.workflows.services import Services

log = logging.getLogger(__name__)
_FIRST = ahead_of(SCORE_BATCH)
"""Kinds that go before the next case of a batch."""


def submit_batch(services: Services, wanted: CaseFilter, *, by: str = "") -> JobRow | None:
    """Queue the scoring of all cases that match and do not wait already; None when there are none."""
    work = CaseWork(services.database)
    work.release_orphans()  # what a crash left behind would otherwise wait for ever
    if not work.free(wanted):
        return None
    job = services.jobs.create(SCORE_BATCH, owner=owner_of(services, by))
    services.jobs.expect(job.job_id, work.claim(job.job_id, wanted))
    enqueue(services, job.job_id)
    return services.jobs.get(job.job_id)


def submit_import(services: Services, path: Path, *, by: Person) -> JobRow:
    """Queue the import of a folder of cases or a study; returns the job that is doing so already, if there is one."""
    sites = None if by.sites is None else list(by.sites)
    return _once(services, IMPORT, {"path": str(path.expanduser().absolute()), "sites": sites}, by=by.name)


def submit_score_with(services: Services, case_key: str, bundle: str, *, by: str = "") -> JobRow:
    """Queue the scoring of a case under a named bundle.

    Raises
    ------
    BundleError
        there is no such bundle
    """
    services.bundle_ref(bundle)
    return _once(services, SCORE_WITH, {"bundle": bundle}, case_key=case_key, by=by)


def _once(services: Services, kind: str, asked: Json, *, case_key: str | None = None, by: str) -> JobRow:
    for job in services.jobs.recent(active_only=True):
        if (job.kind, job.case_key, job.parameters) == (kind, case_key, asked) and not job.cancel:
            return job
    job = services.jobs.create(kind, case_key=case_key, parameters=asked, owner=owner_of(services, by))
    enqueue(services, job.job_id)
    return job


def score_batch(services: Services, job: JobRow, progress: Progress) -> None:
    """Score the cases of a batch one after the other; one that cannot be scored does not stop the others.

    Where something waits that goes first, the batch gives way after a case and takes its place in the queue anew; the
    rows of its cases say what is left.
    """
    work = CaseWork(services.database)
    try:
        while (found := work.next_of(job.job_id)) is not None:
            row, left = found
            total = max(job.total, left)
            progress(total - left, total, row.case_id)
            _score_one(services, row, _within(progress, row, place=total - left, total=total), job.owner)
            if left > 1 and services.jobs.waiting(_FIRST):
                raise Yielded
        progress(job.total, job.total, "all cases scored")
    except Yielded:
        raise
    except Exception:  # cancelled, or a fault of ours; a killed worker leaves the rest to its successor
        work.release(job.job_id)
        raise


def _within(progress: Progress, row: CaseRow, *, place: int, total: int) -> Progress:
    """Progress inside a case, told as that of the batch."""

    def step(done: int, of: int, what: str) -> None:
        progress(place, total, f"{row.case_id}: {what}" + (f", {done:,} of {of:,}" if of > 1 else ""))

    return step


def _score_one(services: Services, row: CaseRow, progress: Progress, by: str) -> None:
    from icicore.workflows.inference import score_case

    services.cases.set_state(row.case_key, "running")
    try:
        score_case(services, row.case_key, by=Person(by) if by else None, progress=progress)
    except Cancelled:
        raise
    except (IcicoreError, OSError) as error:
        line = str(error) if isinstance(error, IcicoreError) else f"{error.strerror or error}"
        _not_scored(services, row, "not_scored", line)
    except Exception:
        log.exception("case %s could not be scored", row.case_key)
        _not_scored(services, row, "failed", "an unexpected fault stopped the scoring; worker.log holds the details")


def _not_scored(services: Services, row: CaseRow, state: str, line: str) -> None:
    reason = {"code": "input_error", "message": line, "modality": None}
    empty = dict.fromkeys(("probability", "interval_low", "interval_high", "job_id"))
    services.cases.set_state(row.case_key, state, reasons=[reason], **empty)


def import_batch(services: Services, job: JobRow, progress: Progress) -> None:
    """Import a folder; what was left out is kept in a report under the job's id."""
    from icicore.workflows.case_import import import_cases
    from icicore.workflows.import_report import write_report

    report = import_cases(services, Path(str(job.parameters["path"])), by=_importer(job), progress=progress)
    write_report(services.settings, job.job_id, report)


def _importer(job: JobRow) -> Person:
    """The person who asked for an import, with the sites that were in sight then."""
    sites = job.parameters.get("sites")
    return Person(job.owner, Role.REVIEWER, None if sites is None else tuple(sites))


def score_with(services: Services, job: JobRow, progress: Progress) -> None:
    """Score a case under a second bundle."""
    from icicore.workflows.second_bundle import score_under

    by = Person(job.owner) if job.owner else None
    score_under(services, str(job.case_key), str(job.parameters["bundle"]), by=by, progress=progress)
