"""PostgreSQL databases that tests use one after the other: emptied between them, which is sooner than a fresh copy.

What a test left in its tables is deleted and what the template held is put back. A test that changed anything else
(tables, triggers, functions, rights) leaves no database behind: the next one gets a fresh copy.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import psycopg

from tests.postgres import PORT, SUPERUSER, PostgresServer

# What lies in partitions is emptied by the table that they are parts of.
_TABLES = (
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') "
    "AND NOT relispartition ORDER BY relname"
)
_SEQUENCES = "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' ORDER BY sequencename"
_LEFT_BEHIND = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
)
_SCHEMA = """
    SELECT md5(string_agg(said, '|' ORDER BY said)) FROM (
        SELECT concat_ws(':', 'c', relname, relkind, relacl::text, relrowsecurity) AS said
            FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(':', 'a', attrelid, attname, atttypid, attnotnull) FROM pg_attribute
            JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'public'::regnamespace AND attnum > 0
        UNION ALL SELECT concat_ws(':', 't', tgrelid, tgname, tgenabled, tgtype, tgfoid) FROM pg_trigger
        UNION ALL SELECT concat_ws(':', 'p', proname, md5(prosrc), proconfig::text, xmin) FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT concat_ws(':', 'k', conname, conrelid, convalidated) FROM pg_constraint
        UNION ALL SELECT concat_ws(':', 'r', rulename, ev_class) FROM pg_rewrite
        UNION ALL SELECT concat_ws(':', 's', setdatabase, setrole, setconfig::text) FROM pg_db_role_setting
    ) AS schema"""


@dataclass
class Reused:
    """The databases of one server that are used again, by the template they are copies of."""

    server: PostgresServer
    schemas: dict[str, str] = field(default_factory=dict)
    resets: dict[str, str] = field(default_factory=dict)
    made: int = 0
    names: dict[str, str] = field(default_factory=dict)

    def database(self, template: str) -> str:
        """Return the name of a database that is as the template is."""
        name = self.names.get(template)
        if name is not None and self._emptied(name, template):
            return name
        if name is not None:
            self.server.administer(f"DROP DATABASE {name} WITH (FORCE)")
        return self._copied(template)

    def _copied(self, template: str) -> str:
        self.made += 1
        name = self.names[template] = f"{template}_{self.made}"
        self.server.administer(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        with self._open(name) as connection:
            self.resets[template] = _reset(connection)
            self.schemas[template] = _text(connection, _SCHEMA)
        return name

    def _emptied(self, name: str, template: str) -> bool:
        with self._open(name) as connection:
            connection.execute(_LEFT_BEHIND)
            if _text(connection, _SCHEMA) != self.schemas[template]:
                return False
            connection.execute(self.resets[template].encode())
        return True

    def _open(self, name: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(host=str(self.server.folder), port=PORT, user=SUPERUSER, dbname=name, autocommit=True)


def _reset(connection: psycopg.Connection[tuple[object, ...]]) -> str:
    """Keep what the tables hold in a schema beside them; return the statements that bring them back to it."""
    connection.execute("CREATE SCHEMA kept")
    statements = ["BEGIN", "SET LOCAL session_replication_role = replica"]
    for (table,) in connection.execute(_TABLES).fetchall():
        statements.append(f'DELETE FROM public."{table}"')
        connection.execute(f'CREATE TABLE kept."{table}" AS TABLE public."{table}"'.encode())
        if connection.execute(f'SELECT FROM kept."{table}" LIMIT 1'.encode()).fetchone() is not None:
            statements.append(f'INSERT INTO public."{table}" SELECT * FROM kept."{table}"')
    for (sequence,) in connection.execute(_SEQUENCES).fetchall():
        row = connection.execute(f'SELECT last_value, is_called FROM public."{sequence}"'.encode()).fetchone()
        assert row is not None
        statements.append(f"SELECT setval('public.\"{sequence}\"', {row[0]}, {str(row[1]).lower()})")
    return "; ".join([*statements, "COMMIT"])


def _text(connection: psycopg.Connection[tuple[object, ...]], query: str) -> str:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return str(row[0])
