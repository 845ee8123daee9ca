"""Kinds of jobs, where they run, and which go first.

Short ones share one thread of the worker, by priority, then in the order of asking. Long ones run in a process of
their own, one at a time per device, so that neither a crash nor a lack of memory takes the worker along and scoring
goes on beside them.
"""

from icicore.store.jobs import JobRow

SCORE, DEMO, TILE_CAM, EMBED, REPORT = "score", "demo", "tile_cam", "embed", "report"
SCORE_BATCH, IMPORT, SCORE_WITH = "score_batch", "import_cases", "score_with"
TRAIN, TUNE, EVALUATE, PREFLIGHT, COMPARE = "train", "tune", "evaluate", "preflight", "compare"
SHORT = (SCORE, DEMO, TILE_CAM, EMBED, REPORT, SCORE_BATCH, IMPORT, SCORE_WITH)
LONG = (TRAIN, TUNE, EVALUATE, PREFLIGHT, COMPARE)
CHECKS = "checks"
"""The lane of preflights and comparisons: they read a study and wait for no device."""
PRIORITY = {TILE_CAM: 20, SCORE: 10, SCORE_WITH: 10, REPORT: 10, SCORE_BATCH: -10}
"""Of short kinds, 0 where none is given: first what somebody waits for at the screen, last what takes hours."""


def lane_of(job: JobRow) -> str:
    """What a long job waits for: its device; checks of a study wait for each other only."""
    return CHECKS if job.kind in (PREFLIGHT, COMPARE) else job.device or "cpu"


def ahead_of(kind: str) -> tuple[str, ...]:
    """Short kinds that go before this one."""
    return tuple(other for other in SHORT if PRIORITY.get(other, 0) > PRIORITY.get(kind, 0))
