"""Annotations that people draw on slides."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "annotations",
        sa.Column("slide_id", sa.String(16), primary_key=True),
        sa.Column("annotation_id", sa.String(36), primary_key=True),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("label", sa.String(64), nullable=False, index=True),
        sa.Column("author", sa.String(128), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(128), nullable=False),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("annotations")
