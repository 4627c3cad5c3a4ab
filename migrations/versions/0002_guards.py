"""guards: what the tables alone cannot hold.

Append-only tables refuse UPDATE, DELETE and (PostgreSQL) TRUNCATE. A ledger transaction takes exactly the legs that
its head announces, each on an account of its book (so of a party's) in its asset and recorded in its month, and no
account on both sides; each of its assets balances to zero; and none enters a closed period. On PostgreSQL the role
that serves is not the owner, and rows reach a partition by its table only.
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
    "closed_period",
    "contract_offering",
    "credit_note",
    "credit_note_line",
    "dispute",
    "dispute_decision",
    "distribution_agreement",
    "event_key",
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
    # The legs come first, and the head closes the transaction: it looks at them once, and none may follow.
    """CREATE TRIGGER ledger_entry_open BEFORE INSERT ON ledger_entry
    WHEN EXISTS (SELECT 1 FROM ledger_transaction WHERE id = NEW.transaction_id) BEGIN
        SELECT RAISE(ABORT, 'a posted transaction takes no more legs');
    END""",
    # A sum is reckoned in billions and the rest: of the greatest amounts it would not fit into 64 bits.
    # What is asked asset by asset and account by account is only asked of a transaction that has several of them.
    """CREATE TRIGGER ledger_transaction_closes AFTER INSERT ON ledger_transaction BEGIN
        SELECT CASE
            WHEN given.legs IS NOT NEW.legs OR given.known IS NOT NEW.legs OR given.last IS NOT NEW.legs
            THEN RAISE(ABORT, 'a transaction takes the legs it announced, each on an account of its book and asset')
            WHEN given.rest % 1000000000 <> 0 OR given.billions <> -(given.rest / 1000000000)
                 OR given.several_assets AND EXISTS (
                SELECT 1 FROM (
                    SELECT sum(CASE side WHEN 'D' THEN amount / 1000000000 ELSE -(amount / 1000000000) END) AS billions,
                           sum(CASE side WHEN 'D' THEN amount % 1000000000 ELSE -(amount % 1000000000) END) AS rest
                    FROM ledger_entry WHERE transaction_id = NEW.id GROUP BY asset
                ) AS of_asset
                WHERE of_asset.rest % 1000000000 <> 0 OR of_asset.billions <> -(of_asset.rest / 1000000000)
            ) THEN RAISE(ABORT, 'the transaction does not balance')
            WHEN given.one_account OR given.legs > 2 AND EXISTS (
                SELECT 1 FROM ledger_entry WHERE transaction_id = NEW.id
                GROUP BY account_id HAVING min(side) <> max(side)
            ) THEN RAISE(ABORT, 'an account stands on one side of a transaction only')
            WHEN EXISTS (SELECT 1 FROM closed_period WHERE book = NEW.book AND opens_on > NEW.effective_on)
            THEN RAISE(ABORT, 'a closed period takes no entry')
        END
        FROM (
            SELECT count(*) AS legs, count(account.id) AS known, max(entry.leg) AS last,
                   sum(CASE side WHEN 'D' THEN amount / 1000000000 ELSE -(amount / 1000000000) END) AS billions,
                   sum(CASE side WHEN 'D' THEN amount % 1000000000 ELSE -(amount % 1000000000) END) AS rest,
                   min(entry.asset) <> max(entry.asset) AS several_assets,
                   min(entry.account_id) = max(entry.account_id) AS one_account
            FROM ledger_entry AS entry
            LEFT JOIN account ON account.id = entry.account_id AND account.asset = entry.asset
                 AND account.book = NEW.book AND entry.recorded_month = NEW.recorded_month
            WHERE entry.transaction_id = NEW.id
        ) AS given;
    END""",
)

# A session keeps the plan that it made when the books were small. Without the joins that read whole tables, what is
# asked of a statement costs its own rows, however many there are behind them.
POSTGRESQL_LEDGER = (
    """CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only: record a correction instead', TG_TABLE_NAME USING ERRCODE = 'TB001';
    END $$""",
    # Head and legs come in one statement, so that what is asked of either finds the other.
    """CREATE FUNCTION check_ledger_entries() RETURNS trigger LANGUAGE plpgsql
    SET enable_hashjoin = off SET enable_mergejoin = off AS $$
    DECLARE wrong record; the_book text; unlike boolean;
    BEGIN
        -- Most statements add pairs to accounts of one book: what is asked of an account is asked once, and who finds
        -- nothing remarkable then is done. Everything else is looked at closely.
        SELECT min(account.book), bool_or(account.id IS NULL) OR min(account.book) <> max(account.book)
        INTO the_book, unlike
        FROM (SELECT DISTINCT account_id, asset FROM added) AS used
        LEFT JOIN account ON account.id = used.account_id AND account.asset = used.asset;
        IF NOT unlike THEN
            PERFORM FROM (
                SELECT transaction_id, recorded_month, count(*) AS legs, max(leg) AS last,
                       sum(CASE side WHEN 'D' THEN amount ELSE -amount END) AS value,
                       min(account_id) AS lowest, max(account_id) AS highest
                FROM added GROUP BY transaction_id, recorded_month, asset
            ) AS given
            LEFT JOIN ledger_transaction AS head
                 ON head.id = given.transaction_id AND head.recorded_month = given.recorded_month
            WHERE given.legs <> 2 OR given.last <> 2 OR given.value <> 0 OR given.lowest = given.highest
               OR head.legs IS DISTINCT FROM 2 OR head.book <> the_book LIMIT 1;
            IF NOT FOUND THEN
                RETURN NULL;
            END IF;
        END IF;
        SELECT given.* INTO wrong FROM (
            SELECT transaction_id, recorded_month, sum(legs) AS legs, max(last) AS last, bool_and(balanced) AS balanced,
                   bool_and(one_sided) AS one_sided, min(lowest) AS lowest, max(highest) AS highest
            FROM (
                SELECT transaction_id, recorded_month, sum(legs) AS legs, max(last) AS last, sum(value) = 0 AS balanced,
                       bool_and(one_sided) AS one_sided, min(lowest) AS lowest, max(highest) AS highest
                FROM (
                    SELECT entry.transaction_id, entry.recorded_month, entry.asset, count(account.id) AS legs,
                           max(entry.leg) AS last, sum(CASE side WHEN 'D' THEN amount ELSE -amount END) AS value,
                           min(side) = max(side) AS one_sided,
                           min(account.book) AS lowest, max(account.book) AS highest
                    FROM added AS entry
                    LEFT JOIN account ON account.id = entry.account_id AND account.asset = entry.asset
                    GROUP BY entry.transaction_id, entry.recorded_month, entry.asset, entry.account_id
                ) AS of_account GROUP BY transaction_id, recorded_month, asset
            ) AS of_asset GROUP BY transaction_id, recorded_month
        ) AS given
        LEFT JOIN ledger_transaction AS head
             ON head.id = given.transaction_id AND head.recorded_month = given.recorded_month
        WHERE NOT given.balanced OR NOT given.one_sided
           OR given.legs IS DISTINCT FROM head.legs OR given.last IS DISTINCT FROM head.legs
           OR given.lowest IS DISTINCT FROM head.book OR given.highest IS DISTINCT FROM head.book LIMIT 1;
        IF NOT FOUND THEN
            RETURN NULL;
        ELSIF NOT wrong.balanced THEN
            RAISE EXCEPTION 'transaction % does not balance', wrong.transaction_id USING ERRCODE = 'TB002';
        ELSIF NOT wrong.one_sided THEN
            RAISE EXCEPTION 'transaction % has an account on both sides', wrong.transaction_id
            USING ERRCODE = 'TB005';
        END IF;
        RAISE EXCEPTION 'transaction % takes the legs it announced, each on an account of its book and asset, all at '
                        'once, and no more', wrong.transaction_id USING ERRCODE = 'TB003';
    END $$""",
    """CREATE TRIGGER ledger_entry_balance AFTER INSERT ON ledger_entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION check_ledger_entries()""",
    """CREATE FUNCTION check_ledger_heads() RETURNS trigger LANGUAGE plpgsql
    SET enable_hashjoin = off SET enable_mergejoin = off AS $$
    DECLARE wrong bigint; given record;
    BEGIN
        FOR given IN
            SELECT found.recorded_at, found.recorded_month,
                   least((date_part('year', found.moment) - 1970) * 12 + date_part('month', found.moment) - 1, 32767)
                   AS month
            FROM (SELECT head.recorded_at, head.recorded_month,
                         head.recorded_at AT TIME ZONE instance.timezone AS moment
                  FROM (SELECT DISTINCT recorded_at, recorded_month FROM added) AS head, instance) AS found
        LOOP
            IF given.month <> given.recorded_month THEN
                RAISE EXCEPTION 'what was recorded at % is of the month %, not %', given.recorded_at, given.month,
                                given.recorded_month USING ERRCODE = 'TB008';
            END IF;
            -- By a month that is known before it begins, the query opens one partition only.
            SELECT head.id INTO wrong FROM added AS head
            WHERE head.recorded_month = given.recorded_month AND NOT EXISTS (
                SELECT FROM ledger_entry AS entry
                WHERE entry.transaction_id = head.id AND entry.recorded_month = given.recorded_month
            ) LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'transaction % has no legs', wrong USING ERRCODE = 'TB004';
            END IF;
        END LOOP;
        SELECT head.id INTO wrong
        FROM (SELECT book, effective_on, min(id) AS id FROM added GROUP BY book, effective_on) AS head
        JOIN closed_period AS closed ON closed.book = head.book
        WHERE head.effective_on < closed.opens_on LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'transaction % lies in a closed period', wrong USING ERRCODE = 'TB007';
        END IF;
        RETURN NULL;
    END $$""",
    """CREATE TRIGGER ledger_transaction_whole AFTER INSERT ON ledger_transaction REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION check_ledger_heads()""",
)

# What a partition takes directly, no guard of its table would see.
PARTED = ("ledger_entry", "usage_event")
POSTGRESQL_PARTITIONS = (
    """CREATE FUNCTION refuse_partition() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is part of a table that is append-only: add to the table, and record a correction where '
                        'something is wrong', TG_TABLE_NAME USING ERRCODE = 'TB001';
    END $$""",
    *(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT" for table in PARTED),
    *(
        f"CREATE TRIGGER only_by_its_table BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}_default "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_partition()"
        for table in PARTED
    ),
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
    for statement in POSTGRESQL_PARTITIONS:  # after the role's grants: it needs none on a partition
        op.execute(statement)
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
