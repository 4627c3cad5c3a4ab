"""The raw baseline of the kernel: the rows of the books in tables of the same columns and indexes, without any checks.

No constraint but the keys, no trigger, nothing asked before; PostgreSQL takes them by binary COPY, SQLite by
``executemany``. Rows are ready for the driver before the clock runs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from time import perf_counter
from typing import Any, cast
from zoneinfo import ZoneInfo

import psycopg
from sqlalchemy import CheckConstraint, ForeignKeyConstraint, MetaData, Table, create_engine, inspect, make_url
from sqlalchemy.dialects import postgresql

from benchmarks.books import ACCOUNTS, ASSET, BOOK, DAY, MONTH, key_of, place_of
from benchmarks.databases import START, Place
from ledger.tables import Entry, Transaction
from store.months import recorded_month

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy does not say
_TABLES = tuple(cast("Table", inspect(model).local_table) for model in (Entry, Transaction))
_RECORDED = recorded_month(START, ZoneInfo("Asia/Shanghai"))
Row = tuple[Any, ...]


@dataclass(frozen=True)
class RawBatch:
    """The rows of a batch of two-leg transactions: legs and heads."""

    entries: list[Row]
    heads: list[Row]


def made_plain(place: Place) -> str:
    """Make the plain tables in a database of their own; return its URL."""
    url, metadata = place.empty(), MetaData()
    for table in _TABLES:
        plain = table.to_metadata(metadata)
        plain.dialect_options["postgresql"]["partition_by"] = None
        plain.constraints -= {
            one for one in plain.constraints if isinstance(one, CheckConstraint | ForeignKeyConstraint)
        }
    engine = create_engine(url)
    metadata.create_all(engine)
    engine.dispose()
    return url


def raw_batch(kind: str, series: str, numbers: Sequence[int], *, hot: bool = False) -> RawBatch:
    """Return the rows that the transactions of these numbers, from 1 on, are in the books of a database."""
    typed = kind == "postgresql"
    day, instant = (DAY, START) if typed else (DAY.isoformat(), _written(START))
    entries: list[Row] = []
    heads: list[Row] = []
    for number in numbers:
        account, key = 1 + place_of(number, hot=hot), key_of(series, number)
        entries.append((number, account, 100, day, _RECORDED, 1, ASSET, "D", MONTH))
        entries.append((number, account + ACCOUNTS, 100, day, _RECORDED, 2, ASSET, "C", MONTH))
        content = blake2b(key.encode(), digest_size=16).digest()
        heads.append((number, instant, None, day, _RECORDED, 2, key, "trial", BOOK, content, None, None))
    return RawBatch(entries, heads)


def copied(url: str, batches: Sequence[RawBatch]) -> float:
    """Return the seconds in which one connection takes the batches by binary COPY, a commit each (PostgreSQL)."""
    parts = make_url(url)
    with psycopg.connect(
        host=str(parts.query["host"]), port=str(parts.query["port"]), user=parts.username, dbname=parts.database
    ) as connection:
        start = perf_counter()
        for batch in batches:
            for table, rows in zip(_TABLES, (batch.entries, batch.heads), strict=True):
                _copy(connection, table, rows)
            connection.commit()
        return perf_counter() - start


def inserted(url: str, batches: Sequence[RawBatch]) -> float:
    """Return the seconds in which one connection takes the batches by two executemany, a commit each (SQLite)."""
    with closing(sqlite3.connect(str(make_url(url).database), isolation_level=None)) as connection:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=4000", "cache_size=-65536"):
            connection.execute(f"PRAGMA {pragma}")
        inserts = [f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(table.columns))})" for table in _TABLES]
        start = perf_counter()
        for batch in batches:
            connection.execute("BEGIN IMMEDIATE")
            for insert, rows in zip(inserts, (batch.entries, batch.heads), strict=True):
                connection.executemany(insert, rows)
            connection.execute("COMMIT")
        return perf_counter() - start


def _copy(connection: psycopg.Connection[Any], table: Table, rows: Sequence[Row]) -> None:
    names = ", ".join(column.name for column in table.columns)
    with connection.cursor().copy(f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types([column.type.compile(_DIALECT).lower() for column in table.columns])
        for row in rows:
            copy.write_row(row)


def _written(instant: datetime) -> str:
    return f"{instant.replace(tzinfo=None).isoformat()}.000000Z"
