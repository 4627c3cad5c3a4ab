"""What a seal attests: every account and every transaction, legs included, in the canonical form, and its leaf hash.

An account is one row of the canonical form; a transaction the row of its head and then those of its legs, in order
(``ledger.canonical``). No byte depends on the database: PostgreSQL copies the rows out as they are, and those of
SQLite are written here. ``account_record`` and ``transaction_record`` say the same for whoever checks from outside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ledger.canonical import row
from ledger.canonical_sqlite import head_row, leg_row, plain_row
from store.columns import Instant
from store.months import NUMBER_MAX, recorded_month
from store.unit import Unit

ACCOUNT, TRANSACTION = "account", "transaction"
KINDS: Final = (ACCOUNT, TRANSACTION)
"""The kinds of leaves, in the order in which they stand in a tree."""

ACCOUNT_FIELDS: Final = (
    *("id", "code", "kind", "book", "asset", "scale", "party_id", "contract_id", "offering_id", "recorded_at"),
)
HEAD_FIELDS: Final = (
    *("id", "recorded_at", "effective_on", "legs", "book", "kind", "key", "document_id", "event_count"),
    *("event_digest", "content_hash"),
)
LEG_FIELDS: Final = (
    *("transaction_id", "leg", "account_id", "amount", "side", "asset", "service_month", "service_on"),
)
_FORM: Final = {ACCOUNT: b"account.1", TRANSACTION: b"transaction.1"}
"""The first field of each record: its kind, and the version of its form."""
HEADS_AT_ONCE: Final = 65_536
"""So many heads, and their legs, are held in memory at once."""

_ACCOUNT_ID: Final = slice(19, 27)
_HEAD_ID: Final = slice(23, 31)
_LEG_HEAD: Final = slice(6, 14)

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Window:
    """Instants of recording: after ``after`` up to and with ``until``; None is no bound."""

    after: datetime | None
    until: datetime | None


@dataclass(frozen=True)
class Extent:
    """How many records of a kind a window holds, and the lowest and highest of their ids."""

    count: int
    lowest: int
    highest: int


@dataclass(frozen=True)
class Page:
    """Rows of heads, and rows of their legs, by rising ids."""

    heads: list[bytes]
    legs: list[bytes]

    @cached_property
    def ids(self) -> Ints:
        """The ids of the heads."""
        return _numbers(head[_HEAD_ID] for head in self.heads)

    @cached_property
    def starts(self) -> Ints:
        """Where the legs of each head begin."""
        return np.searchsorted(self._heads_of_legs, self.ids, "left")

    @cached_property
    def ends(self) -> Ints:
        """Where the legs of each head end."""
        return np.searchsorted(self._heads_of_legs, self.ids, "right")

    @cached_property
    def _heads_of_legs(self) -> Ints:
        return _numbers(leg[_LEG_HEAD] for leg in self.legs)

    def records(self) -> Iterator[tuple[bytes, bytes]]:
        """Give the packed id and the bytes of each transaction."""
        legs, join = self.legs, b"".join
        for head, start, end in zip(self.heads, self.starts.tolist(), self.ends.tolist(), strict=True):
            yield head[_HEAD_ID], head + join(legs[start:end])


def account_record(account: Mapping[str, object]) -> bytes:
    """Return the bytes of an account, given by the names of its columns and the ``scale`` of its asset."""
    return row([_FORM[ACCOUNT], *(account[name] for name in ACCOUNT_FIELDS)])


def transaction_record(head: Mapping[str, object], legs: Iterable[Mapping[str, object]]) -> bytes:
    """Return the bytes of a transaction, head and legs given by the names of their columns, the legs in order."""
    of_legs = b"".join(row(leg[name] for name in LEG_FIELDS) for leg in legs)
    return row([_FORM[TRANSACTION], *(head[name] for name in HEAD_FIELDS)]) + of_legs


def packed(number: int) -> bytes:
    """Return an id as the eight bytes by which a seal names its members; they sort as the numbers above zero do."""
    return number.to_bytes(8, "big", signed=True)


def extent(unit: Unit, kind: str, window: Window) -> Extent:
    """Return how many records of a kind a window holds, and between which ids."""
    sql = f"SELECT count(*), min(record.id), max(record.id) FROM {_TABLE[kind]} AS record WHERE {_within(unit, window)}"
    count, lowest, highest = unit.connection.exec_driver_sql(sql, _bounds(unit, window)).one()
    return Extent(count, lowest or 0, highest or 0)


def records(unit: Unit, kind: str, window: Window, span: Extent) -> Iterator[tuple[bytes, bytes]]:
    """Give the packed id and the bytes of every record of a kind in a window, by rising id, as they are asked for.

    ``span`` is the extent of the window, or ids that narrow it.
    """
    if kind == ACCOUNT:
        return ((account[_ACCOUNT_ID], account) for account in _read(unit, _accounts, window, span))
    return (record for page in pages(unit, window, span) for record in page.records())


def leaves(unit: Unit, kind: str, window: Window, span: Extent) -> Iterator[tuple[bytes, bytes]]:
    """Give the packed id and the leaf hash of what ``records`` gives."""
    return hashed(records(unit, kind, window, span))


def hashed(found: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """Give the leaf hash of each record, behind its packed id."""
    sha256 = hashlib.sha256
    return ((number, sha256(b"\0" + record).digest()) for number, record in found)


def pages(unit: Unit, window: Window, span: Extent) -> Iterator[Page]:
    """Give the transactions of a window within ``span``, by rising id, so many at once: memory stays flat."""
    lowest = span.lowest
    while span.count:
        heads = list(_read(unit, _heads, window, Extent(HEADS_AT_ONCE, lowest, span.highest)))
        if not heads:
            return
        first, last = (int.from_bytes(head[_HEAD_ID], "big", signed=True) for head in (heads[0], heads[-1]))
        legs, ids = _read(unit, _legs, window, Extent(len(heads), first, last)), {head[_HEAD_ID] for head in heads}
        yield Page(heads, [leg for leg in legs if leg[_LEG_HEAD] in ids])
        if len(heads) < HEADS_AT_ONCE:
            return
        lowest = last + 1


def _numbers(of_rows: Iterable[bytes]) -> Ints:
    return np.frombuffer(b"".join(of_rows), ">i8").astype(np.int64)


_TABLE: Final = {ACCOUNT: "account", TRANSACTION: "ledger_transaction"}
_NOT_TEXT: Final = frozenset(
    {"id", "scale", "legs", "event_count", "content_hash", "transaction_id", "leg", "account_id", "amount"}
)
_SHORT: Final = frozenset({"legs", "leg"})
"""What PostgreSQL keeps in two bytes, and the form has in eight."""
_COPY_HEADER: Final = 19
"""Bytes before the first row of PostgreSQL's binary copy: signature, flags, length of an extension."""
_COPY_END: Final = b"\xff\xff"

_Source = Callable[[str, str], str]
"""Writes a statement, given the dialect and what it says of the window."""


def _accounts(dialect: str, within: str) -> str:
    source = "(SELECT account.*, asset.scale FROM account LEFT JOIN asset ON asset.code = account.asset) AS record"
    wanted = _columns(dialect, _FORM[ACCOUNT], ACCOUNT_FIELDS)
    return f"SELECT {wanted} FROM {source} WHERE {_between(dialect, 'record.id')} AND {within} ORDER BY record.id"


def _heads(dialect: str, within: str) -> str:
    wanted, count = _columns(dialect, _FORM[TRANSACTION], HEAD_FIELDS), _placeholder(dialect, "count")
    return (
        f"SELECT {wanted} FROM ledger_transaction AS record "
        f"WHERE {_between(dialect, 'record.id')} AND {within} ORDER BY record.id LIMIT {count}"
    )


def _legs(dialect: str, _within: str) -> str:
    between = _between(dialect, "record.transaction_id")
    if dialect == "postgresql":  # only the partitions of the window are looked at
        between += " AND record.recorded_month BETWEEN %(first_month)s AND %(last_month)s"
    return (
        f"SELECT {_columns(dialect, None, LEG_FIELDS)} FROM ledger_entry AS record "
        f"WHERE {between} ORDER BY record.transaction_id, record.leg"
    )


_SQLITE_ROW: Final[Mapping[_Source, Callable[[tuple[Any, ...]], bytes]]] = {
    _accounts: partial(plain_row, _FORM[ACCOUNT], ACCOUNT_FIELDS),
    _heads: partial(head_row, _FORM[TRANSACTION], HEAD_FIELDS),
    _legs: partial(leg_row, LEG_FIELDS),
}


def _columns(dialect: str, form: bytes | None, names: Iterable[str]) -> str:
    """Return the columns of a row; SQLite gives text as the bytes that it is kept in, and no form."""
    if dialect == "sqlite":
        return ", ".join(f"record.{name}" if name in _NOT_TEXT else f"CAST(record.{name} AS BLOB)" for name in names)
    constant = [] if form is None else [f"'{form.decode()}'"]
    wide = (f"record.{name}::bigint" if name in _SHORT else f"record.{name}" for name in names)
    return ", ".join([*constant, *wide])


def _between(dialect: str, column: str) -> str:
    return f"{column} BETWEEN {_placeholder(dialect, 'lowest')} AND {_placeholder(dialect, 'highest')}"


def _placeholder(dialect: str, name: str) -> str:
    return f":{name}" if dialect == "sqlite" else f"%({name})s"


def _within(unit: Unit, window: Window) -> str:
    signs = {"until": "<=", "after": ">"}
    bounds = [f"record.recorded_at {signs[name]} {_placeholder(unit.dialect, name)}" for name in _bounds(unit, window)]
    return " AND ".join(["true", *bounds])


def _bounds(unit: Unit, window: Window) -> dict[str, object]:
    dialect, instant = unit.connection.dialect, Instant()
    bounds = {"until": window.until, "after": window.after}
    return {name: instant.process_bind_param(bound, dialect) for name, bound in bounds.items() if bound is not None}


def _read(unit: Unit, source: _Source, window: Window, span: Extent) -> Iterator[bytes]:
    """Give the rows of a statement in the canonical form, as they are asked for."""
    if not span.count:
        return iter(())
    sql = source(unit.dialect, _within(unit, window))
    given = {**_bounds(unit, window), "lowest": span.lowest, "highest": span.highest, "count": span.count}
    given |= _months(unit, window)
    connection: Any = unit.connection.connection.driver_connection
    if unit.dialect == "sqlite":
        return map(_SQLITE_ROW[source], connection.execute(sql, given))
    return _copied(connection, sql, given)


def _months(unit: Unit, window: Window) -> dict[str, int]:
    """Return the months in which a window begins and ends."""
    after, until = window.after, window.until
    return {
        "first_month": 0 if after is None else recorded_month(after, unit.zone),
        "last_month": NUMBER_MAX if until is None else recorded_month(until, unit.zone),
    }


def _copied(connection: Any, sql: str, given: Mapping[str, object]) -> Iterator[bytes]:
    """Give the rows of a binary copy."""
    with connection.cursor() as cursor, cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT BINARY)", given) as copy:
        rows = map(bytes, copy)
        first = next(rows)[_COPY_HEADER:]
        if first != _COPY_END:
            yield first
            yield from (each for each in rows if each != _COPY_END)
