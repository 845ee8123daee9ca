"""What a job does: each kind calls one workflow and keeps its row true."""

import logging
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from huey import Huey

from icicore.errors import Cancelled, IcicoreError
from icicore.jobs.batches import IMPORT, SCORE_BATCH, SCORE_WITH, import_batch, score_batch, score_with
from icicore.jobs.queue import DEMO, SCORE, TILE_CAM, restore_case_of
from icicore.store.jobs import CANCELLED, FAILED, SUCCEEDED, JobRow
from icicore.types import Progress
from icicore.workflows.services import Services, build_services

log = logging.getLogger(__name__)


@lru_cache(maxsize=4)
def run_job_task(queue: Huey) -> Any:
    """Register the one task of this queue; its argument is a job id."""

    @queue.task(name="icicore_job")  # type: ignore[untyped-decorator]
    def icicore_job(job_id: str) -> None:
        run_job(_worker_services(), job_id)

    return icicore_job


@lru_cache(maxsize=1)
def _worker_services() -> Services:
    from icicore.settings import read_settings

    return build_services(read_settings())


def warm_up() -> None:
    """Load the promoted model in the worker. Without one the worker serves all the same."""
    from icicore.workflows.tile_cams import prepare

    try:
        prepare(_worker_services())
    except IcicoreError as error:
        log.warning("no model was loaded at the start: %s", error)
    except Exception:
        log.exception("no model was loaded at the start")


def run_job(services: Services, job_id: str) -> None:
    """Run a queued job to its end; its row tells how it ended. Never raises for a failed job."""
    if not services.jobs.start(job_id):
        return
    job = services.jobs.get(job_id)
    if job is None:
        return
    log.info("job %s (%s) started", job_id, job.kind)
    try:
        _HANDLERS[job.kind](services, job, _reporter(services, job_id))
    except Cancelled:
        services.jobs.finish(job_id, CANCELLED)
        restore_case_of(services, job)
    except IcicoreError as error:
        _fail(services, job, str(error))
    except OSError as error:
        _fail(services, job, f"{error.strerror or error}: {Path(str(error.filename or '')).name}".rstrip(": "))
    except Exception:
        log.exception("job %s failed", job_id)
        _fail(services, job, "an unexpected fault stopped this job; worker.log holds the details")
        raise
    else:
        services.jobs.finish(job_id, SUCCEEDED)
    log.info("job %s ended", job_id)


def _fail(services: Services, job: JobRow, message: str) -> None:
    services.jobs.finish(job.job_id, FAILED, error=message)
    if job.kind == SCORE and job.case_key:
        reason = {"code": "input_error", "message": message, "modality": None}
        services.cases.set_state(
            job.case_key, "not_scored", reasons=[reason], probability=None, interval_low=None, interval_high=None
        )


def _reporter(services: Services, job_id: str) -> Progress:
    def report(done: int, total: int, what: str) -> None:
        if services.jobs.progress(job_id, done, total, what):
            raise Cancelled

    return report


def _score(services: Services, job: JobRow, progress: Progress) -> None:
    from icicore.workflows.inference import score_case

    services.cases.set_state(str(job.case_key), "running")
    score_case(services, str(job.case_key), progress=progress)


def _demo(services: Services, job: JobRow, progress: Progress) -> None:
    from icicore.workflows.demo import build_demo

    build_demo(services, n_cases=int(job.parameters.get("n_cases", 6)), progress=progress)


def _tile_cam(services: Services, job: JobRow, progress: Progress) -> None:
    from icicore.workflows.cases import load_case
    from icicore.workflows.tile_cams import tile_cam

    folder = load_case(services, str(job.case_key)).folder
    asked = job.parameters
    tile_cam(services, folder, slide=asked["slide"], tile=int(asked["tile"]), bundle=asked["bundle"], progress=progress)


_HANDLERS: dict[str, Callable[[Services, JobRow, Progress], None]] = {
    SCORE: _score,
    DEMO: _demo,
    TILE_CAM: _tile_cam,
    SCORE_BATCH: score_batch,
    IMPORT: import_batch,
    SCORE_WITH: score_with,
}
