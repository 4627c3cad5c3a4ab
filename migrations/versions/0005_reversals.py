"""reversals: events that take others back, each once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text

from store.columns import Instant, Int64

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = "usage_reversal"


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        TABLE,
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("reversed_source", sa.Text(), nullable=False),
        sa.Column("reversed_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("transaction_id", Int64(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("operator_id", "reversed_source", "reversed_id", name=op.f("pk_usage_reversal")),
        sa.UniqueConstraint(
            "operator_id", "source", "event_id", name=op.f("uq_usage_reversal_operator_id_source_event_id")
        ),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_usage_reversal_transaction_id"), TABLE, ["transaction_id"])
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {TABLE}_no_{verb.lower()} BEFORE {verb} ON {TABLE} BEGIN "
                f"SELECT RAISE(ABORT, '{TABLE} is append-only: record a correction instead'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {TABLE}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    serving = op.get_bind().execute(text("SELECT 1 FROM pg_roles WHERE rolname = 'tariffbook_server'")).first()
    if serving:
        op.execute(f"GRANT SELECT, INSERT ON {TABLE} TO tariffbook_server")
