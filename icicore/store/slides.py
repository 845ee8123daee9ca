"""Digests of slides, remembered by path, size and time of change, and the way back from id to path."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from icicore.store.engine import Database
from icicore.store.tables import SlideTable


class SlideStore:
    """Maps slide paths to content digests and slide ids (first 16 hex digits) to paths."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def digest(self, path: Path, compute: Callable[[Path], str], *, mpp: float | None = None) -> str:
        """Digest of the slide's content; ``compute`` runs only when size or time of change differ from last time."""
        size, modified = _stamp(path)
        with self._database.session() as session:
            row = session.get(SlideTable, str(path))
            if row is not None and (row.size, row.modified_ns) == (size, modified):
                row.mpp = mpp
                return row.digest
        digest = compute(path)
        with self._database.session() as session:
            session.merge(
                SlideTable(
                    path=str(path), slide_id=digest[:16], digest=digest, size=size, modified_ns=modified, mpp=mpp
                )
            )
        return digest

    def find(self, slide_id: str) -> tuple[Path, float | None] | None:
        """Path and stated mpp of a slide that still exists unchanged, or None."""
        with self._database.session() as session:
            rows = session.scalars(select(SlideTable).where(SlideTable.slide_id == slide_id)).all()
        for row in rows:
            path = Path(row.path)
            if path.exists() and _stamp(path) == (row.size, row.modified_ns):
                return path, row.mpp
        return None


def _stamp(path: Path) -> tuple[int, int]:
    """Total size in bytes and newest time of change; a DICOM series is a folder."""
    files = [path] if path.is_file() else sorted(p for p in path.iterdir() if p.is_file())
    stats = [f.stat() for f in files]
    return sum(s.st_size for s in stats), max((s.st_mtime_ns for s in stats), default=0)
