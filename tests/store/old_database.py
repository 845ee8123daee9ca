"""A database as an earlier version of the program left it."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from icicore.store.engine import MIGRATIONS


def write_old_database(path: Path, revision: str) -> None:
    """An empty SQLite database with the schema of a revision."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
