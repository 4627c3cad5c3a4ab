"""The database engine: how SQLite and PostgreSQL are made to behave alike.

Transactions are begun by hand on SQLite: BEGIN IMMEDIATE for a writer, so that it never has to be turned back half
way, and plain BEGIN for a reader. One writer at a time is kept by a lock on a file beside the database: SQLite's own
queue lets a writer starve, and the file lock also holds between the service and the command line.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from time import monotonic, sleep
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.pool import QueuePool

from store.arrays import register
from store.direct import rows
from store.exact import teach
from store.faults import DatabaseBusy

WRITING = "tariffbook_writing"
SERVING_ROLE = "tariffbook_server"
"""The PostgreSQL role that serves: it may add rows, and change only the tables that are not append-only."""

_POLL_SECONDS: Final = 0.0005
_SIGNS_OF_LIFE: Final = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
"""A server's machine that is gone without a word is given up after half a minute (seconds, seconds, tries)."""
_turns: Final[dict[str, Lock]] = {}
"""The turn to write each SQLite file, among the threads of this process."""


def open_engine(url: str, wait_seconds_max: int, *, as_owner: bool = False, pool_size: int = 16) -> Engine:
    """Return an engine for the database at ``url``; a call waits at most ``wait_seconds_max`` for a lock.

    On PostgreSQL its connections take the serving role, unless they are the owner's, who migrates.
    """
    if make_url(url).get_backend_name() == "sqlite":
        return _open_sqlite(url, wait_seconds_max, pool_size)
    return _open_postgresql(url, wait_seconds_max, pool_size, as_owner=as_owner)


def _open_sqlite(url: str, wait_seconds_max: int, pool_size: int) -> Engine:
    path = make_url(url).database
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=wait_seconds_max,
        connect_args={"check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "recursive_triggers=ON",
            f"busy_timeout={wait_seconds_max * 1000}",
            "wal_autocheckpoint=4000",
            "cache_size=-65536",
        ):
            connection.execute(f"PRAGMA {pragma}")
        teach(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get(WRITING, False)
        rows(connection, "BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _open_postgresql(url: str, wait_seconds_max: int, pool_size: int, *, as_owner: bool) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=wait_seconds_max,
        pool_pre_ping=True,
        connect_args={"connect_timeout": wait_seconds_max, **_SIGNS_OF_LIFE},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{wait_seconds_max}s'")
            cursor.execute("SET timezone = 'UTC'")
            cursor.execute("SET datestyle = 'ISO'")
            if not as_owner:
                _take_serving_role(cursor)
        connection.commit()
        register(connection.adapters)

    return engine


def _take_serving_role(cursor: Any) -> None:
    """Give up the owner's rights: the serving role cannot change or empty what is append-only."""
    cursor.execute("SELECT pg_has_role(oid, 'MEMBER') FROM pg_roles WHERE rolname = %s", (SERVING_ROLE,))
    member = cursor.fetchone()
    if member and member[0]:
        cursor.execute(f"SET ROLE {SERVING_ROLE}")


@contextmanager
def writer_turn(engine: Engine, wait_seconds_max: int) -> Iterator[None]:
    """Hold the turn to write on SQLite; PostgreSQL needs none. Raises DatabaseBusy when it does not come in time."""
    path = engine.url.database
    if engine.dialect.name != "sqlite" or not path:
        yield
        return
    deadline = monotonic() + wait_seconds_max
    # The threads of a process wait for each other asleep; only one of them asks for the file's lock.
    turn = _turns.setdefault(path, Lock())
    if not turn.acquire(timeout=wait_seconds_max):
        raise _busy(wait_seconds_max)
    try:
        handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _is_free(handle):
                if monotonic() > deadline:
                    raise _busy(wait_seconds_max)
                sleep(_POLL_SECONDS)
            yield
        finally:
            os.close(handle)
    finally:
        turn.release()


def _is_free(handle: int) -> bool:
    """Take the lock of a file if nobody has it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _busy(wait_seconds_max: int) -> DatabaseBusy:
    return DatabaseBusy(f"another writer held the database for more than {wait_seconds_max} s; send it again")


class Opening(NamedTuple):
    """What a transaction reads first: the database's clock, and what the instance says of itself."""

    clock: datetime
    sandbox: bool
    timezone: str
    clock_offset_us: int


def opening(
    connection: Connection, *, writes: bool, seconds_max: float | None = None, wait_seconds_max: float | None = None
) -> Opening:
    """Read what a transaction begins with, in one statement, and bound its statements and waits where they are bounded.

    ``wait_seconds_max`` is how long it waits for a lock (PostgreSQL), where that is other than for every connection.

    PostgreSQL assigns a transaction that will write its number before the clock is read: the horizon waits for every
    transaction that has a number, so none that has read the clock can be missed. SQLite is embedded: its clock is
    this machine's.
    """
    if connection.dialect.name == "sqlite":
        [(sandbox, timezone, offset)] = rows(connection, _OPENING_SQLITE)
        return Opening(datetime.now(UTC), bool(sandbox), timezone, offset)
    # statement_timeout is in milliseconds; 0 is none
    milliseconds = 0 if seconds_max is None else max(1, round(seconds_max * 1000))
    wait = None if wait_seconds_max is None else str(round(wait_seconds_max * 1000))
    given = {"milliseconds": str(milliseconds), "wait": wait}
    [(_number, clock, _, _, sandbox, timezone, offset)] = rows(connection, _OPENING_POSTGRESQL[writes], given)
    return Opening(clock.astimezone(UTC), sandbox, timezone, offset)


def reader_clock(connection: Connection) -> datetime:
    """Return the database's clock for a transaction that only reads."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    moment: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return moment


_OPENING_SQLITE: Final = "SELECT sandbox, timezone, clock_offset_us FROM instance"
_OPENING_POSTGRESQL: Final = {
    writes: (
        f"SELECT {number}, clock_timestamp(), set_config('statement_timeout', %(milliseconds)s, true), "  # noqa: S608
        "set_config('lock_timeout', coalesce(%(wait)s::text, current_setting('lock_timeout')), true), "
        "sandbox, timezone, clock_offset_us FROM instance"
    )
    for writes, number in ((True, "pg_current_xact_id()::text"), (False, "NULL"))
}
