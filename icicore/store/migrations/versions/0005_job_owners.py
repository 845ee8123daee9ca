"""Jobs know their owner, the device they wait for, the process that runs them, and what they came to."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("jobs") as table:
        table.add_column(sa.Column("owner", sa.String(128), nullable=False, server_default=""))
        table.add_column(sa.Column("device", sa.String(16), nullable=False, server_default=""))
        table.add_column(sa.Column("runner", sa.String(128), nullable=False, server_default=""))
        table.add_column(sa.Column("result", sa.JSON))
        table.create_index("ix_jobs_device", ["device"])


def downgrade() -> None:
    with op.batch_alter_table("jobs") as table:
        table.drop_index("ix_jobs_device")
        for column in ("result", "runner", "device", "owner"):
            table.drop_column(column)
