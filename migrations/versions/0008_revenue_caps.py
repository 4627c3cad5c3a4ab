"""revenue caps: price authorities by level, applications, later years, evaluations and the duties that they raise."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text

from store import columns

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = (
    "price_authority_appointment",
    "revenue_cap_application",
    "cap_application_evaluation",
    "cap_years_addition",
    "revenue_evaluation",
    "duty",
    "duty_step",
)


def upgrade() -> None:
    """Apply the change."""
    _make_appointments_and_applications()
    _make_evaluations_and_duties()
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for table in TABLES:
        _guard_on_sqlite(table) if is_sqlite else _guard_on_postgresql(table)


def _guard_on_sqlite(table: str) -> None:
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN "
            f"SELECT RAISE(ABORT, '{table} is append-only: record a correction instead'); END"
        )


def _guard_on_postgresql(table: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    if op.get_bind().execute(text("SELECT 1 FROM pg_roles WHERE rolname = 'tariffbook_server'")).first():
        op.execute(f"GRANT SELECT, INSERT ON {table} TO tariffbook_server")


def _make_appointments_and_applications() -> None:
    op.create_table(
        "price_authority_appointment",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("regulator_id", sa.Text(), nullable=False),
        sa.Column("registration_level", sa.Text(), nullable=False),
        sa.Column("effective_from", columns.Day(), nullable=False),
        sa.Column("effective_until", columns.Day(), nullable=True),
        sa.Column("decision_no", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "registration_level IN ('national', 'local')",
            name=op.f("ck_price_authority_appointment_registration_level"),
        ),
        sa.CheckConstraint(
            "effective_until IS NULL OR effective_until > effective_from",
            name=op.f("ck_price_authority_appointment_term"),
        ),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_price_authority_appointment_operator_id")),
        sa.ForeignKeyConstraint(
            ["regulator_id"], ["party.id"], name=op.f("fk_price_authority_appointment_regulator_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_authority_appointment")),
        sa.UniqueConstraint(
            "operator_id",
            "registration_level",
            "effective_from",
            name=op.f("uq_price_authority_appointment_operator_id_registration_level_effective_from"),
        ),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_price_authority_appointment_recorded_at"), "price_authority_appointment", ["recorded_at"])
    op.create_index(
        op.f("ix_price_authority_appointment_regulator_id"), "price_authority_appointment", ["regulator_id"]
    )
    op.create_table(
        "revenue_cap_application",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("regulator_id", sa.Text(), nullable=False),
        sa.Column("registration_level", sa.Text(), nullable=True),
        sa.Column("revenue_basis", sa.Text(), nullable=False),
        sa.Column("cost_survey_year", columns.Int64(), nullable=False),
        sa.Column("years", columns.Document(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("operating_year_complete_on", columns.Day(), nullable=True),
        sa.CheckConstraint(
            "registration_level IN ('national', 'local')", name=op.f("ck_revenue_cap_application_registration_level")
        ),
        sa.CheckConstraint(
            "revenue_basis IN ('tax_exclusive', 'tax_inclusive')", name=op.f("ck_revenue_cap_application_revenue_basis")
        ),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_revenue_cap_application_operator_id")),
        sa.ForeignKeyConstraint(["regulator_id"], ["party.id"], name=op.f("fk_revenue_cap_application_regulator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revenue_cap_application")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_revenue_cap_application_operator_id"), "revenue_cap_application", ["operator_id"])
    op.create_index(op.f("ix_revenue_cap_application_recorded_at"), "revenue_cap_application", ["recorded_at"])
    op.create_index(op.f("ix_revenue_cap_application_regulator_id"), "revenue_cap_application", ["regulator_id"])
    op.create_table(
        "cap_application_evaluation",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("application_id", sa.Text(), nullable=False),
        sa.Column("regulator_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("accepted_years", columns.Document(), nullable=True),
        sa.Column("reasons", columns.Document(), nullable=False),
        sa.CheckConstraint("outcome IN ('returned', 'accepted')", name=op.f("ck_cap_application_evaluation_outcome")),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["revenue_cap_application.id"],
            name=op.f("fk_cap_application_evaluation_application_id"),
        ),
        sa.ForeignKeyConstraint(
            ["regulator_id"], ["party.id"], name=op.f("fk_cap_application_evaluation_regulator_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cap_application_evaluation")),
        sa.UniqueConstraint("application_id", name=op.f("uq_cap_application_evaluation_application_id")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_cap_application_evaluation_recorded_at"), "cap_application_evaluation", ["recorded_at"])
    op.create_table(
        "cap_years_addition",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("cap_id", sa.Text(), nullable=False),
        sa.Column("decision_no", sa.Text(), nullable=False),
        sa.Column("decided_on", columns.Day(), nullable=False),
        sa.Column("years", columns.Document(), nullable=False),
        sa.Column("rule_set", columns.Document(), nullable=False),
        sa.ForeignKeyConstraint(["cap_id"], ["revenue_cap.id"], name=op.f("fk_cap_years_addition_cap_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cap_years_addition")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_cap_years_addition_cap_id"), "cap_years_addition", ["cap_id"])
    op.create_index(op.f("ix_cap_years_addition_recorded_at"), "cap_years_addition", ["recorded_at"])


def _make_evaluations_and_duties() -> None:
    op.create_table(
        "revenue_evaluation",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("regulator_id", sa.Text(), nullable=False),
        sa.Column("cap_id", sa.Text(), nullable=False),
        sa.Column("year", columns.Int64(), nullable=False),
        sa.Column("as_of", columns.Instant(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=True),
        sa.Column("compared", columns.Document(), nullable=False),
        sa.Column("rule_set", columns.Document(), nullable=False),
        sa.ForeignKeyConstraint(["cap_id"], ["revenue_cap.id"], name=op.f("fk_revenue_evaluation_cap_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_revenue_evaluation_operator_id")),
        sa.ForeignKeyConstraint(["regulator_id"], ["party.id"], name=op.f("fk_revenue_evaluation_regulator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revenue_evaluation")),
        sa.UniqueConstraint("cap_id", "year", name=op.f("uq_revenue_evaluation_cap_id_year")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_revenue_evaluation_operator_id"), "revenue_evaluation", ["operator_id"])
    op.create_index(op.f("ix_revenue_evaluation_recorded_at"), "revenue_evaluation", ["recorded_at"])
    op.create_table(
        "duty",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("evaluation_id", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Text(), nullable=False),
        sa.Column("party_role", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("due_on", columns.Day(), nullable=False),
        sa.Column("due_given", columns.Flag(), nullable=False),
        sa.CheckConstraint("kind IN ('guide_actual_prices', 'adjust_ceilings')", name=op.f("ck_duty_kind")),
        sa.CheckConstraint("party_role IN ('grantor', 'operator')", name=op.f("ck_duty_party_role")),
        sa.ForeignKeyConstraint(["evaluation_id"], ["revenue_evaluation.id"], name=op.f("fk_duty_evaluation_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_duty_operator_id")),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_duty_party_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty")),
        sa.UniqueConstraint(
            "evaluation_id", "party_id", "party_role", name=op.f("uq_duty_evaluation_id_party_id_party_role")
        ),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_duty_operator_id"), "duty", ["operator_id"])
    op.create_index(op.f("ix_duty_party_id"), "duty", ["party_id"])
    op.create_index(op.f("ix_duty_recorded_at"), "duty", ["recorded_at"])
    op.create_table(
        "duty_step",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("duty_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("decisions", columns.Document(), nullable=False),
        sa.Column("no_change_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("action IN ('fulfil', 'confirm')", name=op.f("ck_duty_step_action")),
        sa.ForeignKeyConstraint(["duty_id"], ["duty.id"], name=op.f("fk_duty_step_duty_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_step")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_duty_step_duty_id"), "duty_step", ["duty_id"])
    op.create_index(op.f("ix_duty_step_recorded_at"), "duty_step", ["recorded_at"])
