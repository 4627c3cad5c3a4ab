"""Whole columns for PostgreSQL: an array in the binary form that the server reads, made at once and not value by value.

A value that a column repeats is written once and then copied.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import chain
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

    @classmethod
    def item(cls, value: Any) -> bytes:
        """Return a value as the server reads it: its length, then its bytes."""
        raise NotImplementedError

    def items(self) -> tuple[int, int, bytes]:
        """Return how many there are, whether any is missing, and all of them as the server reads them."""
        distinct = set(self.values)
        if len(distinct) == len(self.values) and None not in distinct:
            return len(self.values), 0, self.joined(self.values)
        written = {value: _MISSING if value is None else self.item(value) for value in distinct}
        if len(written) == 1:
            joined = next(iter(written.values())) * len(self.values)
        else:
            joined = b"".join([written[value] for value in self.values])
        return len(self.values), int(None in written), joined

    @classmethod
    def joined(cls, values: list[Any]) -> bytes:
        """Return values of which none is missing as the server reads them."""
        return b"".join(map(cls.item, values))


class Texts(Array):
    """A column of texts."""

    oid, array_oid = 25, 1009

    @classmethod
    def item(cls, value: str) -> bytes:
        """Write a text in UTF-8."""
        written = value.encode()
        return _LENGTH.pack(len(written)) + written

    @classmethod
    def joined(cls, values: list[str]) -> bytes:
        """Write all, without a step of this program for each."""
        return Blobs.joined(list(map(str.encode, values)))


class Blobs(Array):
    """A column of bytes."""

    oid, array_oid = 17, 1001

    @classmethod
    def item(cls, value: bytes) -> bytes:
        """Write bytes."""
        return _LENGTH.pack(len(value)) + value

    @classmethod
    def joined(cls, values: list[bytes]) -> bytes:
        """Write all, without a step of this program for each."""
        lengths = map(_LENGTH.pack, map(len, values))
        return b"".join(chain.from_iterable(zip(lengths, values, strict=True)))


class Days(Array):
    """A column of days."""

    oid, array_oid = 1082, 1182

    @classmethod
    def item(cls, value: date) -> bytes:
        """Write a day as the number of days since 2000."""
        return _DAY.pack(4, value.toordinal() - _EPOCH_DAY)


class Instants(Array):
    """A column of moments, aware."""

    oid, array_oid = 1184, 1185

    @classmethod
    def item(cls, value: datetime) -> bytes:
        """Write a moment as microseconds since 2000."""
        return _INT64.pack(8, (value - _EPOCH) // _TICK)


class Int64s(Array):
    """A column of 64-bit integers. Raises OverflowError for one that does not fit."""

    oid, array_oid = 20, 1016
    _number: ClassVar = _INT64
    _kind: ClassVar = np.dtype([("length", ">i4"), ("value", ">i8")])

    @classmethod
    def item(cls, value: int) -> bytes:
        """Write a number."""
        return bytes(cls._number.pack(cls._kind["value"].itemsize, value))

    def items(self) -> tuple[int, int, bytes]:
        """Write them together, where none is missing."""
        if None in self.values:
            return super().items()
        items, value = np.empty(len(self.values), dtype=self._kind), self._kind["value"]
        items["length"], items["value"] = value.itemsize, np.array(self.values, dtype=value.newbyteorder("="))
        return len(items), 0, items.tobytes()


class Int16s(Int64s):
    """A column of 16-bit integers. Raises OverflowError for one that does not fit."""

    oid, array_oid = 21, 1005
    _number: ClassVar = struct.Struct(">ih")
    _kind: ClassVar = np.dtype([("length", ">i4"), ("value", ">i2")])


def register(adapters: AdaptersMap) -> None:
    """Have a connection write these columns."""
    for kind, dumper in _DUMPERS.items():
        adapters.register_dumper(kind, dumper)


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


_DUMPERS: Final = {kind: _dumper(kind) for kind in (Texts, Blobs, Days, Instants, Int64s, Int16s)}
