"""A database of the newest schema for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from icicore.store.engine import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'test.db'}", lock_dir=tmp_path)
    yield opened
    opened.close()
