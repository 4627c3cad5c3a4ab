"""The databases that are measured: SQLite in a folder, and a durable PostgreSQL of the benchmark's own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, text

from migrations.schema import migrate
from store.settings import Settings
from tests.postgres import PostgresServer

START = datetime.fromisoformat("2025-03-01T00:00:00+08:00")
_numbers = count(1)


@dataclass(frozen=True)
class Place:
    """Where databases are made: a folder for SQLite, a server for PostgreSQL."""

    kind: str
    folder: Path
    server: PostgresServer | None = None

    def empty(self) -> str:
        """Return the URL of a new database with nothing in it."""
        name = f"bench_{next(_numbers)}"
        if self.server is None:
            return f"sqlite:///{self.folder / name}.db"
        administer(self.server, f"CREATE DATABASE {name}")
        return self.server.url(name)

    def sandbox(self, start: datetime = START) -> Settings:
        """Return the settings of a new sandbox whose clock starts at ``start``."""
        settings = Settings(self.empty())
        migrate(settings, sandbox=True, start=start)
        return settings


@contextmanager
def places(kinds: tuple[str, ...]) -> Iterator[list[Place]]:
    """Yield a place for each of ``sqlite`` and ``postgresql`` that is wanted; all is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="tariffbook-bench-") as folder:
        found = [Place("sqlite", Path(folder))] if "sqlite" in kinds else []
        if "postgresql" not in kinds:
            yield found
            return
        # A commit is on the disk when it is answered, as in production.
        with PostgresServer(durable=True) as server:
            yield [*found, Place("postgresql", Path(folder), server)]


def administer(server: PostgresServer, statement: str) -> str | None:
    """Run one statement as the server's superuser; return the first value it gives, if any."""
    engine = create_engine(server.url("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        result = connection.execute(text(statement))
        row = result.first() if result.returns_rows else None
    engine.dispose()
    return None if row is None else str(row[0])
