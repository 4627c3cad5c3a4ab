"""guards: what the tables alone cannot hold.

Append-only tables refuse UPDATE, DELETE and (PostgreSQL) TRUNCATE. A ledger transaction takes exactly the legs that
its head announces, and each of its assets balances to zero when they are in. On PostgreSQL the role that serves is
not the owner.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import inspect, text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "account",
    "agreement_signature",
    "asset",
    "audit_entry",
    "authorisation",
    "ceiling_version",
    "classification_decision",
    "contract_offering",
    "credit_note",
    "credit_note_line",
    "dispute",
    "dispute_decision",
    "distribution_agreement",
    "fapiao",
    "free_use_grant",
    "grant_decision",
    "horizon",
    "invoice",
    "invoice_application",
    "invoice_line",
    "issued_file",
    "ledger_entry",
    "ledger_transaction",
    "offering",
    "party",
    "payment",
    "payment_allocation",
    "payout",
    "product",
    "product_registration",
    "red_confirmation",
    "refund",
    "resource",
    "revenue_cap",
    "settlement",
    "settlement_pool",
    "settlement_share",
    "settlement_take",
    "statement",
    "tariff_version",
    "usage_event",
    "usage_writeoff",
    "verification",
)
CHANGEABLE = ("counter", "late_use", "quota", "refused_event", "stored_answer")
# Of a row that has a fate, only the columns of its fate may change, and it is never removed.
FATES = {
    "api_key": ("revoked_at",),
    "contract": ("accepted_at",),
    "instance": ("clock_offset_us",),
    "quote": ("accepted_at", "contract_id", "withdrawn_at"),
}
# PostgreSQL locks a row only for a role that may update some column of it; the triggers still refuse every update.
LOCKABLE = ("distribution_agreement", "free_use_grant", "invoice", "party")

SQLITE_LEDGER = (
    # One row holds the only value that a finished sum may have; the deferred key is checked when the work commits.
    """CREATE TABLE ledger_zero (value INTEGER NOT NULL PRIMARY KEY CHECK (value = 0)) STRICT""",
    """INSERT INTO ledger_zero (value) VALUES (0)""",
    """CREATE TABLE ledger_sum (
        transaction_id INTEGER NOT NULL,
        asset TEXT NOT NULL,
        value INTEGER NOT NULL REFERENCES ledger_zero (value) DEFERRABLE INITIALLY DEFERRED,
        PRIMARY KEY (transaction_id, asset)
    ) STRICT, WITHOUT ROWID""",
    # The empty asset counts the legs that are still to come.
    """CREATE TRIGGER ledger_transaction_legs_due AFTER INSERT ON ledger_transaction BEGIN
        INSERT INTO ledger_sum (transaction_id, asset, value) VALUES (NEW.id, '', NEW.legs);
    END""",
    """CREATE TRIGGER ledger_entry_leg_announced BEFORE INSERT ON ledger_entry
    WHEN NEW.leg > coalesce((SELECT legs FROM ledger_transaction WHERE id = NEW.transaction_id), 0) BEGIN
        SELECT RAISE(ABORT, 'a posted transaction takes no more legs');
    END""",
    """CREATE TRIGGER ledger_entry_balance AFTER INSERT ON ledger_entry BEGIN
        UPDATE ledger_sum SET value = value - 1 WHERE transaction_id = NEW.transaction_id AND asset = '';
        INSERT INTO ledger_sum (transaction_id, asset, value)
        VALUES (NEW.transaction_id, NEW.asset, CASE NEW.side WHEN 'D' THEN NEW.amount ELSE -NEW.amount END)
        ON CONFLICT (transaction_id, asset) DO UPDATE SET value = value + excluded.value;
    END""",
    """CREATE TRIGGER ledger_sum_no_delete BEFORE DELETE ON ledger_sum BEGIN
        SELECT RAISE(ABORT, 'ledger_sum is append-only: post a reversal instead');
    END""",
    """CREATE TRIGGER ledger_zero_no_delete BEFORE DELETE ON ledger_zero BEGIN
        SELECT RAISE(ABORT, 'ledger_zero is fixed');
    END""",
    """CREATE TRIGGER ledger_zero_no_update BEFORE UPDATE ON ledger_zero BEGIN
        SELECT RAISE(ABORT, 'ledger_zero is fixed');
    END""",
)

POSTGRESQL_LEDGER = (
    """CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only: record a correction instead', TG_TABLE_NAME USING ERRCODE = 'TB001';
    END $$""",
    """CREATE FUNCTION check_ledger_entries() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE wrong bigint;
    BEGIN
        SELECT transaction_id INTO wrong FROM added GROUP BY transaction_id, asset
        HAVING sum(CASE side WHEN 'D' THEN amount ELSE -amount END) <> 0 LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'transaction % does not balance', wrong USING ERRCODE = 'TB002';
        END IF;
        SELECT given.transaction_id INTO wrong
        FROM (SELECT transaction_id, count(*) AS legs, max(leg) AS last FROM added GROUP BY transaction_id) AS given
        JOIN ledger_transaction AS head ON head.id = given.transaction_id
        WHERE given.legs <> head.legs OR given.last > head.legs LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'transaction % takes the legs it announced, all at once, and no more', wrong
            USING ERRCODE = 'TB003';
        END IF;
        RETURN NULL;
    END $$""",
    """CREATE TRIGGER ledger_entry_balance AFTER INSERT ON ledger_entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION check_ledger_entries()""",
    # A head without its legs: looked for when the work commits.
    """CREATE FUNCTION check_ledger_head() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM ledger_entry WHERE transaction_id = NEW.id) THEN
            RAISE EXCEPTION 'transaction % has no legs', NEW.id USING ERRCODE = 'TB004';
        END IF;
        RETURN NULL;
    END $$""",
    """CREATE CONSTRAINT TRIGGER ledger_transaction_has_legs AFTER INSERT ON ledger_transaction
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_ledger_head()""",
)

# Creating a role needs a right that the owner may lack; then the administrator makes it (docs/operations.md).
POSTGRESQL_ROLE = """DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tariffbook_server') THEN
        BEGIN
            CREATE ROLE tariffbook_server NOLOGIN;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'the role tariffbook_server is missing: the service will run as the owner of its tables';
        END;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'tariffbook_server') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO tariffbook_server', current_schema());
        EXECUTE format('GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA %I TO tariffbook_server', current_schema());
        EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO tariffbook_server', current_schema());
    END IF;
END $$"""


def upgrade() -> None:
    """Apply the change."""
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _guard_sqlite() -> None:
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN "
                f"SELECT RAISE(ABORT, '{table} is append-only: record a correction instead'); END"
            )
    for table in FATES:
        refusal = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only but for its fate'); END"
        op.execute(f"CREATE TRIGGER {table}_frozen BEFORE UPDATE OF {_frozen_columns(table)} ON {table} {refusal}")
        op.execute(f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} {refusal}")
    for statement in SQLITE_LEDGER:
        op.execute(statement)


def _guard_postgresql() -> None:
    for statement in POSTGRESQL_LEDGER:
        op.execute(statement)
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    for table in FATES:
        refusal = f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        op.execute(f"CREATE TRIGGER {table}_frozen BEFORE UPDATE OF {_frozen_columns(table)} {refusal}")
        op.execute(f"CREATE TRIGGER {table}_kept BEFORE DELETE OR TRUNCATE {refusal}")
    op.execute(POSTGRESQL_ROLE)
    serving = op.get_bind().execute(text("SELECT 1 FROM pg_roles WHERE rolname = 'tariffbook_server'")).first()
    if serving:
        op.execute(f"GRANT UPDATE, DELETE ON {', '.join(CHANGEABLE)} TO tariffbook_server")
        for table, columns in FATES.items():
            op.execute(f"GRANT UPDATE ({', '.join(columns)}) ON {table} TO tariffbook_server")
        op.execute(f"GRANT UPDATE (id) ON {', '.join(LOCKABLE)} TO tariffbook_server")


def _frozen_columns(table: str) -> str:
    """Return the columns of a table that are not of its fate."""
    columns = inspect(op.get_bind()).get_columns(table)
    return ", ".join(column["name"] for column in columns if column["name"] not in FATES[table])
