"""Databases as an earlier version left them."""

from pathlib import Path

from sqlalchemy import create_engine

from icicore.store.engine import MIGRATIONS


def database_at(path: Path, revision: str, *statements: str) -> str:
    """Build an SQLite file at an older revision, run the statements on it, and return its URL."""
    from alembic import command
    from alembic.config import Config

    url = f"sqlite:///{path}"
    old, config = create_engine(url), Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with old.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        for statement in statements:
            connection.exec_driver_sql(statement)
    old.dispose()
    return url


def case_statement(**changes: str) -> str:
    """Insert a case as the first version knew it; the values are SQL."""
    values = {
        "case_key": "'k1'", "case_id": "'P-001'", "tumour_type": "'nsclc'", "folder": "'/cases/P-001'",
        "state": "'new'", "reasons": "'[]'", "n_slides": "1", "modalities": "'[]'", "virtual": "0",
        "updated": "'2026-01-02'",
    } | changes  # fmt: skip
    return f"insert into cases ({', '.join(values)}) values ({', '.join(values.values())})"
