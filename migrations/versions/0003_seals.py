"""seals: the keys that sign, the seals, and what each holds.

All three are append-only, and the serving role may add to them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store import columns

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

APPEND_ONLY = ("signing_key", "seal", "seal_part")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "signing_key",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("valid_from", columns.Instant(), nullable=False),
        sa.Column("endorsed_by", sa.Text(), nullable=True),
        sa.Column("endorsement", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["endorsed_by"], ["signing_key.id"], name=op.f("fk_signing_key_endorsed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_key")),
        sa.UniqueConstraint("valid_from", name=op.f("uq_signing_key_valid_from")),
        sqlite_strict=True,
    )
    op.create_table(
        "seal",
        sa.Column("number", columns.Int64(), nullable=False),
        sa.Column("recorded_after", columns.Instant(), nullable=True),
        sa.Column("recorded_until", columns.Instant(), nullable=False),
        sa.Column("account_count", columns.Int64(), nullable=False),
        sa.Column("transaction_count", columns.Int64(), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("closes_count", columns.Int64(), nullable=False),
        sa.Column("closes_digest", sa.Text(), nullable=False),
        sa.Column("log_count", columns.Int64(), nullable=False),
        sa.Column("log_digest", sa.Text(), nullable=False),
        sa.Column("refused_count", columns.Int64(), nullable=False),
        sa.Column("refused_digest", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=True),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("sealed_at", columns.Instant(), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_seal_number")),
        sa.CheckConstraint(
            "account_count >= 0 AND transaction_count >= 0 AND closes_count >= 0 AND log_count >= 0 AND "
            "refused_count >= 0",
            name=op.f("ck_seal_counts"),
        ),
        sa.CheckConstraint(
            "(number = 1) = (previous_hash IS NULL) AND (number = 1) = (recorded_after IS NULL)",
            name=op.f("ck_seal_chain"),
        ),
        sa.ForeignKeyConstraint(["key_id"], ["signing_key.id"], name=op.f("fk_seal_key_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_seal")),
        sa.UniqueConstraint("recorded_until", name=op.f("uq_seal_recorded_until")),
        sqlite_strict=True,
    )
    op.create_table(
        "seal_part",
        sa.Column("seal", columns.Int64(), nullable=False),
        sa.Column("part", columns.Int64(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.Column("marks", sa.LargeBinary(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("part >= 0", name=op.f("ck_seal_part_part")),
        sa.CheckConstraint("length(members) = length(marks)", name=op.f("ck_seal_part_members")),
        sa.ForeignKeyConstraint(["seal"], ["seal.number"], name=op.f("fk_seal_part_seal")),
        sa.PrimaryKeyConstraint("seal", "part", name=op.f("pk_seal_part")),
        sqlite_strict=True,
    )
    op.create_index("ix_account_recorded_at", "account", ["recorded_at"])
    for table in APPEND_ONLY:
        for statement in _guards(table, op.get_bind().dialect.name):
            op.execute(statement)


def _guards(table: str, dialect: str) -> list[str]:
    if dialect == "sqlite":
        refusal = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: record a correction instead'); END"
        return [
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} {refusal}"
            for verb in ("UPDATE", "DELETE")
        ]
    trigger = f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
    serving = "EXISTS (SELECT FROM pg_roles WHERE rolname = 'tariffbook_server')"
    return [
        f"{trigger} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
        f"DO $$ BEGIN IF {serving} THEN GRANT SELECT, INSERT ON {table} TO tariffbook_server; END IF; END $$",
    ]
