"""Signed reviews, their drafts, and the audit log; triggers keep what is signed or logged as it is."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# On SQLite a row that is replaced by INSERT OR REPLACE fires no delete trigger, so the insert is guarded too.
_SQLITE = (
    "create trigger reviews_no_update before update on reviews begin "
    "select raise(abort, 'a signed review cannot be changed'); end",
    "create trigger reviews_no_delete before delete on reviews begin "
    "select raise(abort, 'a signed review cannot be removed'); end",
    "create trigger reviews_no_replace before insert on reviews "
    "when exists (select 1 from reviews where review_id = new.review_id or draft_id = new.draft_id) begin "
    "select raise(abort, 'a signed review cannot be replaced'); end",
    "create trigger audit_no_update before update on audit begin "
    "select raise(abort, 'the audit log cannot be changed'); end",
    "create trigger audit_no_delete before delete on audit begin "
    "select raise(abort, 'the audit log cannot be shortened'); end",
    "create trigger audit_in_order before insert on audit "
    "when new.seq is not (select coalesce(max(seq), 0) + 1 from audit) begin "
    "select raise(abort, 'the audit log takes rows only at its end'); end",
)
_POSTGRESQL = (
    "create function icicore_keep() returns trigger language plpgsql as "
    "$$ begin raise exception '% cannot be changed or removed', tg_table_name; end $$",
    "create trigger reviews_keep before update or delete on reviews for each row execute function icicore_keep()",
    "create trigger reviews_keep_all before truncate on reviews for each statement execute function icicore_keep()",
    "create trigger audit_keep before update or delete on audit for each row execute function icicore_keep()",
    "create trigger audit_keep_all before truncate on audit for each statement execute function icicore_keep()",
)


def upgrade() -> None:
    op.create_table(
        "review_drafts",
        sa.Column("draft_id", sa.String(32), primary_key=True),
        sa.Column("case_key", sa.String(16), nullable=False, index=True),
        sa.Column("author", sa.String(128), nullable=False),
        sa.Column("parent", sa.String(32), nullable=False),
        sa.Column("judgement", sa.String(16)),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("case_key", "author", "parent", name="one_draft"),
    )
    op.create_table(
        "reviews",
        sa.Column("review_id", sa.String(32), primary_key=True),
        sa.Column("draft_id", sa.String(32), nullable=False, unique=True),
        sa.Column("case_key", sa.String(16), nullable=False, index=True),
        sa.Column("parent", sa.String(32), nullable=False),
        sa.Column("author", sa.String(128), nullable=False),
        sa.Column("signed", sa.String(32), nullable=False),
        sa.Column("judgement", sa.String(16)),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("result_digest", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("case_key", sa.String(16), nullable=False, index=True),
        sa.Column("hashes", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    for statement in _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)


def downgrade() -> None:
    for table in ("audit", "reviews", "review_drafts"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("drop function icicore_keep()")
