"""Which months of a book are closed: writers look under a shared lock, a closer closes under the exclusive one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Final

from sqlalchemy import func, select, text
from sqlmodel import col

from ledger.tables import ClosedPeriod
from store.unit import Unit

_SHARED: Final = text(
    "SELECT pg_advisory_xact_lock_shared(hashtextextended('tariffbook:period:' || given.book, 0)) "
    "FROM unnest(CAST(:books AS text[])) AS given (book)"
)
_EXCLUSIVE: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('tariffbook:period:' || :book, 0))")


def first_open_days(unit: Unit, books: Collection[str]) -> dict[str, date]:
    """Return the first open day of each book that has closed a month; none of them closes while this work runs.

    The lock is one statement and the reading another: a wait for a lock does not refresh the statement's snapshot.
    """
    if unit.dialect == "postgresql":
        unit.connection.execute(_SHARED, {"books": sorted(books)})
    query = (
        select(col(ClosedPeriod.book), func.max(col(ClosedPeriod.opens_on)))
        .where(col(ClosedPeriod.book).in_(books))
        .group_by(col(ClosedPeriod.book))
    )
    return {row[0]: row[1] for row in unit.connection.execute(query)}


def lock_exclusive(unit: Unit, book: str) -> None:
    """Wait until no work that looked at a book's open days runs any more, and keep new work waiting.

    SQLite has one writer, who needs no more than its turn.
    """
    if unit.dialect == "postgresql":
        unit.connection.execute(_EXCLUSIVE, {"book": book})
