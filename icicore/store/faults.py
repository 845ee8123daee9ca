"""Faults of the database in one line: disk full, read only, locked, damaged."""

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from icicore.errors import StorageError

_FAULTS = (
    ("disk is full", "there is no space left on its disk", "free some space and try again; nothing was changed"),
    ("readonly", "it is read only", "make its folder and file writable for this user"),
    ("unable to open", "it cannot be opened", "check that its folder exists and is writable"),
    ("locked", "another program keeps it locked", "end that program, or try again"),
    ("disk i/o error", "its disk refuses to write", "check free space and the state of the disk"),
    ("malformed", "it is damaged", "put back the last copy of it"),
    ("not a database", "it is not a database", "put back the last copy of it"),
)


def storage_error(engine: Engine, fault: DBAPIError) -> StorageError:
    """The one-line error for a fault that the database itself reported.

    Parameters
    ----------
    engine : names the database in the message, never its password
    fault : as SQLAlchemy raised it
    """
    said = " ".join(str(fault.orig).lower().split())
    name = engine.url.database or engine.url.render_as_string(hide_password=True)
    name = name.rpartition("/")[2] if engine.dialect.name == "sqlite" else name
    for words, problem, remedy in _FAULTS:
        if words in said:
            return StorageError(f"database {name}", problem, remedy=remedy)
    return StorageError(f"database {name}", f"it cannot be used ({said[:120]})", remedy="see the database's own log")
