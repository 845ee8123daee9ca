"""Registry of bundles, history of promotions, and drift of scored cases."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SQLITE = (
    "create trigger promotions_no_update before update on promotions begin "
    "select raise(abort, 'the history of promotions cannot be changed'); end",
    "create trigger promotions_no_delete before delete on promotions begin "
    "select raise(abort, 'the history of promotions cannot be shortened'); end",
    "create trigger promotions_in_order before insert on promotions "
    "when new.seq is not (select coalesce(max(seq), 0) + 1 from promotions) begin "
    "select raise(abort, 'the history of promotions takes rows only at its end'); end",
)
# The function icicore_keep() came with the audit log.
_POSTGRESQL = (
    "create trigger promotions_keep before update or delete on promotions for each row execute function icicore_keep()",
    "create trigger promotions_keep_all before truncate on promotions "
    "for each statement execute function icicore_keep()",
)


def upgrade() -> None:
    op.create_table(
        "bundles",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(128), nullable=False, index=True),
        sa.Column("state", sa.String(16), nullable=False, index=True),
        sa.Column("parent", sa.String(64)),
        sa.Column("study", sa.String(256), nullable=False),
        sa.Column("study_folder", sa.Text),
        sa.Column("data_digest", sa.String(64), nullable=False),
        sa.Column("config", sa.JSON, nullable=False),
        sa.Column("job_id", sa.String(32)),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    only_promoted = sa.text("state = 'promoted'")
    op.create_index(
        "one_promoted", "bundles", ["state"], unique=True, sqlite_where=only_promoted, postgresql_where=only_promoted
    )
    op.create_table(
        "promotions",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("previous_name", sa.String(128), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("comparison", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("row_digest", sa.String(64), nullable=False),
    )
    op.create_table(
        "case_drift",
        sa.Column("case_key", sa.String(16), primary_key=True),
        sa.Column("bundle_digest", sa.String(64), primary_key=True),
        sa.Column("site", sa.String(64), nullable=False, index=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("measures", sa.JSON, nullable=False),
    )
    for statement in _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)


def downgrade() -> None:
    for table in ("case_drift", "promotions", "bundles"):
        op.drop_table(table)
