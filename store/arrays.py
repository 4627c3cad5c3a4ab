"""Whole columns of integers for PostgreSQL: an array in the form the server reads, made at once and not one by one."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

_INT8_OID: Final = 20
_INT8_ARRAY_OID: Final = 1016
_ITEM: Final = np.dtype([("length", ">i4"), ("value", ">i8")])
_HEADER: Final = struct.Struct(">iiIii")


class Int64s:
    """A column of 64-bit integers, none of them missing. Raises OverflowError for one that does not fit."""

    __slots__ = ("values",)

    def __init__(self, values: Iterable[int]) -> None:
        self.values = np.array(list(values), dtype=np.int64)


class Int64sDumper(Dumper):
    """Writes a column as ``bigint[]`` in PostgreSQL's binary form: a header, then length and value of each item."""

    format = Format.BINARY
    oid = _INT8_ARRAY_OID

    def dump(self, obj: Any) -> Buffer:
        """Return the bytes of the array."""
        items = np.empty(len(obj.values), dtype=_ITEM)
        items["length"], items["value"] = 8, obj.values
        return _HEADER.pack(1, 0, _INT8_OID, len(items), 1) + items.tobytes()
