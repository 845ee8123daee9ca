"""Kinds of jobs and where they run.

Short ones share one thread of the worker, in the order in which they were asked for. Long ones run in a process of
their own, one at a time per device, so that neither a crash nor a lack of memory takes the worker along and scoring
goes on beside them.
"""

SCORE, DEMO, TILE_CAM, EMBED, REPORT = "score", "demo", "tile_cam", "embed", "report"
SCORE_BATCH, IMPORT, SCORE_WITH = "score_batch", "import_cases", "score_with"
TRAIN, TUNE, EVALUATE, PREFLIGHT, COMPARE = "train", "tune", "evaluate", "preflight", "compare"
SHORT = (SCORE, DEMO, TILE_CAM, EMBED, REPORT, SCORE_BATCH, IMPORT, SCORE_WITH)
LONG = (TRAIN, TUNE, EVALUATE, PREFLIGHT, COMPARE)
CHECKS = "checks"
"""The lane of preflights and comparisons: they read a study and wait for no device."""
AHEAD = 10
"""Priority of work that somebody waits for in front of the screen."""
