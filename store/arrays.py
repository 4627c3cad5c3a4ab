"""Whole columns for PostgreSQL: an array in the binary form that the server reads, made at once and not value by value.

A value that a column repeats is written once and then copied.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar, Final

import numpy as np
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Dumper
from psycopg.pq import Format

_HEADER: Final = struct.Struct(">iiIii")
_NONE: Final = struct.Struct(">iiI")
_LENGTH: Final = struct.Struct(">i")
_DAY: Final = struct.Struct(">ii")
_INT64: Final = struct.Struct(">iq")
_WHOLE: Final = np.dtype([("length", ">i4"), ("value", ">i8")])
_MISSING: Final = _LENGTH.pack(-1)
_EPOCH_DAY: Final = date(2000, 1, 1).toordinal()
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)


class Array:
    """A column: its values, each of which may be missing."""

    oid: ClassVar[int]
    array_oid: ClassVar[int]

    def __init__(self, values: Iterable[Any]) -> None:
        self.values = list(values)

    @staticmethod
    def item(value: Any) -> bytes:
        """Return a value as the server reads it: its length, then its bytes."""
        raise NotImplementedError

    def items(self) -> tuple[int, int, bytes]:
        """Return how many there are, whether any is missing, and all of them as the server reads them."""
        written = {value: _MISSING if value is None else self.item(value) for value in set(self.values)}
        if len(written) == 1:
            joined = next(iter(written.values())) * len(self.values)
        else:
            joined = b"".join([written[value] for value in self.values])
        return len(self.values), int(None in written), joined


class Texts(Array):
    """A column of texts."""

    oid, array_oid = 25, 1009

    @staticmethod
    def item(value: str) -> bytes:
        """Write a text in UTF-8."""
        written = value.encode()
        return _LENGTH.pack(len(written)) + written


class Blobs(Array):
    """A column of bytes."""

    oid, array_oid = 17, 1001

    @staticmethod
    def item(value: bytes) -> bytes:
        """Write bytes."""
        return _LENGTH.pack(len(value)) + value


class Days(Array):
    """A column of days."""

    oid, array_oid = 1082, 1182

    @staticmethod
    def item(value: date) -> bytes:
        """Write a day as the number of days since 2000."""
        return _DAY.pack(4, value.toordinal() - _EPOCH_DAY)


class Instants(Array):
    """A column of moments, aware."""

    oid, array_oid = 1184, 1185

    @staticmethod
    def item(value: datetime) -> bytes:
        """Write a moment as microseconds since 2000."""
        return _INT64.pack(8, (value - _EPOCH) // _TICK)


class Int64s(Array):
    """A column of 64-bit integers. Raises OverflowError for one that does not fit."""

    oid, array_oid = 20, 1016

    @staticmethod
    def item(value: int) -> bytes:
        """Write a number."""
        return _INT64.pack(8, value)

    def items(self) -> tuple[int, int, bytes]:
        """Write them together, where none is missing."""
        if None in self.values:
            return super().items()
        items = np.empty(len(self.values), dtype=_WHOLE)
        items["length"], items["value"] = 8, np.array(self.values, dtype=np.int64)
        return len(items), 0, items.tobytes()


def register(adapters: AdaptersMap) -> None:
    """Have a connection write these columns."""
    for kind in (Texts, Blobs, Days, Instants, Int64s):
        adapters.register_dumper(kind, _DUMPERS[kind])


def _dumper(kind: type[Array]) -> type[Dumper]:
    class ArrayDumper(Dumper):
        format = Format.BINARY
        oid = kind.array_oid

        def dump(self, obj: Array) -> Buffer:
            count, missing, items = obj.items()
            if not count:
                return _NONE.pack(0, 0, kind.oid)
            return _HEADER.pack(1, missing, kind.oid, count, 1) + items

    return ArrayDumper


_DUMPERS: Final = {kind: _dumper(kind) for kind in (Texts, Blobs, Days, Instants, Int64s)}
