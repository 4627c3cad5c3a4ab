"""Which months of a book are closed: writers look under a shared lock, a closer closes under the exclusive one."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import date
from typing import Final

from sqlalchemy import select, text
from sqlmodel import col

from ledger.tables import ClosedPeriod
from store.arrays import Texts
from store.direct import rows
from store.unit import Unit

_SHARED: Final = (
    "SELECT pg_advisory_xact_lock_shared(hashtextextended('tariffbook:period:' || given.book, 0)) "
    "FROM unnest(%(books)b::text[]) AS given (book)"
)
_EXCLUSIVE: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('tariffbook:period:' || :book, 0))")
_OPENS_SQLITE: Final = (
    "SELECT book, max(opens_on) AS opens_on FROM closed_period "
    "WHERE book IN (SELECT value FROM json_each(?)) GROUP BY book"
)
_OPENS_POSTGRESQL: Final = (
    "SELECT book, max(opens_on) AS opens_on FROM closed_period WHERE book = ANY(%(books)b::text[]) GROUP BY book"
)


def first_open_days(unit: Unit, books: Collection[str]) -> dict[str, date]:
    """Return the first open day of each book that has closed a month; none of them closes while this work runs.

    The lock is one statement and the reading another: a wait for a lock does not refresh the statement's snapshot.
    """
    if unit.dialect == "sqlite":
        found = rows(unit.connection, _OPENS_SQLITE, (json.dumps(sorted(books)),))
        return {book: date.fromisoformat(day) for book, day in found}
    given = {"books": Texts(sorted(books))}
    rows(unit.connection, _SHARED, given)
    return dict(rows(unit.connection, _OPENS_POSTGRESQL, given))


def is_closed(unit: Unit, book: str, until: date) -> bool:
    """Say whether a book takes no entry any more that has effect before a day, as this snapshot sees it."""
    closed = select(col(ClosedPeriod.id)).where(col(ClosedPeriod.book) == book, col(ClosedPeriod.opens_on) >= until)
    return unit.connection.execute(closed.limit(1)).first() is not None


def lock_exclusive(unit: Unit, book: str) -> None:
    """Wait until no work that looked at a book's open days runs any more, and keep new work waiting.

    SQLite has one writer, who needs no more than its turn.
    """
    if unit.dialect == "postgresql":
        unit.connection.execute(_EXCLUSIVE, {"book": book})
