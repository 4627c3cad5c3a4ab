"""initial: the tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store import columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "asset",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("scale", columns.Int64(), nullable=False),
        sa.CheckConstraint("scale >= 0 AND scale <= 6", name=op.f("ck_asset_scale")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_asset")),
        sqlite_strict=True,
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Text(), nullable=True),
        sa.Column("key_id", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("object_id", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("detail", columns.Document(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_entry_object_id"), ["object_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_entry_party_id"), ["party_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_entry_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "counter",
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("value", columns.Int64(), nullable=False),
        sa.CheckConstraint("value >= 0", name=op.f("ck_counter_value")),
        sa.PrimaryKeyConstraint("book", "series", name=op.f("pk_counter")),
        sqlite_strict=True,
    )
    op.create_table(
        "horizon",
        sa.Column("at", columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("at", name=op.f("pk_horizon")),
        sqlite_strict=True,
    )
    op.create_table(
        "instance",
        sa.Column("id", columns.Int64(), nullable=False),
        sa.Column("sandbox", columns.Flag(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("clock_offset_us", columns.Int64(), nullable=False),
        sa.Column("started_at", columns.Instant(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_instance_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instance")),
        sqlite_strict=True,
    )
    op.create_table(
        "issued_file",
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("document_id", "form", "language", name=op.f("pk_issued_file")),
        sqlite_strict=True,
    )
    op.create_table(
        "party",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kinds", columns.Document(), nullable=False),
        sa.Column("credit_code", sa.Text(), nullable=True),
        sa.Column("legal_form", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("affiliate_of", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "legal_form IN ('administrative', 'public_institution', 'enterprise', 'social_organisation')",
            name=op.f("ck_party_legal_form"),
        ),
        sa.ForeignKeyConstraint(["affiliate_of"], ["party.id"], name=op.f("fk_party_affiliate_of")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_party")),
        sa.UniqueConstraint("code", name=op.f("uq_party_code")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("party", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_party_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "stored_answer",
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("status", columns.Int64(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("principal", "key", name=op.f("pk_stored_answer")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("stored_answer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stored_answer_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "event_key",
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("transaction_id", columns.Int64(), nullable=False),
        sa.Column("number", columns.Int32(), nullable=False),
        sa.Column("recorded_month", columns.Int16(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("operator_id", "source", "event_id", name=op.f("pk_event_key")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "usage_event",
        sa.Column("transaction_id", columns.Int64(), nullable=False),
        sa.Column("happened_at", columns.Instant(), nullable=False),
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("quantity", columns.Int64(), nullable=False),
        sa.Column("service_on", columns.Day(), nullable=False),
        sa.Column("number", columns.Int32(), nullable=False),
        sa.Column("recorded_month", columns.Int16(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("contract_id", sa.Text(), nullable=False),
        sa.Column("offering_id", sa.Text(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_usage_event_quantity")),
        sa.PrimaryKeyConstraint("transaction_id", "number", "recorded_month", name=op.f("pk_usage_event")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (recorded_month)",
    )
    with op.batch_alter_table("usage_event", schema=None) as batch_op:
        batch_op.create_index("ix_usage_event_contract_transaction", ["contract_id", "transaction_id"], unique=False)

    op.create_table(
        "verification",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("as_of", columns.Instant(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("checks", columns.Document(), nullable=False),
        sa.CheckConstraint("status IN ('passed', 'failed')", name=op.f("ck_verification_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("verification", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_verification_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "account",
        sa.Column("id", columns.Int64(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Text(), nullable=True),
        sa.Column("contract_id", sa.Text(), nullable=True),
        sa.Column("offering_id", sa.Text(), nullable=True),
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["asset"], ["asset.code"], name=op.f("fk_account_asset")),
        sa.ForeignKeyConstraint(["book"], ["party.id"], name=op.f("fk_account_book")),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_account_party_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("code", name=op.f("uq_account_code")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_account_book"), ["book"], unique=False)
        batch_op.create_index(batch_op.f("ix_account_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_account_offering_id"), ["offering_id"], unique=False)

    op.create_table(
        "api_key",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Text(), nullable=True),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("expires_at", columns.Instant(), nullable=True),
        sa.Column("revoked_at", columns.Instant(), nullable=True),
        sa.CheckConstraint(
            "role IN ('admin', 'operator', 'grantor', 'regulator', 'provider', 'buyer', 'auditor')",
            name=op.f("ck_api_key_role"),
        ),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_api_key_party_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_key_party_id"), ["party_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_api_key_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "authorisation",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("agreement_no", sa.Text(), nullable=False),
        sa.Column("grantor_id", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("regulator_id", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("scope", columns.Document(), nullable=False),
        sa.Column("effective_from", columns.Day(), nullable=False),
        sa.Column("effective_until", columns.Day(), nullable=False),
        sa.Column("operating_since", columns.Day(), nullable=True),
        sa.Column("term_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("mode IN ('whole', 'field', 'scenario')", name=op.f("ck_authorisation_mode")),
        sa.CheckConstraint("effective_until > effective_from", name=op.f("ck_authorisation_term")),
        sa.ForeignKeyConstraint(["grantor_id"], ["party.id"], name=op.f("fk_authorisation_grantor_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_authorisation_operator_id")),
        sa.ForeignKeyConstraint(["regulator_id"], ["party.id"], name=op.f("fk_authorisation_regulator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authorisation")),
        sa.UniqueConstraint("agreement_no", name=op.f("uq_authorisation_agreement_no")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("authorisation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_authorisation_grantor_id"), ["grantor_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_authorisation_operator_id"), ["operator_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_authorisation_recorded_at"), ["recorded_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_authorisation_regulator_id"), ["regulator_id"], unique=False)

    op.create_table(
        "distribution_agreement",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("grantor_id", sa.Text(), nullable=False),
        sa.Column("agreement_no", sa.Text(), nullable=False),
        sa.Column("clause", sa.Text(), nullable=False),
        sa.Column("offerings", columns.Document(), nullable=False),
        sa.Column("effective_from", columns.Day(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("terms", columns.Document(), nullable=False),
        sa.CheckConstraint("basis IN ('billed', 'collected')", name=op.f("ck_distribution_agreement_basis")),
        sa.ForeignKeyConstraint(["grantor_id"], ["party.id"], name=op.f("fk_distribution_agreement_grantor_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_distribution_agreement_operator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_distribution_agreement")),
        sa.UniqueConstraint(
            "operator_id",
            "agreement_no",
            "clause",
            "effective_from",
            name=op.f("uq_distribution_agreement_operator_id_agreement_no_clause_effective_from"),
        ),
        sqlite_strict=True,
    )
    with op.batch_alter_table("distribution_agreement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_distribution_agreement_grantor_id"), ["grantor_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_distribution_agreement_operator_id"), ["operator_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_distribution_agreement_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "closed_period",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("opens_on", columns.Day(), nullable=False),
        sa.Column("closed_at", columns.Instant(), nullable=False),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.CheckConstraint("length(month) = 7", name=op.f("ck_closed_period_month")),
        sa.ForeignKeyConstraint(["book"], ["party.id"], name=op.f("fk_closed_period_book")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closed_period")),
        sa.UniqueConstraint("book", "month", name=op.f("uq_closed_period_book_month")),
        sqlite_strict=True,
    )
    op.create_table(
        "ledger_transaction",
        sa.Column("id", columns.Int64(), nullable=False),
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("event_count", columns.Int64(), nullable=True),
        sa.Column("effective_on", columns.Day(), nullable=False),
        sa.Column("recorded_month", columns.Int16(), nullable=False),
        sa.Column("legs", columns.Int16(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("book", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=True),
        sa.Column("document_id", sa.Text(), nullable=True),
        sa.Column("event_digest", sa.Text(), nullable=True),
        sa.CheckConstraint("legs >= 2", name=op.f("ck_ledger_transaction_legs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_transaction")),
        sa.UniqueConstraint("key", name=op.f("uq_ledger_transaction_key")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("ledger_transaction", schema=None) as batch_op:
        batch_op.create_index(
            "ix_ledger_transaction_document_id",
            ["document_id"],
            unique=False,
            sqlite_where=sa.text("document_id IS NOT NULL"),
            postgresql_where=sa.text("document_id IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_ledger_transaction_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "payment",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("buyer_id", sa.Text(), nullable=False),
        sa.Column("amount", columns.Int64(), nullable=False),
        sa.Column("received_on", columns.Day(), nullable=False),
        sa.Column("bank_reference", sa.Text(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_amount")),
        sa.ForeignKeyConstraint(["buyer_id"], ["party.id"], name=op.f("fk_payment_buyer_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_payment_operator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_payment_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index("ix_payment_operator_received_on", ["operator_id", "received_on"], unique=False)
        batch_op.create_index("ix_payment_operator_recorded_at", ["operator_id", "recorded_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_payment_received_on"), ["received_on"], unique=False)
        batch_op.create_index(batch_op.f("ix_payment_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "quote",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("buyer_id", sa.Text(), nullable=False),
        sa.Column("valid_until", columns.Day(), nullable=False),
        sa.Column("effective_from", columns.Day(), nullable=False),
        sa.Column("effective_until", columns.Day(), nullable=True),
        sa.Column("price_basis", sa.Text(), nullable=True),
        sa.Column("net", columns.Int64(), nullable=False),
        sa.Column("tax", columns.Int64(), nullable=False),
        sa.Column("gross", columns.Int64(), nullable=False),
        sa.Column("snapshot", columns.Document(), nullable=False),
        sa.Column("snapshot_hash", sa.Text(), nullable=False),
        sa.Column("accepted_at", columns.Instant(), nullable=True),
        sa.Column("withdrawn_at", columns.Instant(), nullable=True),
        sa.Column("contract_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["buyer_id"], ["party.id"], name=op.f("fk_quote_buyer_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_quote_operator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quote")),
        sa.UniqueConstraint("operator_id", "number", name=op.f("uq_quote_operator_id_number")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("quote", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_quote_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_quote_operator_id"), ["operator_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_quote_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "refund",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("buyer_id", sa.Text(), nullable=False),
        sa.Column("amount", columns.Int64(), nullable=False),
        sa.Column("paid_on", columns.Day(), nullable=False),
        sa.Column("bank_reference", sa.Text(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refund_amount")),
        sa.ForeignKeyConstraint(["buyer_id"], ["party.id"], name=op.f("fk_refund_buyer_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_refund_operator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("refund", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_refund_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_refund_operator_id"), ["operator_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_refund_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "refused_event",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("truncated", columns.Flag(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("judged_at", columns.Instant(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_refused_event_operator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refused_event")),
        sa.UniqueConstraint("operator_id", "content_hash", name=op.f("uq_refused_event_operator_id_content_hash")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("refused_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_refused_event_operator_id"), ["operator_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_refused_event_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "resource",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("confidentiality", sa.Text(), nullable=False),
        sa.Column("is_raw", columns.Flag(), nullable=False),
        sa.Column("registered_on", columns.Day(), nullable=False),
        sa.Column("registration_expires_on", columns.Day(), nullable=False),
        sa.CheckConstraint(
            "confidentiality IN ('open', 'controlled', 'classified')", name=op.f("ck_resource_confidentiality")
        ),
        sa.CheckConstraint("grade IN ('general', 'important', 'core')", name=op.f("ck_resource_grade")),
        sa.ForeignKeyConstraint(["provider_id"], ["party.id"], name=op.f("fk_resource_provider_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resource")),
        sa.UniqueConstraint("code", name=op.f("uq_resource_code")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("resource", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_resource_provider_id"), ["provider_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_resource_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "revenue_cap",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("regulator_id", sa.Text(), nullable=False),
        sa.Column("decision_no", sa.Text(), nullable=False),
        sa.Column("decided_on", columns.Day(), nullable=False),
        sa.Column("cycle_from", columns.Day(), nullable=False),
        sa.Column("cycle_until", columns.Day(), nullable=False),
        sa.Column("revenue_basis", sa.Text(), nullable=False),
        sa.Column("registration_level", sa.Text(), nullable=True),
        sa.Column("application_id", sa.Text(), nullable=True),
        sa.Column("determination", columns.Document(), nullable=False),
        sa.Column("years", columns.Document(), nullable=False),
        sa.CheckConstraint(
            "revenue_basis IN ('tax_exclusive', 'tax_inclusive')", name=op.f("ck_revenue_cap_revenue_basis")
        ),
        sa.CheckConstraint(
            "registration_level IN ('national', 'local')", name=op.f("ck_revenue_cap_registration_level")
        ),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_revenue_cap_operator_id")),
        sa.ForeignKeyConstraint(["regulator_id"], ["party.id"], name=op.f("fk_revenue_cap_regulator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revenue_cap")),
        sa.UniqueConstraint("application_id", name=op.f("uq_revenue_cap_application_id")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("revenue_cap", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_revenue_cap_operator_id"), ["operator_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_revenue_cap_recorded_at"), ["recorded_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_revenue_cap_regulator_id"), ["regulator_id"], unique=False)

    op.create_table(
        "settlement",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("as_of", columns.Instant(), nullable=False),
        sa.Column("pool", columns.Int64(), nullable=False),
        sa.Column("output_vat", columns.Int64(), nullable=False),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_settlement_operator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement")),
        sa.UniqueConstraint("operator_id", "month", name=op.f("uq_settlement_operator_id_month")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("settlement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_settlement_operator_id"), ["operator_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_settlement_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "agreement_signature",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("agreement_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Text(), nullable=False),
        sa.CheckConstraint("role IN ('operator', 'grantor')", name=op.f("ck_agreement_signature_role")),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["distribution_agreement.id"], name=op.f("fk_agreement_signature_agreement_id")
        ),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_agreement_signature_party_id")),
        sa.PrimaryKeyConstraint("agreement_id", "role", name=op.f("pk_agreement_signature")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("agreement_signature", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_agreement_signature_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "ledger_entry",
        sa.Column("transaction_id", columns.Int64(), nullable=False),
        sa.Column("account_id", columns.Int64(), nullable=False),
        sa.Column("amount", columns.Int64(), nullable=False),
        sa.Column("service_on", columns.Day(), nullable=True),
        sa.Column("recorded_month", columns.Int16(), nullable=False),
        sa.Column("leg", columns.Int16(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("service_month", sa.Text(), nullable=True),
        sa.CheckConstraint("side IN ('D', 'C')", name=op.f("ck_ledger_entry_side")),
        sa.CheckConstraint("amount > 0 AND amount <= 1000000000000000", name=op.f("ck_ledger_entry_amount")),
        sa.CheckConstraint("leg >= 1", name=op.f("ck_ledger_entry_leg")),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["ledger_transaction.id"],
            name=op.f("fk_ledger_entry_transaction_id"),
            initially="DEFERRED",
            deferrable=True,
        ).ddl_if(dialect="sqlite"),
        sa.PrimaryKeyConstraint("transaction_id", "leg", "recorded_month", name=op.f("pk_ledger_entry")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (recorded_month)",
    )
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.create_index("ix_ledger_entry_account_month", ["account_id", "service_month"], unique=False)

    op.create_table(
        "product",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("resources", columns.Document(), nullable=False),
        sa.Column("fields", columns.Document(), nullable=False),
        sa.Column("authorisation_id", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("registration_level", sa.Text(), nullable=False),
        sa.Column("delivered_on", columns.Day(), nullable=False),
        sa.Column("charging_basis", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "charging_basis IN ('item', 'call', 'duration', 'volume')", name=op.f("ck_product_charging_basis")
        ),
        sa.CheckConstraint(
            "form IN ('dataset', 'api', 'model', 'verification', 'index', 'report')", name=op.f("ck_product_form")
        ),
        sa.CheckConstraint("registration_level IN ('national', 'local')", name=op.f("ck_product_registration_level")),
        sa.ForeignKeyConstraint(["authorisation_id"], ["authorisation.id"], name=op.f("fk_product_authorisation_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_product_operator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("code", name=op.f("uq_product_code")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("product", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_product_authorisation_id"), ["authorisation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_product_operator_id"), ["operator_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_product_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "statement",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("settlement_id", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("beneficiary_id", sa.Text(), nullable=False),
        sa.Column("opening", columns.Int64(), nullable=False),
        sa.Column("closing", columns.Int64(), nullable=False),
        sa.Column("document", columns.Document(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["beneficiary_id"], ["party.id"], name=op.f("fk_statement_beneficiary_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_statement_operator_id")),
        sa.ForeignKeyConstraint(["settlement_id"], ["settlement.id"], name=op.f("fk_statement_settlement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement")),
        sa.UniqueConstraint("settlement_id", "beneficiary_id", name=op.f("uq_statement_settlement_id_beneficiary_id")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("statement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_statement_beneficiary_id"), ["beneficiary_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_statement_operator_id"), ["operator_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_statement_recorded_at"), ["recorded_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_statement_settlement_id"), ["settlement_id"], unique=False)

    op.create_table(
        "offering",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("product_id", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("scenario", columns.Document(), nullable=False),
        sa.Column("charge_reason", sa.Text(), nullable=True),
        sa.Column("reference_offering_id", sa.Text(), nullable=True),
        sa.Column("proposed_category", sa.Text(), nullable=False),
        sa.Column("reasons", columns.Document(), nullable=False),
        sa.CheckConstraint(
            "proposed_category IN ('public_interest', 'commercial')", name=op.f("ck_offering_proposed_category")
        ),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_offering_operator_id")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_offering_product_id")),
        sa.ForeignKeyConstraint(
            ["reference_offering_id"], ["offering.id"], name=op.f("fk_offering_reference_offering_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offering")),
        sa.UniqueConstraint("code", name=op.f("uq_offering_code")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("offering", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_offering_operator_id"), ["operator_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_offering_product_id"), ["product_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_offering_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "payout",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("statement_id", sa.Text(), nullable=False),
        sa.Column("amount", columns.Int64(), nullable=False),
        sa.Column("paid_on", columns.Day(), nullable=False),
        sa.Column("bank_reference", sa.Text(), nullable=False),
        sa.Column("remittance_no", sa.Text(), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payout_amount")),
        sa.ForeignKeyConstraint(["statement_id"], ["statement.id"], name=op.f("fk_payout_statement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout")),
        sa.UniqueConstraint("statement_id", name=op.f("uq_payout_statement_id")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("payout", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_payout_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "product_registration",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("product_id", sa.Text(), nullable=False),
        sa.Column("registration_code", sa.Text(), nullable=False),
        sa.Column("registered_on", columns.Day(), nullable=False),
        sa.Column("registration_expires_on", columns.Day(), nullable=False),
        sa.CheckConstraint("registration_expires_on > registered_on", name=op.f("ck_product_registration_term")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_product_registration_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_registration")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("product_registration", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_product_registration_product_id"), ["product_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_product_registration_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "ceiling_version",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("offering_id", sa.Text(), nullable=False),
        sa.Column("grantor_id", sa.Text(), nullable=False),
        sa.Column("price_basis", sa.Text(), nullable=False),
        sa.Column("charging_form", sa.Text(), nullable=False),
        sa.Column("unit_price", columns.Exact(), nullable=False),
        sa.Column("per_quantity", columns.Int64(), nullable=False),
        sa.Column("effective_from", columns.Day(), nullable=False),
        sa.Column("effective_until", columns.Day(), nullable=True),
        sa.Column("decision_no", sa.Text(), nullable=False),
        sa.Column("factors", columns.Document(), nullable=False),
        sa.Column("report", columns.Document(), nullable=False),
        sa.Column("base_price", columns.Exact(), nullable=True),
        sa.Column("base_price_period", sa.Text(), nullable=True),
        sa.Column("planned_sales_volume", columns.Int64(), nullable=True),
        sa.Column("above_maximum_reason", sa.Text(), nullable=True),
        sa.Column("backdate_reason", sa.Text(), nullable=True),
        sa.Column("ceilings_test", columns.Document(), nullable=True),
        sa.CheckConstraint(
            "charging_form IN ('item', 'call', 'duration', 'volume', 'month', 'year')",
            name=op.f("ck_ceiling_version_charging_form"),
        ),
        sa.CheckConstraint(
            "price_basis IN ('tax_exclusive', 'tax_inclusive')", name=op.f("ck_ceiling_version_price_basis")
        ),
        sa.ForeignKeyConstraint(["grantor_id"], ["party.id"], name=op.f("fk_ceiling_version_grantor_id")),
        sa.ForeignKeyConstraint(["offering_id"], ["offering.id"], name=op.f("fk_ceiling_version_offering_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ceiling_version")),
        sa.UniqueConstraint(
            "offering_id",
            "charging_form",
            "effective_from",
            name=op.f("uq_ceiling_version_offering_id_charging_form_effective_from"),
        ),
        sqlite_strict=True,
    )
    with op.batch_alter_table("ceiling_version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ceiling_version_offering_id"), ["offering_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ceiling_version_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "classification_decision",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("offering_id", sa.Text(), nullable=False),
        sa.Column("decision_no", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("effective_from", columns.Day(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reasons", columns.Document(), nullable=False),
        sa.CheckConstraint(
            "category IN ('public_interest', 'commercial')", name=op.f("ck_classification_decision_category")
        ),
        sa.ForeignKeyConstraint(["offering_id"], ["offering.id"], name=op.f("fk_classification_decision_offering_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_classification_decision")),
        sa.UniqueConstraint(
            "offering_id", "effective_from", name=op.f("uq_classification_decision_offering_id_effective_from")
        ),
        sqlite_strict=True,
    )
    with op.batch_alter_table("classification_decision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_classification_decision_offering_id"), ["offering_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_classification_decision_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "free_use_grant",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("offering_id", sa.Text(), nullable=False),
        sa.Column("buyer_id", sa.Text(), nullable=False),
        sa.Column("purpose_statement", sa.Text(), nullable=False),
        sa.Column("effective_from", columns.Day(), nullable=False),
        sa.Column("effective_until", columns.Day(), nullable=False),
        sa.Column("undertakings", columns.Document(), nullable=False),
        sa.Column("quantity_limit", columns.Int64(), nullable=True),
        sa.Column("evidence", columns.Document(), nullable=True),
        sa.Column("conditions", columns.Document(), nullable=False),
        sa.Column("use", sa.Text(), nullable=False),
        sa.CheckConstraint("use IN ('end_use', 'redevelopment')", name=op.f("ck_free_use_grant_use")),
        sa.CheckConstraint("effective_until > effective_from", name=op.f("ck_free_use_grant_term")),
        sa.ForeignKeyConstraint(["buyer_id"], ["party.id"], name=op.f("fk_free_use_grant_buyer_id")),
        sa.ForeignKeyConstraint(["offering_id"], ["offering.id"], name=op.f("fk_free_use_grant_offering_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_free_use_grant")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("free_use_grant", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_free_use_grant_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_free_use_grant_offering_id"), ["offering_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_free_use_grant_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "settlement_pool",
        sa.Column("settlement_id", sa.Text(), nullable=False),
        sa.Column("agreement_id", sa.Text(), nullable=False),
        sa.Column("offering_id", sa.Text(), nullable=False),
        sa.Column("distributed", columns.Int64(), nullable=False),
        sa.Column("reversed", columns.Int64(), nullable=False),
        sa.Column("output_vat", columns.Int64(), nullable=False),
        sa.Column("outstanding", columns.Int64(), nullable=False),
        sa.Column("odd_fen", columns.Document(), nullable=False),
        sa.CheckConstraint("distributed >= 0 AND reversed >= 0", name=op.f("ck_settlement_pool_amounts")),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["distribution_agreement.id"], name=op.f("fk_settlement_pool_agreement_id")
        ),
        sa.ForeignKeyConstraint(["offering_id"], ["offering.id"], name=op.f("fk_settlement_pool_offering_id")),
        sa.ForeignKeyConstraint(["settlement_id"], ["settlement.id"], name=op.f("fk_settlement_pool_settlement_id")),
        sa.PrimaryKeyConstraint("settlement_id", "agreement_id", "offering_id", name=op.f("pk_settlement_pool")),
        sqlite_strict=True,
    )
    op.create_table(
        "settlement_share",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("settlement_id", sa.Text(), nullable=False),
        sa.Column("agreement_id", sa.Text(), nullable=False),
        sa.Column("offering_id", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("beneficiary_id", sa.Text(), nullable=False),
        sa.Column("pool", columns.Int64(), nullable=False),
        sa.Column("due", columns.Int64(), nullable=False),
        sa.Column("taken", columns.Int64(), nullable=False),
        sa.Column("carried", columns.Int64(), nullable=False),
        sa.Column("reverses", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('share', 'reversal', 'holdback', 'release')", name=op.f("ck_settlement_share_kind")
        ),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["distribution_agreement.id"], name=op.f("fk_settlement_share_agreement_id")
        ),
        sa.ForeignKeyConstraint(["beneficiary_id"], ["party.id"], name=op.f("fk_settlement_share_beneficiary_id")),
        sa.ForeignKeyConstraint(["offering_id"], ["offering.id"], name=op.f("fk_settlement_share_offering_id")),
        sa.ForeignKeyConstraint(["reverses"], ["settlement_share.id"], name=op.f("fk_settlement_share_reverses")),
        sa.ForeignKeyConstraint(["settlement_id"], ["settlement.id"], name=op.f("fk_settlement_share_settlement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement_share")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("settlement_share", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_settlement_share_beneficiary_id"), ["beneficiary_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_settlement_share_reverses"), ["reverses"], unique=False)
        batch_op.create_index(batch_op.f("ix_settlement_share_settlement_id"), ["settlement_id"], unique=False)

    op.create_table(
        "contract",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("buyer_id", sa.Text(), nullable=False),
        sa.Column("effective_from", columns.Day(), nullable=False),
        sa.Column("effective_until", columns.Day(), nullable=True),
        sa.Column("price_basis", sa.Text(), nullable=True),
        sa.Column("consent_reference", sa.Text(), nullable=True),
        sa.Column("quote_id", sa.Text(), nullable=True),
        sa.Column("grant_id", sa.Text(), nullable=True),
        sa.Column("accepted_at", columns.Instant(), nullable=True),
        sa.Column("use", sa.Text(), nullable=False),
        sa.CheckConstraint("use IN ('end_use', 'redevelopment')", name=op.f("ck_contract_use")),
        sa.CheckConstraint("kind IN ('quote', 'public_tariff', 'grant', 'rerating')", name=op.f("ck_contract_kind")),
        sa.ForeignKeyConstraint(["buyer_id"], ["party.id"], name=op.f("fk_contract_buyer_id")),
        sa.ForeignKeyConstraint(["grant_id"], ["free_use_grant.id"], name=op.f("fk_contract_grant_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_contract_operator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contract")),
        sa.UniqueConstraint("grant_id", name=op.f("uq_contract_grant_id")),
        sa.UniqueConstraint("quote_id", name=op.f("uq_contract_quote_id")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("contract", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contract_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_contract_operator_id"), ["operator_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_contract_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "grant_decision",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("effective_at", columns.Instant(), nullable=False),
        sa.CheckConstraint("action IN ('approve', 'suspend', 'revoke')", name=op.f("ck_grant_decision_action")),
        sa.ForeignKeyConstraint(["grant_id"], ["free_use_grant.id"], name=op.f("fk_grant_decision_grant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grant_decision")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("grant_decision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_grant_decision_grant_id"), ["grant_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_grant_decision_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "tariff_version",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("offering_id", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("effective_from", columns.Day(), nullable=False),
        sa.Column("price_basis", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("tariff", columns.Document(), nullable=False),
        sa.Column("trial", columns.Flag(), nullable=False),
        sa.Column("guidance_no", sa.Text(), nullable=True),
        sa.Column("ground", sa.Text(), nullable=True),
        sa.Column("backdate_reason", sa.Text(), nullable=True),
        sa.Column("ceiling_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "price_basis IN ('tax_exclusive', 'tax_inclusive')", name=op.f("ck_tariff_version_price_basis")
        ),
        sa.ForeignKeyConstraint(["ceiling_id"], ["ceiling_version.id"], name=op.f("fk_tariff_version_ceiling_id")),
        sa.ForeignKeyConstraint(["offering_id"], ["offering.id"], name=op.f("fk_tariff_version_offering_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_tariff_version_operator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariff_version")),
        sa.UniqueConstraint("offering_id", "effective_from", name=op.f("uq_tariff_version_offering_id_effective_from")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("tariff_version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tariff_version_offering_id"), ["offering_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_tariff_version_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "contract_offering",
        sa.Column("contract_id", sa.Text(), nullable=False),
        sa.Column("offering_id", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("tariff_id", sa.Text(), nullable=True),
        sa.Column("tariff", columns.Document(), nullable=True),
        sa.Column("quantity_limit", columns.Int64(), nullable=True),
        sa.CheckConstraint("category IN ('public_interest', 'commercial')", name=op.f("ck_contract_offering_category")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_contract_offering_contract_id")),
        sa.ForeignKeyConstraint(["offering_id"], ["offering.id"], name=op.f("fk_contract_offering_offering_id")),
        sa.ForeignKeyConstraint(["tariff_id"], ["tariff_version.id"], name=op.f("fk_contract_offering_tariff_id")),
        sa.PrimaryKeyConstraint("contract_id", "offering_id", name=op.f("pk_contract_offering")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("contract_offering", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contract_offering_offering_id"), ["offering_id"], unique=False)

    op.create_table(
        "invoice",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("buyer_id", sa.Text(), nullable=False),
        sa.Column("contract_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("issued_on", columns.Day(), nullable=False),
        sa.Column("price_basis", sa.Text(), nullable=False),
        sa.Column("net", columns.Int64(), nullable=False),
        sa.Column("tax", columns.Int64(), nullable=False),
        sa.Column("gross", columns.Int64(), nullable=False),
        sa.CheckConstraint("net >= 0 AND tax >= 0 AND gross = net + tax", name=op.f("ck_invoice_amounts")),
        sa.ForeignKeyConstraint(["buyer_id"], ["party.id"], name=op.f("fk_invoice_buyer_id")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_invoice_contract_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_invoice_operator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice")),
        sa.UniqueConstraint("contract_id", "month", name=op.f("uq_invoice_contract_id_month")),
        sa.UniqueConstraint("operator_id", "number", name=op.f("uq_invoice_operator_id_number")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("invoice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_invoice_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_invoice_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_invoice_issued_on"), ["issued_on"], unique=False)
        batch_op.create_index("ix_invoice_operator_issued_on", ["operator_id", "issued_on"], unique=False)
        batch_op.create_index("ix_invoice_operator_recorded_at", ["operator_id", "recorded_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_invoice_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "late_use",
        sa.Column("contract_id", sa.Text(), nullable=False),
        sa.Column("service_month", sa.Text(), nullable=False),
        sa.Column("transaction_id", columns.Int64(), nullable=False),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_late_use_contract_id")),
        sa.PrimaryKeyConstraint("contract_id", "service_month", "transaction_id", name=op.f("pk_late_use")),
        sqlite_strict=True,
    )
    op.create_table(
        "quota",
        sa.Column("contract_id", sa.Text(), nullable=False),
        sa.Column("offering_id", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("used", columns.Int64(), nullable=False),
        sa.CheckConstraint("used >= 0", name=op.f("ck_quota_used")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_quota_contract_id")),
        sa.ForeignKeyConstraint(["offering_id"], ["offering.id"], name=op.f("fk_quota_offering_id")),
        sa.PrimaryKeyConstraint("contract_id", "offering_id", "period", name=op.f("pk_quota")),
        sqlite_strict=True,
    )
    op.create_table(
        "usage_writeoff",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("contract_id", sa.Text(), nullable=False),
        sa.Column("offering_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("quantity", columns.Int64(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_usage_writeoff_quantity")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_usage_writeoff_contract_id")),
        sa.ForeignKeyConstraint(["offering_id"], ["offering.id"], name=op.f("fk_usage_writeoff_offering_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_usage_writeoff_operator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_writeoff")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("usage_writeoff", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_usage_writeoff_contract_id"), ["contract_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_usage_writeoff_operator_id"), ["operator_id"], unique=False)

    op.create_table(
        "credit_note",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("buyer_id", sa.Text(), nullable=False),
        sa.Column("invoice_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("issued_on", columns.Day(), nullable=False),
        sa.Column("net", columns.Int64(), nullable=False),
        sa.Column("tax", columns.Int64(), nullable=False),
        sa.Column("gross", columns.Int64(), nullable=False),
        sa.Column("rebill", columns.Flag(), nullable=False),
        sa.Column("red_pending", columns.Flag(), nullable=False),
        sa.CheckConstraint(
            "reason IN ('issued_in_error', 'returned', 'allowance', 'service_stopped', 'late_use', 'fee_changed', "
            "'above_ceiling')",
            name=op.f("ck_credit_note_reason"),
        ),
        sa.CheckConstraint("gross >= 0 AND gross = net + tax", name=op.f("ck_credit_note_amounts")),
        sa.ForeignKeyConstraint(["buyer_id"], ["party.id"], name=op.f("fk_credit_note_buyer_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_credit_note_invoice_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_credit_note_operator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_note")),
        sa.UniqueConstraint("operator_id", "number", name=op.f("uq_credit_note_operator_id_number")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("credit_note", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_credit_note_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_credit_note_invoice_id"), ["invoice_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_credit_note_issued_on"), ["issued_on"], unique=False)
        batch_op.create_index("ix_credit_note_operator_issued_on", ["operator_id", "issued_on"], unique=False)
        batch_op.create_index("ix_credit_note_operator_recorded_at", ["operator_id", "recorded_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_credit_note_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "dispute",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Text(), nullable=False),
        sa.Column("buyer_id", sa.Text(), nullable=False),
        sa.Column("invoice_id", sa.Text(), nullable=True),
        sa.Column("contract_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("lines", columns.Document(), nullable=True),
        sa.ForeignKeyConstraint(["buyer_id"], ["party.id"], name=op.f("fk_dispute_buyer_id")),
        sa.ForeignKeyConstraint(["contract_id"], ["contract.id"], name=op.f("fk_dispute_contract_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_dispute_invoice_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["party.id"], name=op.f("fk_dispute_operator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("dispute", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dispute_buyer_id"), ["buyer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dispute_operator_id"), ["operator_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dispute_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "fapiao",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("invoice_id", sa.Text(), nullable=False),
        sa.Column("fapiao_no", sa.Text(), nullable=False),
        sa.Column("issued_on", columns.Day(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_fapiao_invoice_id")),
        sa.PrimaryKeyConstraint("invoice_id", name=op.f("pk_fapiao")),
        sa.UniqueConstraint("fapiao_no", name=op.f("uq_fapiao_fapiao_no")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("fapiao", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_fapiao_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "invoice_application",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("invoice_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("taxpayer_no", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('general', 'special')", name=op.f("ck_invoice_application_kind")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_invoice_application_invoice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_application")),
        sa.UniqueConstraint("invoice_id", name=op.f("uq_invoice_application_invoice_id")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("invoice_application", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_invoice_application_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "invoice_line",
        sa.Column("invoice_id", sa.Text(), nullable=False),
        sa.Column("position", columns.Int64(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("offering_id", sa.Text(), nullable=False),
        sa.Column("service_month", sa.Text(), nullable=False),
        sa.Column("service_from", columns.Day(), nullable=False),
        sa.Column("service_until", columns.Day(), nullable=False),
        sa.Column("quantity", columns.Int64(), nullable=False),
        sa.Column("unit_price", columns.Exact(), nullable=True),
        sa.Column("nominal_unit_price", columns.Exact(), nullable=True),
        sa.Column("amount", columns.Int64(), nullable=False),
        sa.Column("vat_rate", columns.Exact(), nullable=False),
        sa.Column("net", columns.Int64(), nullable=False),
        sa.Column("tax", columns.Int64(), nullable=False),
        sa.Column("gross", columns.Int64(), nullable=False),
        sa.Column("tariff_id", sa.Text(), nullable=True),
        sa.Column("ceiling_id", sa.Text(), nullable=True),
        sa.Column("ceiling_decision_no", sa.Text(), nullable=True),
        sa.Column("corrects", sa.Text(), nullable=True),
        sa.Column("trial", columns.Flag(), nullable=False),
        sa.Column("explanation", columns.Document(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('usage', 'fixed_fee', 'minimum', 'ceiling_relief', 'relief', 'correction')",
            name=op.f("ck_invoice_line_kind"),
        ),
        sa.CheckConstraint("gross = net + tax", name=op.f("ck_invoice_line_gross")),
        sa.ForeignKeyConstraint(["ceiling_id"], ["ceiling_version.id"], name=op.f("fk_invoice_line_ceiling_id")),
        sa.ForeignKeyConstraint(["corrects"], ["invoice.id"], name=op.f("fk_invoice_line_corrects")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_invoice_line_invoice_id")),
        sa.ForeignKeyConstraint(["offering_id"], ["offering.id"], name=op.f("fk_invoice_line_offering_id")),
        sa.ForeignKeyConstraint(["tariff_id"], ["tariff_version.id"], name=op.f("fk_invoice_line_tariff_id")),
        sa.PrimaryKeyConstraint("invoice_id", "position", name=op.f("pk_invoice_line")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("invoice_line", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_invoice_line_offering_id"), ["offering_id"], unique=False)

    op.create_table(
        "payment_allocation",
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("invoice_id", sa.Text(), nullable=False),
        sa.Column("amount", columns.Int64(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payment_allocation_amount")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_payment_allocation_invoice_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_payment_allocation_payment_id")),
        sa.PrimaryKeyConstraint("payment_id", "invoice_id", name=op.f("pk_payment_allocation")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("payment_allocation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_payment_allocation_invoice_id"), ["invoice_id"], unique=False)

    op.create_table(
        "settlement_take",
        sa.Column("settlement_id", sa.Text(), nullable=False),
        sa.Column("agreement_id", sa.Text(), nullable=False),
        sa.Column("invoice_id", sa.Text(), nullable=False),
        sa.Column("position", columns.Int64(), nullable=False),
        sa.Column("offering_id", sa.Text(), nullable=False),
        sa.Column("amount", columns.Int64(), nullable=False),
        sa.Column("output_vat", columns.Int64(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["distribution_agreement.id"], name=op.f("fk_settlement_take_agreement_id")
        ),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_settlement_take_invoice_id")),
        sa.ForeignKeyConstraint(["offering_id"], ["offering.id"], name=op.f("fk_settlement_take_offering_id")),
        sa.ForeignKeyConstraint(["settlement_id"], ["settlement.id"], name=op.f("fk_settlement_take_settlement_id")),
        sa.PrimaryKeyConstraint(
            "settlement_id", "agreement_id", "invoice_id", "position", name=op.f("pk_settlement_take")
        ),
        sqlite_strict=True,
    )
    with op.batch_alter_table("settlement_take", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_settlement_take_invoice_id"), ["invoice_id"], unique=False)

    op.create_table(
        "credit_note_line",
        sa.Column("credit_note_id", sa.Text(), nullable=False),
        sa.Column("position", columns.Int64(), nullable=False),
        sa.Column("quantity", columns.Int64(), nullable=False),
        sa.Column("net", columns.Int64(), nullable=False),
        sa.Column("tax", columns.Int64(), nullable=False),
        sa.Column("gross", columns.Int64(), nullable=False),
        sa.CheckConstraint("gross = net + tax", name=op.f("ck_credit_note_line_gross")),
        sa.ForeignKeyConstraint(
            ["credit_note_id"], ["credit_note.id"], name=op.f("fk_credit_note_line_credit_note_id")
        ),
        sa.PrimaryKeyConstraint("credit_note_id", "position", name=op.f("pk_credit_note_line")),
        sqlite_strict=True,
    )
    op.create_table(
        "dispute_decision",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("dispute_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("credit_note_id", sa.Text(), nullable=True),
        sa.CheckConstraint("outcome IN ('accepted', 'rejected')", name=op.f("ck_dispute_decision_outcome")),
        sa.ForeignKeyConstraint(
            ["credit_note_id"], ["credit_note.id"], name=op.f("fk_dispute_decision_credit_note_id")
        ),
        sa.ForeignKeyConstraint(["dispute_id"], ["dispute.id"], name=op.f("fk_dispute_decision_dispute_id")),
        sa.PrimaryKeyConstraint("dispute_id", name=op.f("pk_dispute_decision")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("dispute_decision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dispute_decision_recorded_at"), ["recorded_at"], unique=False)

    op.create_table(
        "red_confirmation",
        sa.Column("recorded_at", columns.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column("credit_note_id", sa.Text(), nullable=False),
        sa.Column("red_confirmation_no", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["credit_note_id"], ["credit_note.id"], name=op.f("fk_red_confirmation_credit_note_id")
        ),
        sa.PrimaryKeyConstraint("credit_note_id", name=op.f("pk_red_confirmation")),
        sa.UniqueConstraint("red_confirmation_no", name=op.f("uq_red_confirmation_red_confirmation_no")),
        sqlite_strict=True,
    )
    with op.batch_alter_table("red_confirmation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_red_confirmation_recorded_at"), ["recorded_at"], unique=False)
