"""Cases, slides and jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cases",
        sa.Column("case_key", sa.String(16), primary_key=True),
        sa.Column("case_id", sa.String(128), nullable=False, index=True),
        sa.Column("tumour_type", sa.String(16), nullable=False, index=True),
        sa.Column("folder", sa.Text, nullable=False, unique=True),
        sa.Column("state", sa.String(16), nullable=False, index=True),
        sa.Column("probability", sa.Float),
        sa.Column("interval_low", sa.Float),
        sa.Column("interval_high", sa.Float),
        sa.Column("call", sa.String(32)),
        sa.Column("reasons", sa.JSON, nullable=False),
        sa.Column("bundle", sa.String(128)),
        sa.Column("bundle_digest", sa.String(64)),
        sa.Column("n_slides", sa.Integer, nullable=False),
        sa.Column("modalities", sa.JSON, nullable=False),
        sa.Column("virtual", sa.Boolean, nullable=False),
        sa.Column("job_id", sa.String(32)),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "slides",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("slide_id", sa.String(16), nullable=False, index=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("modified_ns", sa.BigInteger, nullable=False),
        sa.Column("mpp", sa.Float),
    )
    op.create_table(
        "jobs",
        sa.Column("job_id", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False, index=True),
        sa.Column("case_key", sa.String(16), index=True),
        sa.Column("parameters", sa.JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False, index=True),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("cancel", sa.Boolean, nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True)),
        sa.Column("heartbeat", sa.DateTime(timezone=True)),
        sa.Column("finished", sa.DateTime(timezone=True)),
    )


def downgrade() -> None:
    for table in ("jobs", "slides", "cases"):
        op.drop_table(table)
