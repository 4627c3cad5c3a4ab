"""Leadership: of all workers on one database, one at a time leads; when it ends, however it ends, another one does.

On PostgreSQL a lock that a session of its own holds, on SQLite the lock of a file beside the database: both are let go
by the system when the process dies.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from store.unit import Store

_LOCK: Final = 0x7461726966660001
"""The number of the lock on PostgreSQL: "tariff" and 1. Each database has its own."""


class Candidate(Protocol):
    """One that would lead."""

    def leads(self) -> bool:
        """Say whether this one leads now; it does from now on where nobody else did."""


@contextmanager
def candidacy(store: Store) -> Iterator[Candidate]:
    """Stand for the lead of a database until the end of the block. A database in memory has no other candidates."""
    path = store.engine.url.database
    if store.engine.dialect.name == "postgresql":
        session = _Session(store)
        try:
            yield session
        finally:
            session.resign()
        return
    handle = os.open(f"{path}.worker.lock" if path else os.devnull, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield _File(handle)
    finally:
        os.close(handle)


class _File:
    """A candidate on SQLite: leads while it holds the lock of a file."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def leads(self) -> bool:
        """Take the lock, or keep it."""
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class _Session:
    """A candidate on PostgreSQL: leads while its session lives that took the lock."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._connection: Connection | None = None

    def leads(self) -> bool:
        """Take the lock, or see that the session which has it still lives. Raises what a database out of reach does."""
        if self._connection is not None:
            try:
                self._connection.execute(text("SELECT 1"))
            except DBAPIError:
                self.resign()
            else:
                return True
        # No transaction stays open on it: the horizon waits for those.
        self._connection = self._store.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        taken: bool = False
        try:
            taken = self._connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK}).scalar_one()
        finally:
            if not taken:
                self.resign()
        return taken

    def resign(self) -> None:
        """End the session, and with it the lead where it has it."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
