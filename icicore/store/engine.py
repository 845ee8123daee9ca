"""Open the database and bring its schema up to date."""

import contextlib
import fcntl
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from icicore.store.faults import storage_error

MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """Engine and sessions of one database URL.

    SQLite runs in write-ahead mode, so that the app, the worker and the command line can share it.
    """

    def __init__(self, url: str, *, lock_dir: Path) -> None:
        """Open ``url`` and migrate it; ``lock_dir`` holds the lock that keeps two processes from migrating at once."""
        lock_dir.mkdir(parents=True, exist_ok=True)
        self.engine: Engine = create_engine(url, pool_pre_ping=True)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _tune_sqlite)
        with self._told():
            if not _is_current(self.engine):
                with _exclusive(lock_dir / "migrate.lock"):
                    _upgrade(self.engine)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back on an error.

        Raises
        ------
        StorageError
            The database cannot be read or written; nothing of the transaction stays.
        """
        with self._told(), self._sessions.begin() as session:
            yield session

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Say in one line what keeps the database from working; a broken rule of a table is the caller's matter."""
        try:
            yield
        except IntegrityError:
            raise
        except (OperationalError, DatabaseError) as fault:
            raise storage_error(self.engine, fault) from fault

    def close(self) -> None:
        """Return all connections."""
        self.engine.dispose()


def _tune_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # FULL: what was signed must still be there after a power cut.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=15000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


@contextlib.contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _is_current(engine: Engine) -> bool:
    """Whether the newest migration is applied; spares most starts the import of Alembic."""
    newest = max(path.stem for path in (MIGRATIONS / "versions").glob("[0-9]*.py")).split("_")[0]
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        return connection.execute(text("select version_num from alembic_version")).scalar() == newest


def _upgrade(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
