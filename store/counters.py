"""Gapless numbers: a counter row is locked by the transaction that takes the next one, and rolls back with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from store.unit import Unit

DIGITS = 8


def next_number(unit: Unit, book: str, series: str) -> str:
    """Return the next number of a series of a book, as text of eight digits or more; the first is 00000001."""
    value: int = unit.connection.execute(
        text(
            "INSERT INTO counter (book, series, value) VALUES (:book, :series, 1) "
            "ON CONFLICT (book, series) DO UPDATE SET value = counter.value + 1 RETURNING value"
        ),
        {"book": book, "series": series},
    ).scalar_one()
    return f"{value:0{DIGITS}d}"
