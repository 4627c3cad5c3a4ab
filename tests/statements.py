"""Hears every statement that a database is sent: those of SQLAlchemy, and those that go to the driver directly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

import store.direct

Hear = Callable[[str], object]


@contextmanager
def heard(engine: Engine, hear: Hear) -> Iterator[None]:
    """Have ``hear`` called with each statement before it is sent, in this process, by SQLAlchemy's engine or directly.

    What is sent for each of many rows is heard once on SQLite, where a statement is no journey, and for each row on
    PostgreSQL.
    """
    cursor_of = store.direct._cursor

    def note(connection: Connection, _cursor: Any, statement: str, given: Any, _context: Any, many: bool) -> None:
        _tell(connection, hear, statement, given if many else [given])

    def overheard(connection: Connection) -> Any:
        return _Overheard(cursor_of(connection), connection, hear)

    event.listen(engine, "before_cursor_execute", note)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.direct, "_cursor", overheard)
        yield
    event.remove(engine, "before_cursor_execute", note)


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    """List the statements that are sent meanwhile."""
    statements: list[str] = []
    with heard(engine, statements.append):
        yield statements


@dataclass
class _Overheard:
    """A driver's cursor, and who hears what it is told."""

    cursor: Any
    connection: Connection
    hear: Hear

    def execute(self, statement: str, given: Any) -> None:
        _tell(self.connection, self.hear, statement, [given])
        self.cursor.execute(statement, given)

    def executemany(self, statement: str, given: Sequence[Any]) -> None:
        _tell(self.connection, self.hear, statement, given)
        self.cursor.executemany(statement, given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cursor, name)


def _tell(connection: Connection, hear: Hear, statement: str, given: Sequence[Any]) -> None:
    for _ in range(1 if connection.dialect.name == "sqlite" else len(given)):
        hear(statement)
