"""The guards of the database itself: triggers, their functions, constraints; those that are there, and those expected.

``guards.json`` holds a fingerprint of each, as the migrations make them; ``python -m tests.guards`` takes it anew, and
a test holds it against a database that was just migrated.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

from sqlalchemy import Connection, Row, text

DISABLED = "disabled"
_DEFAULT = "_default"

_SQLITE = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE type IN ('trigger', 'table') AND sql IS NOT NULL"

_SPELLING = re.compile(r'[\s"`]')
"""What a definition may be spelt with or without."""

# Partitions come with the months: each is held against the default one, which the migrations make.
_OURS = "namespace.nspname = current_schema() AND NOT relation.relispartition"
_PARTITIONS = "namespace.nspname = current_schema() AND relation.relispartition AND relation.relkind = 'r'"

_GUARD = """
    SELECT relation.relname, guard.tgname, guard.tgenabled = 'O' AS enabled, guard.tgisinternal AS internal,
           concat_ws('|', routine.proname, routine.pronamespace = relation.relnamespace, guard.tgtype,
                     guard.tgdeferrable, guard.tginitdeferred, guard.tgoldtable, guard.tgnewtable,
                     encode(guard.tgargs, 'hex'),
                     (SELECT string_agg(part.attname, ',' ORDER BY part.attname) FROM pg_attribute AS part
                      WHERE part.attrelid = relation.oid AND part.attnum = ANY (guard.tgattr)),
                     CASE WHEN guard.tgqual IS NOT NULL THEN pg_get_triggerdef(guard.oid, true) END) AS definition
    FROM pg_trigger AS guard JOIN pg_class AS relation ON relation.oid = guard.tgrelid
    JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
    JOIN pg_proc AS routine ON routine.oid = guard.tgfoid"""

_POSTGRESQL_TRIGGERS = f"{_GUARD} WHERE {_OURS} AND (NOT guard.tgisinternal OR guard.tgenabled <> 'O')"
_TRIGGERS_OF_PARTITIONS = f"{_GUARD} WHERE {_PARTITIONS}"
_POSTGRESQL_PARTITIONS = f"""
    SELECT relation.relname, whole.relname AS table FROM pg_class AS relation
    JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
    JOIN pg_inherits ON inhrelid = relation.oid JOIN pg_class AS whole ON whole.oid = inhparent
    WHERE {_PARTITIONS}"""

_POSTGRESQL_FUNCTIONS = """
    SELECT routine.proname, concat_ws('|', language.lanname, routine.prosrc, routine.provolatile, routine.prosecdef,
                                      routine.proconfig, routine.pronargs) AS definition
    FROM pg_proc AS routine JOIN pg_namespace AS namespace ON namespace.oid = routine.pronamespace
    JOIN pg_language AS language ON language.oid = routine.prolang
    WHERE namespace.nspname = current_schema() AND routine.prorettype = 'trigger'::regtype"""

_POSTGRESQL_CONSTRAINTS = f"""
    SELECT relation.relname, held.conname,
           concat_ws('|', held.contype, held.convalidated, pg_get_constraintdef(held.oid)) AS definition
    FROM pg_constraint AS held JOIN pg_class AS relation ON relation.oid = held.conrelid
    JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
    WHERE {_OURS} AND held.contype IN ('c', 'f', 'p', 'u') AND held.conparentid = 0"""

# In newer versions a column that takes no NULL is a constraint as well; here it is one in all of them.
_POSTGRESQL_COLUMNS = f"""
    SELECT relation.relname, string_agg(concat_ws('|', part.attname, format_type(part.atttypid, part.atttypmod),
                                                  part.attnotnull, part.attidentity, part.attgenerated), ','
                                        ORDER BY part.attname) AS definition
    FROM pg_attribute AS part JOIN pg_class AS relation ON relation.oid = part.attrelid
    JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
    WHERE {_OURS} AND relation.relkind IN ('r', 'p') AND part.attnum > 0 AND NOT part.attisdropped
    GROUP BY relation.relname"""

_POSTGRESQL_STRANGERS = f"""
    SELECT 'rule ' || tablename || '.' || rulename FROM pg_rules WHERE schemaname = current_schema()
    UNION ALL SELECT 'row security of ' || relation.relname FROM pg_class AS relation
        JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
        WHERE {_OURS} AND relation.relrowsecurity
    UNION ALL SELECT 'setting ' || given.setting || ' of a role or of the database'
        FROM pg_db_role_setting, unnest(setconfig) AS given (setting)
        WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
          AND given.setting LIKE 'session_replication_role=%'
    UNION ALL SELECT 'setting session_replication_role' WHERE current_setting('session_replication_role') <> 'origin'"""


def expected(dialect: str) -> Mapping[str, str]:
    """Return the fingerprint of each guard that the migrations make, by its name."""
    guards: dict[str, dict[str, str]] = json.loads(resources.files(__package__).joinpath("guards.json").read_text())
    return guards[dialect]


def present(connection: Connection) -> dict[str, str]:
    """Return the fingerprint of each guard of a database, by its name; ``disabled`` for one that does not act."""
    guards = _of_sqlite(connection) if connection.dialect.name == "sqlite" else _of_postgresql(connection)
    return dict(sorted(guards))


def guards_fault(connection: Connection) -> str | None:
    """Return the first guard that is missing, disabled, altered or a stranger, None where all are as expected."""
    wanted, found = dict(expected(connection.dialect.name)), present(connection)
    if connection.dialect.name == "postgresql":
        of_months, guards = _of_months(connection, wanted)
        wanted |= of_months
        found |= guards
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found:
            return f"{name} is missing"
        if found[name] == DISABLED:
            return f"{name} is disabled"
        if name not in wanted:
            return f"{name} is not of the migrations"
        if found[name] != wanted[name]:
            return f"{name} is not as the migrations made it"
    return None


def _of_sqlite(connection: Connection) -> Iterator[tuple[str, str]]:
    for kind, name, table, sql in connection.execute(text(_SQLITE)):
        if kind == "trigger":
            yield f"trigger {table}.{name}", _fingerprint(" ".join(sql.split()))
            continue
        if "STRICT" in sql.rpartition(")")[2]:
            yield f"strict typing of {name}", _fingerprint("STRICT")
            # Its constraints stand nowhere else.
            yield f"definition of {name}", _fingerprint(_SPELLING.sub("", sql))
        for constraint in re.findall(r"CONSTRAINT (\w+)", sql):
            yield f"constraint {name}.{constraint}", _fingerprint("constraint")


def _of_months(connection: Connection, wanted: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the guards that partitions of months should have, which are those of the default one, and have."""
    tables = {name: table for name, table in connection.execute(text(_POSTGRESQL_PARTITIONS)) if not _is_default(name)}
    should = {
        f"trigger {name}.{guard.partition('.')[2]}": definition
        for name, table in tables.items()
        for guard, definition in wanted.items()
        if guard.startswith(f"trigger {table}{_DEFAULT}.")
    }
    triggers = connection.execute(text(_TRIGGERS_OF_PARTITIONS)).all()
    return should, dict(_shown(row) for row in triggers if row.relname in tables)


def _is_default(partition: str) -> bool:
    return partition.endswith(_DEFAULT)


def _shown(row: Row[Any]) -> tuple[str, str]:
    shown = f"foreign key check of {row.relname}" if row.internal else f"trigger {row.relname}.{row.tgname}"
    return shown, _fingerprint(row.definition) if row.enabled else DISABLED


def _of_postgresql(connection: Connection) -> Iterator[tuple[str, str]]:
    for row in connection.execute(text(_POSTGRESQL_TRIGGERS)):
        yield _shown(row)
    for row in connection.execute(text(_TRIGGERS_OF_PARTITIONS)):
        if _is_default(row.relname):
            yield _shown(row)
    for name, definition in connection.execute(text(_POSTGRESQL_FUNCTIONS)):
        yield f"function {name}", _fingerprint(definition)
    for table, name, definition in connection.execute(text(_POSTGRESQL_CONSTRAINTS)):
        yield f"constraint {table}.{name}", _fingerprint(definition)
    for table, definition in connection.execute(text(_POSTGRESQL_COLUMNS)):
        yield f"columns of {table}", _fingerprint(definition)
    for name in connection.execute(text(_POSTGRESQL_STRANGERS)).scalars():
        yield name, _fingerprint(name)


def _fingerprint(definition: str) -> str:
    return hashlib.sha256(definition.encode()).hexdigest()[:16]
