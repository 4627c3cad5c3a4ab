"""reports: what was filed, and the operating costs of authorised operation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text

from store.columns import Bytes, Day, Instant, Int64

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = ("report_filing", "filed_file", "operating_cost", "operating_cost_reversal")


def upgrade() -> None:
    """Apply the change."""
    _make_filings()
    _make_costs()
    for table in TABLES:
        _guard(table)


def _make_filings() -> None:
    op.create_table(
        "report_filing",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("period_from", Day(), nullable=False),
        sa.Column("period_until", Day(), nullable=False),
        sa.Column("generation", Int64(), nullable=False),
        sa.Column("supersedes", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("as_of", Instant(), nullable=False),
        sa.Column("report_version", sa.Text(), nullable=False),
        sa.Column("report_hash", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "report IN ('cap_compliance', 'annual_operation', 'disclosure')", name=op.f("ck_report_filing_report")
        ),
        sa.CheckConstraint("subject_kind IN ('operator', 'grantor')", name=op.f("ck_report_filing_subject_kind")),
        sa.CheckConstraint("language IN ('zh', 'en')", name=op.f("ck_report_filing_language")),
        sa.CheckConstraint("period_until > period_from", name=op.f("ck_report_filing_period")),
        sa.CheckConstraint(
            "(generation = 1) = (supersedes IS NULL) AND (supersedes IS NULL) = (reason IS NULL)",
            name=op.f("ck_report_filing_supersedes"),
        ),
        sa.ForeignKeyConstraint(["subject_id"], ["party.id"], name=op.f("fk_report_filing_subject_id")),
        sa.ForeignKeyConstraint(["supersedes"], ["report_filing.id"], name=op.f("fk_report_filing_supersedes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_filing")),
        sa.UniqueConstraint("supersedes", name=op.f("uq_report_filing_supersedes")),
        sa.UniqueConstraint(
            "subject_id",
            "report",
            "period_from",
            "period_until",
            "generation",
            name="uq_report_filing_generation",
        ),
        sqlite_strict=True,
    )
    op.create_index("ix_report_filing_subject_id_recorded_at", "report_filing", ["subject_id", "recorded_at"])
    op.create_table(
        "filed_file",
        sa.Column("filing_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", Int64(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", Bytes(), nullable=False),
        sa.CheckConstraint("size > 0", name=op.f("ck_filed_file_size")),
        sa.ForeignKeyConstraint(["filing_id"], ["report_filing.id"], name=op.f("fk_filed_file_filing_id")),
        sa.PrimaryKeyConstraint("filing_id", "name", name=op.f("pk_filed_file")),
        sqlite_strict=True,
    )


def _make_costs() -> None:
    op.create_table(
        "operating_cost",
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("document_no", sa.Text(), nullable=False),
        sa.Column("line", Int64(), nullable=False),
        sa.Column("entry", Int64(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("head", sa.Text(), nullable=False),
        sa.Column("use", sa.Text(), nullable=False),
        sa.Column("amount", Int64(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("product_id", sa.Text(), nullable=True),
        sa.Column("offering_id", sa.Text(), nullable=True),
        sa.Column("occurred_on", Day(), nullable=False),
        sa.CheckConstraint(
            "head IN ('platform', 'data_processing', 'personnel', 'data_acquisition', 'period_expense')",
            name=op.f("ck_operating_cost_head"),
        ),
        sa.CheckConstraint("use IN ('commercial', 'public_interest')", name=op.f("ck_operating_cost_use")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_operating_cost_amount")),
        sa.CheckConstraint("line > 0", name=op.f("ck_operating_cost_line")),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_operating_cost_operator_id")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_operating_cost_product_id")),
        sa.ForeignKeyConstraint(["offering_id"], ["offering.id"], name=op.f("fk_operating_cost_offering_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operating_cost")),
        sa.UniqueConstraint(
            "operator_id",
            "document_no",
            "line",
            "entry",
            name=op.f("uq_operating_cost_operator_id_document_no_line_entry"),
        ),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_operating_cost_recorded_at"), "operating_cost", ["recorded_at"])
    op.create_index("ix_operating_cost_operator_id_month", "operating_cost", ["operator_id", "month"])
    op.create_table(
        "operating_cost_reversal",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("cost_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reversed_on", Day(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["cost_id"], ["operating_cost.id"], name=op.f("fk_operating_cost_reversal_cost_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operating_cost_reversal")),
        sa.UniqueConstraint("cost_id", name=op.f("uq_operating_cost_reversal_cost_id")),
        sqlite_strict=True,
    )


def _guard(table: str) -> None:
    """Make the table one that is only added to, by whomever."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN "
                f"SELECT RAISE(ABORT, '{table} is append-only: record a correction instead'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    serving = op.get_bind().execute(text("SELECT 1 FROM pg_roles WHERE rolname = 'tariffbook_server'")).first()
    if serving:
        op.execute(f"GRANT SELECT, INSERT ON {table} TO tariffbook_server")
