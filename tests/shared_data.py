"""Where real slides, tiles and cohorts lie, when the developer has them; tests that need them skip otherwise."""

import os
from pathlib import Path

import pytest

_CANDIDATE = Path(os.environ.get("ICICORE_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
SHARED: Path | None = _CANDIDATE if _CANDIDATE.is_dir() else None


def shared(relative: str) -> Path:
    """Path of a real test file, or skip the test and say so."""
    if SHARED is None or not (SHARED / relative).exists():
        pytest.skip(f"real test data not found: {relative} (set ICICORE_TEST_DATA)")
    return SHARED / relative
