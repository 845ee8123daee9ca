"""Which site a case belongs to; it decides who sees the case."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cases", sa.Column("site", sa.String(64)))
    op.create_index("ix_cases_site", "cases", ["site"])


def downgrade() -> None:
    op.drop_index("ix_cases_site", "cases")
    op.drop_column("cases", "site")
