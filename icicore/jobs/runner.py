"""Carry out one job that this process holds, and close its row truly."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from icicore.errors import Cancelled, IcicoreError, StorageError
from icicore.jobs.kinds import SCORE
from icicore.jobs.outcome import keep_outcome, kept_outcome
from icicore.jobs.queue import enqueue, restore_case, restore_case_of
from icicore.store.jobs import CANCELLED, FAILED, SUCCEEDED, JobRow
from icicore.types import Json, Progress
from icicore.workflows.job_files import log_path
from icicore.workflows.services import Services

log = logging.getLogger(__name__)
Handler: TypeAlias = Callable[[Services, JobRow, Progress], Json | None]
FORMAT = "%(asctime)s %(levelname)s %(message)s"
_GAVE_WAY = "waiting for others that go first"
_NO_MEMORY = "memory ran out; choose a smaller batch, fewer tiles per bag or another device"


class Yielded(Exception):
    """A job gives way to others that go first; it continues when its turn comes again."""


def carry_out(services: Services, job: JobRow, handlers: Mapping[str, Handler], *, runner: str = "") -> None:
    """Run a job to its end, unless it was there before; its row tells how it ended.

    Raises only for faults of this program.
    """
    home = services.settings.home
    known = kept_outcome(home, job)
    if known is not None:  # its process died before it could close the row
        services.jobs.finish(job.job_id, SUCCEEDED, result=known["result"], runner=runner)
        return
    try:
        result = handlers[job.kind](services, job, reporter(services, job.job_id, runner))
        keep_outcome(home, job, result)
    except Cancelled:
        _stopped(services, job, runner)
    except Yielded:
        _gave_way(services, job, runner)
    except StorageError as error:
        no_room(services, job, str(error), runner)
    except IcicoreError as error:
        fail(services, job, str(error), runner)
    except OSError as error:
        fail(services, job, f"{error.strerror or error}: {Path(str(error.filename or '')).name}".rstrip(": "), runner)
    except MemoryError:
        fail(services, job, _NO_MEMORY, runner)
    except Exception as error:
        if type(error).__name__ == "OutOfMemoryError":  # torch's own; this module does not load torch
            fail(services, job, _NO_MEMORY, runner)
            return
        log.exception("job %s failed", job.job_id)
        fail(services, job, "an unexpected fault stopped this job; worker.log or its own log holds the details", runner)
        raise
    else:
        services.jobs.finish(job.job_id, SUCCEEDED, result=result, runner=runner)


def fail(services: Services, job: JobRow, message: str, runner: str) -> None:
    """Close a job as failed; a case that was to be scored says why it is not."""
    if not services.jobs.finish(job.job_id, FAILED, error=message, runner=runner):
        return
    log.info("failed; the row says why")  # the reason may name patients, a log does not
    if job.kind == SCORE and job.case_key:
        reason = {"code": "input_error", "message": message, "modality": None}
        services.cases.set_state(
            job.case_key, "not_scored", reasons=[reason], probability=None, interval_low=None, interval_high=None
        )


def no_room(services: Services, job: JobRow, message: str, runner: str) -> None:
    """Close a job that could not write its result. The case is not to blame: an earlier result of it stays."""
    if not services.jobs.finish(job.job_id, FAILED, error=message, runner=runner):
        return
    log.info("failed; the row says why")
    if job.kind == SCORE and job.case_key:
        restore_case(services, job.case_key, otherwise=FAILED, job_id=job.job_id)
        return
    restore_case_of(services, job)


def _stopped(services: Services, job: JobRow, runner: str) -> None:
    """The work was interrupted: by its owner, or because this process was told to end."""
    row = services.jobs.get(job.job_id)
    if row is None or row.cancel or not runner:
        if services.jobs.finish(job.job_id, CANCELLED, runner=runner):
            restore_case_of(services, job)
        log.info("stopped on request; what was finished is kept")
    elif services.jobs.release(job.job_id, runner):
        log.info("interrupted; it continues when a worker runs again")


def _gave_way(services: Services, job: JobRow, runner: str) -> None:
    """Back into the queue; the row first, or another worker could take the id and find the job still running."""
    if services.jobs.release(job.job_id, runner, message=_GAVE_WAY):
        enqueue(services, job.job_id)
    else:
        _stopped(services, job, runner)


def reporter(services: Services, job_id: str, runner: str) -> Progress:
    """Progress that writes the row, logs each new phase, and stops work that was cancelled or taken away."""
    phase = [""]

    def report(done: int, total: int, what: str) -> None:
        said = what.partition(",")[0]  # what follows a comma counts on
        if said != phase[0]:
            phase[0] = said
            log.info("%s", said)
        try:
            stop = services.jobs.progress(job_id, done, total, what, runner=runner)
        except StorageError:
            log.warning("progress could not be recorded; the work goes on")
            return
        if stop:
            raise Cancelled

    return report


@contextmanager
def own_log(home: Path, job: JobRow) -> Iterator[None]:
    """Copy what this thread logs into the log of the job."""
    path, thread = log_path(home, job.job_id), threading.get_ident()
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter(FORMAT))
    handler.addFilter(lambda record: record.thread == thread)
    package = logging.getLogger("icicore")
    package.addHandler(handler)
    try:
        log.info("%s, try %d", job.kind, job.attempts)
        yield
    finally:
        package.removeHandler(handler)
        handler.close()
