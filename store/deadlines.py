"""The deadline of a call's work in the database: no statement begins after it, and none runs on beyond it.

A statement that runs is stopped by the database itself: PostgreSQL by its ``statement_timeout``, which the first
statement of the transaction sets, SQLite by asking this program now and then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final

from sqlalchemy import Connection, Engine, event

from store.faults import too_slow

_DEADLINE: Final = "tariffbook_deadline"
_STEPS_BETWEEN_LOOKS: Final = 100_000
"""SQLite asks after so many steps of its machine: some milliseconds."""


def hold_to_deadlines(engine: Engine) -> None:
    """Have an engine's connections keep the deadlines that ``bounded`` sets."""
    event.listen(engine, "before_cursor_execute", refuse_late)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _look_now_and_then)


@contextmanager
def bounded(connection: Connection, seconds_max: float | None) -> Iterator[None]:
    """Give the work on a connection so many seconds; none at all where nobody waits for an answer."""
    if seconds_max is None:
        yield
        return
    # What is known of a connection can be asked while it is there: a commit may lose it.
    info = connection.info
    renew(connection, seconds_max)
    try:
        yield
    finally:
        info.pop(_DEADLINE, None)


def renew(connection: Connection, seconds_max: float) -> None:
    """Give the work on a connection so many seconds from now: a stream has its time for each piece, not for all."""
    connection.info[_DEADLINE] = monotonic() + seconds_max


def _is_over(info: dict[Any, Any]) -> bool:
    deadline = info.get(_DEADLINE)
    return deadline is not None and monotonic() > deadline


def refuse_late(connection: Connection, *_statement: object) -> None:
    """Raise DeadlineExceeded where the work on a connection is out of time."""
    if _is_over(connection.info):
        raise too_slow()


def _look_now_and_then(connection: Any, record: Any) -> None:
    connection.set_progress_handler(lambda: _is_over(record.info), _STEPS_BETWEEN_LOOKS)
