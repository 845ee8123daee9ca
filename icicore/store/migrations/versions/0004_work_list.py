"""The work list: who a case is assigned to, its flags as rows, saved views, and an index for every column sorted by."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INDEXES = {
    "ix_cases_assignee": ["assignee"],
    "ix_cases_probability": ["probability"],
    "ix_cases_updated": ["updated"],
    "ix_cases_bundle_digest": ["bundle_digest"],
    "ix_cases_job_id": ["job_id"],
}


def upgrade() -> None:
    op.add_column("cases", sa.Column("assignee", sa.String(128), nullable=True))
    op.add_column("cases", sa.Column("state_before", sa.String(16), nullable=True))
    for name, columns in _INDEXES.items():
        op.create_index(name, "cases", columns)
    flags = op.create_table(
        "case_flags",
        sa.Column("case_key", sa.String(16), primary_key=True),
        sa.Column("code", sa.String(64), primary_key=True, index=True),
    )
    op.create_table(
        "saved_views",
        sa.Column("view_id", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(128), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("owner", "name", name="one_view_of_a_name"),
    )
    rows = [
        {"case_key": key, "code": code}
        for key, reasons in op.get_bind().execute(sa.text("select case_key, reasons from cases")).all()
        for code in _codes(reasons)
    ]
    if rows:
        op.bulk_insert(flags, rows)


def _codes(reasons: object) -> list[str]:
    """Codes of the reasons of one case; SQLite hands JSON over as text, PostgreSQL as a list."""
    found = json.loads(reasons) if isinstance(reasons, str) else reasons
    listed = found if isinstance(found, list) else []
    return list(dict.fromkeys(str(r["code"])[:64] for r in listed))


def downgrade() -> None:
    op.drop_table("saved_views")
    op.drop_table("case_flags")
    for name in _INDEXES:
        op.drop_index(name, "cases")
    for name in ("assignee", "state_before"):
        op.drop_column("cases", name)
