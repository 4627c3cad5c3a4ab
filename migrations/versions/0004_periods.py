"""periods: folded balances, derived from the entries.

The serving role may change them: what they hold can be rebuilt from the entries at any time.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store import columns

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NOTHING_FOLDED = "1970-01-01T00:00:00.000000Z"


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "balance_bucket",
        sa.Column("account_id", columns.Int64(), nullable=False),
        sa.Column("recorded_month", sa.Text(), nullable=False),
        sa.Column("effective_month", sa.Text(), nullable=False),
        sa.Column("service_month", sa.Text(), nullable=False),
        sa.Column("debit", columns.Whole(), nullable=False),
        sa.Column("credit", columns.Whole(), nullable=False),
        sa.CheckConstraint("debit >= 0", name=op.f("ck_balance_bucket_debit")),
        sa.CheckConstraint("credit >= 0", name=op.f("ck_balance_bucket_credit")),
        sa.PrimaryKeyConstraint(
            "account_id", "recorded_month", "effective_month", "service_month", name=op.f("pk_balance_bucket")
        ),
        sqlite_strict=True,
    )
    op.create_index("ix_balance_bucket_months", "balance_bucket", ["effective_month", "recorded_month"])
    op.create_table(
        "balance_fold",
        sa.Column("id", columns.Int64(), nullable=False),
        sa.Column("folded_until", columns.Instant(), nullable=False),
        sa.Column("changes", columns.Int64(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_balance_fold_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_balance_fold")),
        sqlite_strict=True,
    )
    op.execute(f"INSERT INTO balance_fold (id, folded_until, changes) VALUES (1, '{NOTHING_FOLDED}', 0)")  # noqa: S608
    if op.get_bind().dialect.name == "postgresql":
        _let_the_server_fold()


def _let_the_server_fold() -> None:
    serving = op.get_bind().execute(sa.text("SELECT 1 FROM pg_roles WHERE rolname = 'tariffbook_server'")).first()
    if serving:
        op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON balance_bucket TO tariffbook_server")
        op.execute("GRANT SELECT, UPDATE ON balance_fold TO tariffbook_server")
