"""The canonical form of what is attested: rows of fields of which no two have the same bytes.

A row is the number of its fields (two bytes) and then the fields, each written as its length in bytes (four bytes, -1
where there is none) and its bytes. So every field has one end: absent is not empty, and nothing moves over a border.
Numbers are of 8 bytes, days of 4 (since 2000-01-01), instants of 8 (microseconds since 2000-01-01 in UTC), each in
two's complement with the highest byte first; text is UTF-8, hashes are as they are.

These are the rows of PostgreSQL's binary COPY (its documentation, COPY, "Binary Format"), so that it writes them by
itself. What a seal says of itself is in plain text instead: ``fields``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

from store.columns import written_instant

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_COUNT: Final = struct.Struct(">h").pack
length: Final = struct.Struct(">i").pack
"""Write the length of a field, or a day's number: four bytes."""
number: Final = struct.Struct(">q").pack
"""Write a number: eight bytes."""
NONE: Final = length(-1)
"""A field that is not there."""


def row(values: Iterable[object]) -> bytes:
    """Return the bytes of a row.

    >>> row(["key", None, 12]).hex(" ", 4)
    '00 03000000 036b6579 ffffffff 00000008 00000000 0000000c'
    """
    written = [field(value) for value in values]
    return _COUNT(len(written)) + b"".join(written)


def field(value: object) -> bytes:
    """Return the bytes of a field, its length before it."""
    if value is None:
        return NONE
    raw = _raw(value)
    return length(len(raw)) + raw


def fields(values: Iterable[object]) -> bytes:
    """Return the bytes of a sequence of fields in plain text.

    Each is its length in bytes, a colon, and its bytes; ``-`` where there is none.

    >>> fields(["key", None, "", 12, date(2025, 3, 1)])
    b'3:key-0:2:1210:2025-03-01'
    """
    return b"".join(b"-" if value is None else b"%d:%b" % (len(raw := _text(value)), raw) for value in values)


@lru_cache(4096)
def day_number(text: bytes) -> int:
    """Return the number of a day that SQLite keeps as text; ValueError where no day is kept so."""
    day = date.fromisoformat(text.decode())
    if day.isoformat().encode() != text:
        raise ValueError(text)
    return _days(day)


def day_numbered(raw: bytes) -> date:
    """Return the day that a field of a row says.

    >>> day_numbered(field(date(2025, 3, 1))[4:])
    datetime.date(2025, 3, 1)
    """
    return _EPOCH.date() + timedelta(days=int.from_bytes(raw, "big", signed=True))


@lru_cache(4096)
def instant_number(text: bytes) -> int:
    """Return the number of an instant that SQLite keeps as text; ValueError where no instant is kept so."""
    moment = datetime.fromisoformat(text.decode())
    if written_instant(moment).encode() != text:
        raise ValueError(text)
    return _microseconds(moment)


def _raw(value: object) -> bytes:
    match value:
        case bytes():
            return value
        case int():
            return number(value)
        case datetime():
            return number(_microseconds(value))
        case date():
            return length(_days(value))
        case _:
            return str(value).encode()


def _text(value: object) -> bytes:
    if isinstance(value, datetime):
        return written_instant(value).encode()
    return (value.isoformat() if isinstance(value, date) else str(value)).encode()


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _days(day: date) -> int:
    return (day - _EPOCH.date()).days
