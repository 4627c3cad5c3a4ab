"""fair: what becomes of free-use grants, complaints, and breaches found later."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text

from store import columns

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "breach",
    "breach_month",
    "breach_refund",
    "breach_step",
    "complaint",
    "complaint_step",
    "grant_evidence",
    "grant_rerating",
    "grant_review",
    "grant_review_plan",
)
# What follows on a row is recorded under a lock on it, for which PostgreSQL asks the right to update a column.
LOCKABLE = ("breach", "complaint")


def upgrade() -> None:
    """Apply the change."""
    _make_grant_tables()
    _make_complaint_tables()
    _make_breach_tables()
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _make_grant_tables() -> None:
    op.create_table(
        "grant_evidence",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", columns.Int64(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("size_bytes > 0", name=op.f("ck_grant_evidence_size_bytes")),
        sa.ForeignKeyConstraint(["grant_id"], ["free_use_grant.id"], name=op.f("fk_grant_evidence_grant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grant_evidence")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_grant_evidence_grant_id"), "grant_evidence", ["grant_id"])
    op.create_index(op.f("ix_grant_evidence_recorded_at"), "grant_evidence", ["recorded_at"])
    op.create_table(
        "grant_review",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("next_review_on", columns.Day(), nullable=True),
        sa.CheckConstraint("outcome IN ('continue', 'suspend', 'revoke')", name=op.f("ck_grant_review_outcome")),
        sa.ForeignKeyConstraint(["grant_id"], ["free_use_grant.id"], name=op.f("fk_grant_review_grant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grant_review")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_grant_review_grant_id"), "grant_review", ["grant_id"])
    op.create_index(op.f("ix_grant_review_recorded_at"), "grant_review", ["recorded_at"])
    op.create_table(
        "grant_review_plan",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("due_on", columns.Day(), nullable=True),
        sa.Column("every_months", columns.Int64(), nullable=True),
        sa.CheckConstraint("every_months > 0", name=op.f("ck_grant_review_plan_every_months")),
        sa.ForeignKeyConstraint(["grant_id"], ["free_use_grant.id"], name=op.f("fk_grant_review_plan_grant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grant_review_plan")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_grant_review_plan_grant_id"), "grant_review_plan", ["grant_id"])
    op.create_index(op.f("ix_grant_review_plan_recorded_at"), "grant_review_plan", ["recorded_at"])
    op.create_table(
        "grant_rerating",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("offering_id", sa.Text(), nullable=False),
        sa.Column("contract_id", sa.Text(), nullable=False),
        sa.Column("invoice_id", sa.Text(), nullable=False),
        sa.Column("decision_no", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("from_date", columns.Day(), nullable=False),
        sa.Column("until_date", columns.Day(), nullable=False),
        sa.Column("quantity", columns.Int64(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_grant_rerating_quantity")),
        sa.CheckConstraint("until_date > from_date", name=op.f("ck_grant_rerating_term")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_grant_rerating_contract_id")),
        sa.ForeignKeyConstraint(["grant_id"], ["free_use_grant.id"], name=op.f("fk_grant_rerating_grant_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_grant_rerating_invoice_id")),
        sa.ForeignKeyConstraint(["offering_id"], ["offering.id"], name=op.f("fk_grant_rerating_offering_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grant_rerating")),
        sa.UniqueConstraint("contract_id", name=op.f("uq_grant_rerating_contract_id")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_grant_rerating_grant_id"), "grant_rerating", ["grant_id"])
    op.create_index(op.f("ix_grant_rerating_offering_id"), "grant_rerating", ["offering_id"])
    op.create_index(op.f("ix_grant_rerating_recorded_at"), "grant_rerating", ["recorded_at"])


def _make_complaint_tables() -> None:
    op.create_table(
        "complaint",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("offering_id", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('price_too_high', 'unfair_terms', 'quality', 'other')", name=op.f("ck_complaint_kind")
        ),
        sa.ForeignKeyConstraint(["offering_id"], ["offering.id"], name=op.f("fk_complaint_offering_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_complaint_operator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_complaint_offering_id"), "complaint", ["offering_id"])
    op.create_index(op.f("ix_complaint_operator_id"), "complaint", ["operator_id"])
    op.create_index(op.f("ix_complaint_recorded_at"), "complaint", ["recorded_at"])
    op.create_table(
        "complaint_step",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("complaint_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint("action IN ('answer', 'close')", name=op.f("ck_complaint_step_action")),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaint.id"], name=op.f("fk_complaint_step_complaint_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint_step")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_complaint_step_complaint_id"), "complaint_step", ["complaint_id"])
    op.create_index(op.f("ix_complaint_step_recorded_at"), "complaint_step", ["recorded_at"])


def _make_breach_tables() -> None:
    op.create_table(
        "breach",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("offering_id", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("found_on", columns.Day(), nullable=False),
        sa.Column("found_by", sa.Text(), nullable=False),
        sa.Column("period_from", columns.Day(), nullable=False),
        sa.Column("period_until", columns.Day(), nullable=False),
        sa.CheckConstraint("period_until > period_from", name=op.f("ck_breach_period")),
        sa.ForeignKeyConstraint(["offering_id"], ["offering.id"], name=op.f("fk_breach_offering_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_breach_operator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breach")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_breach_offering_id"), "breach", ["offering_id"])
    op.create_index(op.f("ix_breach_operator_id"), "breach", ["operator_id"])
    op.create_index(op.f("ix_breach_recorded_at"), "breach", ["recorded_at"])
    op.create_table(
        "breach_month",
        sa.Column("breach_id", sa.Text(), nullable=False),
        sa.Column("contract_id", sa.Text(), nullable=False),
        sa.Column("service_month", sa.Text(), nullable=False),
        sa.Column("buyer_id", sa.Text(), nullable=False),
        sa.Column("price_basis", sa.Text(), nullable=False),
        sa.Column("charged", columns.Int64(), nullable=False),
        sa.Column("allowed", columns.Int64(), nullable=False),
        sa.Column("owed", columns.Int64(), nullable=False),
        sa.CheckConstraint("owed > 0", name=op.f("ck_breach_month_owed")),
        sa.ForeignKeyConstraint(["breach_id"], ["breach.id"], name=op.f("fk_breach_month_breach_id")),
        sa.ForeignKeyConstraint(["buyer_id"], ["party.id"], name=op.f("fk_breach_month_buyer_id")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_breach_month_contract_id")),
        sa.PrimaryKeyConstraint("breach_id", "contract_id", "service_month", name=op.f("pk_breach_month")),
        sqlite_strict=True,
    )
    op.create_table(
        "breach_refund",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("credit_note_id", sa.Text(), nullable=False),
        sa.Column("breach_id", sa.Text(), nullable=False),
        sa.Column("contract_id", sa.Text(), nullable=False),
        sa.Column("service_month", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["breach_id"], ["breach.id"], name=op.f("fk_breach_refund_breach_id")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_breach_refund_contract_id")),
        sa.ForeignKeyConstraint(["credit_note_id"], ["credit_note.id"], name=op.f("fk_breach_refund_credit_note_id")),
        sa.PrimaryKeyConstraint("credit_note_id", name=op.f("pk_breach_refund")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_breach_refund_breach_id"), "breach_refund", ["breach_id"])
    op.create_index(op.f("ix_breach_refund_recorded_at"), "breach_refund", ["recorded_at"])
    op.create_table(
        "breach_step",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("breach_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("details", columns.Document(), nullable=False),
        sa.CheckConstraint("action IN ('order', 'answer', 'close')", name=op.f("ck_breach_step_action")),
        sa.ForeignKeyConstraint(["breach_id"], ["breach.id"], name=op.f("fk_breach_step_breach_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breach_step")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_breach_step_breach_id"), "breach_step", ["breach_id"])
    op.create_index(op.f("ix_breach_step_recorded_at"), "breach_step", ["recorded_at"])


def _guard_sqlite() -> None:
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN "
                f"SELECT RAISE(ABORT, '{table} is append-only: record a correction instead'); END"
            )


def _guard_postgresql() -> None:
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    serving = op.get_bind().execute(text("SELECT 1 FROM pg_roles WHERE rolname = 'tariffbook_server'")).first()
    if serving:
        op.execute(f"GRANT SELECT, INSERT ON {', '.join(APPEND_ONLY)} TO tariffbook_server")
        op.execute(f"GRANT UPDATE (id) ON {', '.join(LOCKABLE)} TO tariffbook_server")
