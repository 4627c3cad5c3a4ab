"""The migrations make the tables that the models say, and guard what may only be added to."""

from __future__ import annotations

import re
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel, select

import migrations.schema
from store.columns import Whole
from store.engine import open_engine
from store.partitions import is_partition
from store.settings import Settings
from store.tables import Instance
from store.unit import Store

LEDGER_GUARDS = {
    "sqlite": {"ledger_entry_open", "ledger_transaction_closes"},
    "postgresql": {"ledger_entry_balance", "ledger_transaction_whole"},
}


def append_only_tables() -> set[str]:
    return {table.name for table in SQLModel.metadata.tables.values() if table.info.get("append_only")}


def test_every_table_says_whether_its_rows_may_change() -> None:
    assert all("append_only" in table.info for table in SQLModel.metadata.tables.values())


def test_the_models_equal_the_migrations(store: Store) -> None:
    def of_this_database(found: Any, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
        if kind == "table" and is_partition(name):
            return False
        condition = getattr(found, "_ddl_if", None)
        return condition is None or condition.dialect == store.engine.dialect.name

    def is_other(_context: Any, _found: Any, _column: Any, _found_type: Any, wanted: object) -> bool | None:
        # SQLite's ANY is read back as the affinity that it gives to a column, which is NUMERIC.
        return False if isinstance(wanted, Whole) and store.engine.dialect.name == "sqlite" else None

    with store.engine.connect() as connection:
        opts = {"include_object": of_this_database, "compare_type": is_other}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, SQLModel.metadata) == []


def test_the_checks_of_the_models_are_in_the_database(store: Store) -> None:
    inspector = inspect(store.engine)
    for table in SQLModel.metadata.tables.values():
        wanted = {str(check.name) for check in table.constraints if check.__visit_name__ == "check_constraint"}
        found = {str(check["name"]) for check in inspector.get_check_constraints(table.name)}
        assert wanted <= found, table.name


def test_every_append_only_table_has_its_triggers_and_the_ledger_its_guards(store: Store) -> None:
    with store.engine.connect() as connection:
        dialect = connection.dialect.name
        found = _triggers(connection)
    wanted = set(LEDGER_GUARDS[dialect])
    for table in append_only_tables():
        wanted |= {f"{table}_no_update", f"{table}_no_delete"} if dialect == "sqlite" else {f"{table}_append_only"}
    assert wanted <= found
    assert {name for name in found - wanted if re.search("append_only|no_update|no_delete", name)} == set()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE instance SET sandbox = false",
        "UPDATE instance SET timezone = 'UTC'",
        "DELETE FROM instance",
        "UPDATE quote SET snapshot = '{}'",
        "UPDATE contract SET effective_until = NULL",
        "DELETE FROM contract",
        "UPDATE api_key SET role = 'admin'",
    ],
)
def test_what_a_row_with_a_fate_says_is_frozen_for_the_owner_too(settings: Settings, statement: str) -> None:
    engine = open_engine(settings.database_url, 5, as_owner=True)
    key = (
        "INSERT INTO api_key (id, role, secret_hash, recorded_at) "
        "VALUES ('k', 'auditor', 'x', '2025-01-01T00:00:00.000000Z')"
    )
    with engine.begin() as connection:
        connection.execute(text(key))
        if connection.dialect.name == "sqlite":
            statement = statement.replace("false", "0")
    if "quote" in statement or "contract" in statement:
        with engine.begin() as connection:
            assert {f"{statement.split()[1 if statement.startswith('UPDATE') else 2]}_frozen"} <= _triggers(connection)
    else:
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(text(statement))
    engine.dispose()


def test_there_is_one_head() -> None:
    assert len(ScriptDirectory(str(migrations.schema.FOLDER)).get_heads()) == 1


@pytest.mark.parametrize("verb", ["UPDATE party SET name = 'x'", "DELETE FROM party"])
def test_the_owner_too_cannot_change_what_is_append_only(settings: Settings, verb: str) -> None:
    engine = open_engine(settings.database_url, 5, as_owner=True)
    party = (
        "INSERT INTO party (id, code, name, kinds, recorded_at) "
        "VALUES ('p', 'p', 'p', '[]', '2025-01-01T00:00:00.000000Z')"
    )
    with engine.begin() as connection:
        connection.execute(text(party))
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(verb))
    engine.dispose()


def test_a_sandbox_stays_one_and_a_time_zone_is_fixed(settings: Settings) -> None:
    migrations.schema.migrate(settings, sandbox=True)
    other = Settings(settings.database_url, timezone="UTC")
    with pytest.raises(migrations.schema.InstanceFixed, match="for good"):
        migrations.schema.migrate(other)
    store = Store(settings)
    with store.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM instance")).scalar_one() == 1
        assert connection.execute(select(Instance.sandbox)).scalar_one()
    store.close()


def _triggers(connection: Connection) -> set[str]:
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if connection.dialect.name == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    )
    return set(connection.execute(text(query)).scalars())
