"""What a seal attests: the canonical bytes of every account and transaction, legs included, and their leaf hashes.

A record is a sequence of fields, each written as its length in bytes, a colon, and its bytes; ``-`` where there is
none. So every field has one end, and two contents never have the same bytes: absent is not empty, and nothing moves
over a border. Numbers are plain decimals, days ISO 8601, instants UTC to the microsecond, hashes hexadecimal, text
UTF-8: no byte depends on the database. A transaction's legs follow its head in order, up to the end of the record.

The database puts the bytes together itself: one row a transaction is fetched, not every column of every leg.
``account_record`` and ``transaction_record`` say the same for whoever checks from outside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, Final

from store.columns import Instant
from store.unit import Unit

ACCOUNT, TRANSACTION = "account", "transaction"
KINDS: Final = (ACCOUNT, TRANSACTION)
"""The kinds of leaves, in the order in which they stand in a tree."""

ACCOUNT_FIELDS: Final = (
    *("id", "code", "kind", "book", "asset", "scale", "party_id", "contract_id", "offering_id", "recorded_at"),
)
HEAD_FIELDS: Final = (
    *("id", "key", "kind", "book", "effective_on", "recorded_at", "legs", "document_id", "event_count"),
    *("event_digest", "content_hash"),
)
LEG_FIELDS: Final = ("leg", "account_id", "asset", "side", "amount", "service_month", "service_on")
_FORM: Final = {ACCOUNT: "account.1", TRANSACTION: "transaction.1"}
"""The first field of each record: its kind, and the version of its form."""

_NUMBERS = frozenset({"id", "scale", "legs", "event_count", "leg", "account_id", "amount"})
_DAYS = frozenset({"effective_on", "service_on"})
_INSTANTS = frozenset({"recorded_at"})
_BYTES = frozenset({"content_hash"})
_OPTIONAL = frozenset(
    {
        "document_id",
        "event_count",
        "event_digest",
        "content_hash",
        "service_month",
        "service_on",
        "party_id",
        "contract_id",
    }
    | {"offering_id"}
)


@dataclass(frozen=True)
class Window:
    """Instants of recording: after ``after`` (None: from the beginning), up to and with ``until``."""

    after: datetime | None
    until: datetime


@dataclass(frozen=True)
class Extent:
    """How many records of a kind a window holds, and the lowest and highest of their ids."""

    count: int
    lowest: int
    highest: int


def fields(values: Iterable[object]) -> bytes:
    """Return the bytes of a sequence of fields.

    >>> fields(["key", None, "", 12, date(2025, 3, 1)])
    b'3:key-0:2:1210:2025-03-01'
    """
    return b"".join(b"-" if value is None else b"%d:%b" % (len(raw := _raw(value)), raw) for value in values)


def account_record(account: Mapping[str, object]) -> bytes:
    """Return the bytes of an account, given by the names of its columns and the ``scale`` of its asset."""
    return fields([_FORM[ACCOUNT], *(account[name] for name in ACCOUNT_FIELDS)])


def transaction_record(head: Mapping[str, object], legs: Iterable[Mapping[str, object]]) -> bytes:
    """Return the bytes of a transaction, head and legs given by the names of their columns, the legs in order."""
    of_legs = b"".join(fields(leg[name] for name in LEG_FIELDS) for leg in legs)
    return fields([_FORM[TRANSACTION], *(head[name] for name in HEAD_FIELDS)]) + of_legs


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
    if not span.count:
        return iter(())
    sql = _query(unit.dialect, kind, _within(unit, window))
    given = {**_bounds(unit, window), "lowest": span.lowest, "highest": span.highest}
    return _from_sqlite(unit, sql, given) if unit.dialect == "sqlite" else _from_postgresql(unit, sql, given)


def leaves(unit: Unit, kind: str, window: Window, span: Extent) -> Iterator[tuple[bytes, bytes]]:
    """Give the packed id and the leaf hash of what ``records`` gives."""
    sha256 = hashlib.sha256
    return ((number, sha256(b"\0" + record).digest()) for number, record in records(unit, kind, window, span))


def _raw(value: object) -> bytes:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z".encode()
    if isinstance(value, date):
        return value.isoformat().encode()
    return (value.hex() if isinstance(value, bytes) else str(value)).encode()


_TABLE: Final = {ACCOUNT: "account", TRANSACTION: "ledger_transaction"}
_COPY_HEADER: Final = 19
"""Bytes before the first row of PostgreSQL's binary copy: signature, flags, length of an extension."""
_COPY_END: Final = b"\xff\xff"


def _within(unit: Unit, window: Window) -> str:
    until, after = _placeholder(unit.dialect, "until"), _placeholder(unit.dialect, "after")
    upper = f"record.recorded_at <= {until}"
    return upper if window.after is None else f"record.recorded_at > {after} AND {upper}"


def _bounds(unit: Unit, window: Window) -> dict[str, object]:
    dialect, instant = unit.connection.dialect, Instant()
    given = {"until": instant.process_bind_param(window.until, dialect)}
    return given if window.after is None else {**given, "after": instant.process_bind_param(window.after, dialect)}


def _placeholder(dialect: str, name: str) -> str:
    return f":{name}" if dialect == "sqlite" else f"%({name})s"


@cache
def _query(dialect: str, kind: str, within: str) -> str:
    """Return the statement that puts the bytes of a window's records together, in the words of a database."""
    lowest, highest = _placeholder(dialect, "lowest"), _placeholder(dialect, "highest")
    between = f"BETWEEN {lowest} AND {highest}"
    record = _concatenated(dialect, "record", ACCOUNT_FIELDS if kind == ACCOUNT else HEAD_FIELDS, _FORM[kind])
    source = f"{_TABLE[kind]} AS record"
    if kind == ACCOUNT:
        source = "(SELECT account.*, asset.scale FROM account LEFT JOIN asset ON asset.code = account.asset) AS record"
    else:
        legs, joined = _legs(dialect, between)
        record, source = f"{record} || coalesce({legs}, '')", f"{source} {joined}"
    # No bytes where a column that the tables never leave empty is: no seal holds such a record.
    record = f"coalesce({record}, '')"
    if dialect == "sqlite":
        record = f"CAST({record} AS BLOB)"
    return f"SELECT record.id, {record} FROM {source} WHERE record.id {between} AND {within} ORDER BY record.id"


def _legs(dialect: str, between: str) -> tuple[str, str]:
    """Return the expression of a head's legs in their order, and what is joined for it."""
    leg = _concatenated(dialect, "entry", LEG_FIELDS)
    if dialect == "sqlite":  # keeps the order of a subquery under group_concat
        of_head = f"SELECT {leg} AS written FROM ledger_entry AS entry WHERE entry.transaction_id = record.id"
        return f"(SELECT group_concat(written, '') FROM ({of_head} ORDER BY entry.leg))", ""
    of_range = (
        f"SELECT entry.transaction_id, string_agg({leg}, '' ORDER BY entry.leg) AS legs "
        f"FROM ledger_entry AS entry WHERE entry.transaction_id {between} GROUP BY entry.transaction_id"
    )
    return "entries.legs", f"LEFT JOIN ({of_range}) AS entries ON entries.transaction_id = record.id"


def _concatenated(dialect: str, row: str, names: Iterable[str], form: str | None = None) -> str:
    parts = [_field(dialect, f"{row}.{name}", name) for name in names]
    if form is not None:
        parts.insert(0, f"'{fields([form]).decode()}'")
    return " || ".join(parts)


def _field(dialect: str, column: str, name: str) -> str:
    """Return the expression of one field: the length of its bytes, a colon, its bytes; ``-`` for NULL."""
    if name in _BYTES:
        length, column = (
            f"(2 * length({column}))",
            (f"lower(hex({column}))" if dialect == "sqlite" else f"encode({column}, 'hex')"),
        )
    elif dialect == "sqlite":
        length = f"length({column})" if name in _NUMBERS else f"length(CAST({column} AS BLOB))"
    elif name in _INSTANTS:  # of a fixed width in the years that an account or transaction can be recorded in
        length, column = "27", f'to_char({column}, \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')'
    else:
        length = f"octet_length({column}::text)" if name in _NUMBERS | _DAYS else f"octet_length({column})"
    written = f"{length} || ':' || {column}"
    return f"coalesce({written}, '-')" if name in _OPTIONAL else written


def _from_sqlite(unit: Unit, sql: str, given: Mapping[str, object]) -> Iterator[tuple[bytes, bytes]]:
    connection: Any = unit.connection.connection.driver_connection
    for number, record in connection.execute(sql, given):
        yield number.to_bytes(8, "big", signed=True), record


def _from_postgresql(unit: Unit, sql: str, given: Mapping[str, object]) -> Iterator[tuple[bytes, bytes]]:
    """Give the rows of a binary copy: two bytes, then each column behind the four bytes of its length."""
    connection: Any = unit.connection.connection.driver_connection
    with connection.cursor() as cursor, cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT BINARY)", given) as copy:
        rows = iter(copy)
        first = bytes(next(rows))[_COPY_HEADER:]
        if first != _COPY_END:
            yield first[6:14], first[18:]
        for row in rows:
            if row != _COPY_END:
                yield bytes(row[6:14]), bytes(row[18:])
