"""The guards that are expected are those that the migrations make; whatever else a database has is named."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from store.engine import open_engine
from store.guards import expected, guards_fault, present
from store.settings import Settings
from store.unit import Store

SETTING_OF_THE_DATABASE = (
    "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET session_replication_role=replica'; END $$"
)
TAMPERING: dict[str, dict[tuple[str, ...], str]] = {
    "sqlite": {
        ("DROP TRIGGER party_no_update",): "trigger party.party_no_update is missing",
        ("CREATE TRIGGER sly AFTER INSERT ON party BEGIN SELECT 1; END",): "trigger party.sly is not of the migrations",
        (
            "DROP TRIGGER party_no_delete",
            "CREATE TRIGGER party_no_delete BEFORE DELETE ON party BEGIN SELECT 1; END",
        ): "trigger party.party_no_delete is not as the migrations made it",
        (
            "PRAGMA writable_schema=ON",
            "UPDATE sqlite_master SET sql = replace(sql, 'CONSTRAINT ck_seal_number CHECK (number >= 1)', 'CHECK (1)')",
        ): "constraint seal.ck_seal_number is missing",
        (
            "PRAGMA writable_schema=ON",
            "UPDATE sqlite_master SET sql = replace(sql, 'CHECK (number >= 1)', 'CHECK (1)') WHERE name = 'seal'",
        ): "definition of seal is not as the migrations made it",
    },
    "postgresql": {
        ("DROP TRIGGER party_append_only ON party",): "trigger party.party_append_only is missing",
        ("ALTER TABLE party DISABLE TRIGGER party_append_only",): "trigger party.party_append_only is disabled",
        ("ALTER TABLE party ENABLE REPLICA TRIGGER party_append_only",): "trigger party.party_append_only is disabled",
        ("CREATE TRIGGER sly BEFORE INSERT ON party FOR EACH ROW EXECUTE FUNCTION refuse_change()",): (
            "trigger party.sly is not of the migrations"
        ),
        (
            "DROP TRIGGER party_append_only ON party",
            "CREATE TRIGGER party_append_only BEFORE UPDATE ON party EXECUTE FUNCTION refuse_change()",
        ): "trigger party.party_append_only is not as the migrations made it",
        ("CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",): (
            "function refuse_change is not as the migrations made it"
        ),
        ("CREATE RULE sly AS ON INSERT TO party DO INSTEAD NOTHING",): "rule party.sly is not of the migrations",
        ("ALTER TABLE seal DROP CONSTRAINT ck_seal_number",): "constraint seal.ck_seal_number is missing",
        (
            "ALTER TABLE ledger_entry DROP CONSTRAINT ck_ledger_entry_amount",
            "ALTER TABLE ledger_entry ADD CONSTRAINT ck_ledger_entry_amount CHECK (true)",
        ): "constraint ledger_entry.ck_ledger_entry_amount is not as the migrations made it",
        (
            "ALTER TABLE event_key DROP CONSTRAINT pk_event_key",
            "ALTER TABLE event_key ADD CONSTRAINT pk_event_key PRIMARY KEY (operator_id, source, event_id, number)",
        ): "constraint event_key.pk_event_key is not as the migrations made it",
        ("ALTER TABLE ledger_entry ALTER COLUMN asset DROP NOT NULL",): (
            "columns of ledger_entry is not as the migrations made it"
        ),
        ("ALTER TABLE party ALTER COLUMN name TYPE varchar(9)",): "columns of party is not as the migrations made it",
        (SETTING_OF_THE_DATABASE,): (
            "setting session_replication_role=replica of a role or of the database is not of the migrations"
        ),
        ("ALTER TABLE party ENABLE ROW LEVEL SECURITY",): "row security of party is not of the migrations",
        ("SET session_replication_role = replica",): "setting session_replication_role is not of the migrations",
    },
}


def test_the_guards_that_are_expected_are_those_of_a_fresh_database(store: Store) -> None:
    with store.engine.connect() as connection:
        assert present(connection) == expected(connection.dialect.name), "after a migration: python -m tests.guards"
        assert guards_fault(connection) is None


def test_whatever_is_dropped_disabled_altered_or_added_is_named(settings: Settings, subtests: pytest.Subtests) -> None:
    engine = open_engine(settings.database_url, 5, as_owner=True)
    for tampering, fault in TAMPERING[engine.dialect.name].items():
        with subtests.test(tampering[-1]), engine.connect() as connection:
            for statement in tampering:
                connection.execute(text(statement))
            assert guards_fault(connection) == fault
            connection.rollback()
    engine.dispose()
