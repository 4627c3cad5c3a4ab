"""The rows of SQLite in the canonical form: text comes as the bytes that it is kept in.

A value that no column of its kind is kept as (a day that is none) is attested as the bytes that it is.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from ledger.canonical import NONE, day_number, field, instant_number, length, number, row

_Number = Callable[[bytes], int]
_NUMBERED: Final[dict[str, tuple[_Number, Callable[[int], bytes]]]] = {
    "effective_on": (day_number, length),
    "service_on": (day_number, length),
    "recorded_at": (instant_number, number),
}
_HEAD: Final = struct.Struct(">hi13siqiqiiiq").pack
_LEG: Final = struct.Struct(">hiqiqiqiq").pack
_UNUSUAL: Final = (ValueError, TypeError, struct.error)


def plain_row(form: bytes | None, names: Iterable[str], values: Iterable[Any]) -> bytes:
    """Return the row of values by the names of their columns, behind the form's name where there is one."""
    written = [_value(name, value) for name, value in zip(names, values, strict=True)]
    return row([*([] if form is None else [form]), *written])


def head_row(form: bytes, names: Sequence[str], values: tuple[Any, ...]) -> bytes:
    """Return the row of a head: what ``plain_row`` says, quicker where it is as usual."""
    head, recorded_at, effective_on, legs, book, kind, key, document, count, digest, content = values
    try:
        return b"".join(
            (
                _HEAD(12, 13, form, 8, head, 8, instant_number(recorded_at), 4, day_number(effective_on), 8, legs),
                _several(book, kind),
                length(len(key)),
                key,
                NONE if document is None else field(document),
                NONE if count is None else field(count),
                NONE if digest is None else field(digest),
                NONE if content is None else field(content),
            )
        )
    except _UNUSUAL:
        return plain_row(form, names, values)


def leg_row(names: Sequence[str], values: tuple[Any, ...]) -> bytes:
    """Return the row of a leg: what ``plain_row`` says, quicker where it is as usual."""
    head, leg, account, amount, side, asset, month, day = values
    try:
        return _LEG(8, 8, head, 8, leg, 8, account, 8, amount) + _leg_end(side, asset, month, day)
    except _UNUSUAL:
        return plain_row(None, names, values)


def _value(name: str, value: Any) -> Any:
    """Return the bytes of a day or instant as its number, everything else as it is."""
    if value is None or name not in _NUMBERED:
        return value
    number_of, written = _NUMBERED[name]
    try:
        return written(number_of(value))
    except ValueError:
        return value


@lru_cache(4096)
def _several(*values: bytes) -> bytes:
    return b"".join(map(field, values))


@lru_cache(4096)
def _leg_end(side: bytes, asset: bytes, service_month: bytes | None, service_on: bytes | None) -> bytes:
    day = None if service_on is None else length(day_number(service_on))
    return _several(side, asset) + field(service_month) + field(day)
