"""What a short job does: each kind calls one workflow."""

import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

from huey import Huey

from icicore.access import Person
from icicore.errors import IcicoreError
from icicore.jobs import runner
from icicore.jobs.batches import import_batch, score_batch, score_with
from icicore.jobs.heartbeat import BEATS
from icicore.jobs.kinds import DEMO, EMBED, IMPORT, REPORT, SCORE, SCORE_BATCH, SCORE_WITH, TILE_CAM
from icicore.jobs.runner import Handler
from icicore.store.jobs import JobRow
from icicore.types import Json, Progress
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
    if not services.jobs.start(job_id, BEATS.runner):
        return
    job = services.jobs.get(job_id)
    if job is None:
        return
    with BEATS.of(job_id), runner.own_log(services.settings.home, job):
        runner.carry_out(services, job, _HANDLERS, runner=BEATS.runner)


def _score(services: Services, job: JobRow, progress: Progress) -> None:
    from icicore.workflows.inference import score_case

    services.cases.set_state(str(job.case_key), "running")
    score_case(services, str(job.case_key), by=Person(job.owner) if job.owner else None, progress=progress)


def _demo(services: Services, job: JobRow, progress: Progress) -> None:
    from icicore.workflows.demo import build_demo

    build_demo(services, n_cases=int(job.parameters.get("n_cases", 6)), progress=progress)


def _tile_cam(services: Services, job: JobRow, progress: Progress) -> None:
    from icicore.workflows.cases import load_case
    from icicore.workflows.tile_cams import tile_cam

    folder = load_case(services, str(job.case_key)).folder
    asked = job.parameters
    tile_cam(services, folder, slide=asked["slide"], tile=int(asked["tile"]), bundle=asked["bundle"], progress=progress)


def _embed(services: Services, job: JobRow, progress: Progress) -> Json:
    from icicore.workflows.casefolder import check_allowed
    from icicore.workflows.inference import DEFAULT_BACKBONE, embed_one

    slide = check_allowed(Path(job.parameters["slide"]), services.settings.roots)
    backbone = job.parameters.get("backbone") or DEFAULT_BACKBONE
    return embed_one(services, slide, backbone=backbone, mpp=job.parameters.get("mpp"), progress=progress)


def _report(services: Services, job: JobRow, progress: Progress) -> Json:
    from icicore.fingerprint import write_bytes
    from icicore.workflows.case_report import export_report
    from icicore.workflows.job_files import job_folder

    kind = str(job.parameters.get("format", "pdf"))
    progress(0, 1, "drawing")
    content = export_report(services, str(job.case_key), kind, by=Person(job.owner) if job.owner else None)
    path = job_folder(services.settings.home, job.job_id) / f"report.{kind}"
    write_bytes(path, content)
    return {"file": path.name, "bytes": len(content)}


_HANDLERS: dict[str, Handler] = {
    SCORE: _score,
    DEMO: _demo,
    TILE_CAM: _tile_cam,
    EMBED: _embed,
    REPORT: _report,
    SCORE_BATCH: score_batch,
    IMPORT: import_batch,
    SCORE_WITH: score_with,
}
"""Short kinds by name; one more is one entry here, or in a module that adds its own."""
