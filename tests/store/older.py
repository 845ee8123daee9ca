"""A database as an earlier version left it."""

from sqlalchemy import create_engine, text

from icicore.store.engine import MIGRATIONS

CASE = (
    "insert into cases (case_key, case_id, tumour_type, folder, state, probability, reasons, bundle, bundle_digest,"
    " n_slides, modalities, virtual, updated) values ('k1', 'P-1', 'nsclc', '/c/P-1', 'scored', 0.4, '[]', 'b', 'd', 1,"
    " '[]', 0, '2026-01-02')"
)


def write_older(url: str, revision: str) -> None:
    """Create a database at this revision with one scored case, ``k1``."""
    from alembic import command
    from alembic.config import Config

    engine = create_engine(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.execute(text(CASE))
    engine.dispose()
