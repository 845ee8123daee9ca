"""What a row of background work says, as a frozen value."""

from dataclasses import dataclass
from datetime import datetime

from icicore.store.tables import JobTable
from icicore.types import Json

QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED = "queued", "running", "succeeded", "failed", "cancelled"
ACTIVE = (QUEUED, RUNNING)


@dataclass(frozen=True)
class JobRow:
    """State of one job; ``done`` of ``total`` steps, ``message`` says what is being done.

    ``owner`` is who asked for it; ``device`` the lane that a long job waits in (``cpu``, ``cuda:0``), empty for short
    ones; ``runner`` the process that holds it; ``result`` what it came to; ``attempts`` how often it was begun.
    """

    job_id: str
    kind: str
    case_key: str | None
    parameters: Json
    state: str
    done: int
    total: int
    message: str
    error: str | None
    attempts: int
    cancel: bool
    created: datetime
    started: datetime | None
    finished: datetime | None
    owner: str = ""
    device: str = ""
    runner: str = ""
    heartbeat: datetime | None = None
    result: Json | None = None

    @property
    def active(self) -> bool:
        """True while queued or running."""
        return self.state in ACTIVE


def to_row(table: JobTable) -> JobRow:
    """The row as a value that outlives its session."""
    return JobRow(
        job_id=table.job_id,
        kind=table.kind,
        case_key=table.case_key,
        parameters=dict(table.parameters or {}),
        state=table.state,
        done=table.done,
        total=table.total,
        message=table.message,
        error=table.error,
        attempts=table.attempts,
        cancel=table.cancel,
        created=table.created,
        started=table.started,
        finished=table.finished,
        owner=table.owner,
        device=table.device,
        runner=table.runner,
        heartbeat=table.heartbeat,
        result=None if table.result is None else dict(table.result),
    )
