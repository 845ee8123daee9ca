"""Which site a case belongs to; it decides who sees the case."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if "site" in _columns():
        return
    op.add_column("cases", sa.Column("site", sa.String(64)))
    op.create_index("ix_cases_site", "cases", ["site"])


def downgrade() -> None:
    if "site" in _columns():
        op.drop_index("ix_cases_site", "cases")
        op.drop_column("cases", "site")


def _columns() -> set[str]:
    return {column["name"] for column in sa.inspect(op.get_bind()).get_columns("cases")}
