"""Which Grad-CAM of a tile to show now: the closed form at once, that of pytorch-grad-cam when the worker has it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from icicore.errors import InputError
from icicore.store.jobs import FAILED, JobRow
from icicore.ui import session
from icicore.ui.backend import Backend
from icicore.workflows.cases import CaseResult
from icicore.workflows.tile_cams import StoredCam, find_tile_cam, result_version

LONGEST_WAIT = timedelta(seconds=60)
"""A worker that is off or busy for longer is not waited for; the map shows whenever the tile is shown again."""
FOLLOWS = "The map by pytorch-grad-cam follows."
NOT_YET = "pytorch-grad-cam has not answered yet: the worker is busy or off."


@dataclass(frozen=True)
class TileMap:
    """``stored`` is None while there is only the closed form; ``note`` says why in one sentence."""

    stored: StoredCam | None
    waiting: bool = False
    note: str = ""


def tile_map(backend: Backend, case_key: str, result: CaseResult, *, slide: str, tile: int) -> TileMap:
    """Find the map of a tile; asks the worker for it once when it is not there. Never waits."""
    job, problem = None, ""
    stored = find_tile_cam(result, slide, tile)
    if stored is None:
        try:
            job = _asked(backend, case_key, result, slide=slide, tile=tile)
        except InputError as error:
            problem = str(error)
        if job is not None and not job.active:  # it may have ended after the first look
            stored = find_tile_cam(result, slide, tile)
    if stored is not None:
        return TileMap(stored)
    if problem or job is None:
        return TileMap(None, note=_failed(problem))
    return _without(job)


def _asked(backend: Backend, case_key: str, result: CaseResult, *, slide: str, tile: int) -> JobRow | None:
    """The job of this tile: the one this session has asked for, else a new one."""
    this = [case_key, result.bundle_digest, result_version(result), slide, tile]
    asked = session.get(session.TILE_CAM)
    if asked is not None and asked["tile"] == this:
        return backend.job(asked["job"])
    job = backend.submit_tile_cam(case_key, slide=slide, tile=tile)
    session.put(session.TILE_CAM, {"tile": this, "job": job.job_id})
    return job


def _without(job: JobRow) -> TileMap:
    if not job.active:
        return TileMap(None, note=_failed(job.error if job.state == FAILED else None))
    if datetime.now(UTC) - job.created > LONGEST_WAIT:
        return TileMap(None, note=NOT_YET)
    return TileMap(None, waiting=True, note=FOLLOWS)


def _failed(reason: str | None) -> str:
    return f"pytorch-grad-cam did not run{f': {reason}' if reason else ''}"
