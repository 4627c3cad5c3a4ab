"""Statements handed to the driver as they are: what every post sends costs its own time, not a toolkit's around it.

Deadlines and faults are those of every other statement of the connection; rows are plain tuples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from store.deadlines import refuse_late

_CURSOR: Final = "tariffbook_cursor"

Given = Mapping[str, Any] | Sequence[Any]
"""What a statement is given: by name on PostgreSQL, in order on SQLite."""


def rows(connection: Connection, statement: str, given: Given = ()) -> list[tuple[Any, ...]]:
    """Run a statement; return its rows. Raises DBAPIError, and DeadlineExceeded before it where time is over."""
    cursor = _cursor(connection)
    try:
        cursor.execute(statement, given)
        return [] if cursor.description is None else cursor.fetchall()
    except Exception as fault:
        raise _told(connection, statement, given, fault) from fault


def change(connection: Connection, statement: str, given: Given) -> int:
    """Run a statement that adds or changes rows; return how many. Raises as ``rows`` does."""
    cursor = _cursor(connection)
    try:
        cursor.execute(statement, given)
    except Exception as fault:
        raise _told(connection, statement, given, fault) from fault
    return int(cursor.rowcount)


def change_each(connection: Connection, statement: str, given: Sequence[Given]) -> int:
    """Run a statement once for each that is given (SQLite); return how many rows it added or changed."""
    cursor = _cursor(connection)
    try:
        cursor.executemany(statement, given)
    except Exception as fault:
        raise _told(connection, statement, given[:1], fault) from fault
    return int(cursor.rowcount)


def _cursor(connection: Connection) -> Any:
    """Return the cursor of a connection that is kept for these statements: each is read to its end at once."""
    refuse_late(connection)
    info = connection.info
    cursor = info.get(_CURSOR)
    if cursor is None:
        cursor = info[_CURSOR] = connection.connection.cursor()
    return cursor


def _told(connection: Connection, statement: str, given: Any, fault: Exception) -> Exception:
    """Return the fault of a driver as SQLAlchemy tells it; a connection that is lost is given up."""
    dialect = connection.dialect
    driver = dialect.loaded_dbapi
    if not isinstance(fault, driver.Error):
        return fault
    lost = dialect.is_disconnect(fault, connection.connection, None)
    told = DBAPIError.instance(statement, given, fault, driver.Error, connection_invalidated=lost, dialect=dialect)
    if lost:
        connection.invalidate(fault)
    return told
