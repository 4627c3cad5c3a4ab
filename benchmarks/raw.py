"""The raw baseline: the same rows written with nothing around them, one commit a batch.

No triggers, no second index, no judgement: what is left is what the database and the driver can do on this machine.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime
from hashlib import sha256
from time import perf_counter

import psycopg
from sqlalchemy import make_url

from benchmarks.databases import Place

Batch = Sequence[tuple[object, ...]]
Write = Callable[[Batch], None]

EVENT_COLUMNS = {
    "operator_id": "text",
    "source": "text",
    "event_id": "text",
    "content_hash": "bytea",
    "type": "text",
    "contract_id": "text",
    "offering_id": "text",
    "happened_at": "timestamptz",
    "service_on": "date",
    "quantity": "bigint",
    "transaction_id": "bigint",
    "recorded_at": "timestamptz",
}
PAPER_COLUMNS = {"id": "text", "number": "text", "leg": "bigint", "amount": "bigint", "content": "text"}


class RawTable:
    """A table in a database of its own, keyed by its first ``key`` columns.

    One that is ``answering`` is told of each row whether its key was free (PostgreSQL).
    """

    def __init__(self, place: Place, columns: dict[str, str], key: int, *, answering: bool = False) -> None:
        self._url = make_url(place.empty())
        self._columns = columns
        self._answering = answering
        self._sqlite = place.kind == "sqlite"
        keyed = ", ".join(list(columns)[:key])
        create = f"CREATE TABLE raw ({self._declared()}, PRIMARY KEY ({keyed}))"
        if self._sqlite:
            with closing(self._open_sqlite()) as connection:
                connection.execute(create)
        else:
            with self._open_postgresql() as connection:
                connection.execute(create)

    def seconds(self, batches: Sequence[Batch], connections: int) -> float:
        """Return how long it takes to write all batches, each in one commit, over so many connections.

        SQLite has one writer, and so one connection.
        """
        shares = [batches] if self._sqlite else [batches[number::connections] for number in range(connections)]
        write_all = self._write_sqlite if self._sqlite else self._write_postgresql
        start = perf_counter()
        with ThreadPoolExecutor(len(shares)) as pool:
            list(pool.map(write_all, shares))
        return perf_counter() - start

    def _declared(self) -> str:
        plain = {"bytea": "BLOB", "bigint": "INTEGER"}
        kinds = {name: plain.get(kind, "TEXT") if self._sqlite else kind for name, kind in self._columns.items()}
        return ", ".join(f"{name} {kind} NOT NULL" for name, kind in kinds.items())

    def _open_sqlite(self) -> sqlite3.Connection:
        connection = sqlite3.connect(str(self._url.database), isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=4000", "cache_size=-65536"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _open_postgresql(self) -> psycopg.Connection[tuple[object, ...]]:
        query = self._url.query
        return psycopg.connect(
            host=str(query["host"]), port=str(query["port"]), user=self._url.username, dbname=self._url.database
        )

    def _write_sqlite(self, batches: Sequence[Batch]) -> None:
        insert = f"INSERT INTO raw VALUES ({', '.join('?' * len(self._columns))})"
        with closing(self._open_sqlite()) as connection:
            for batch in batches:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(insert, [tuple(_plain(value) for value in row) for row in batch])
                connection.execute("COMMIT")

    def _write_postgresql(self, batches: Sequence[Batch]) -> None:
        arrays = ", ".join(f"%b::{kind}[]" for kind in self._columns.values())
        insert = f"INSERT INTO raw SELECT * FROM unnest({arrays})"
        if self._answering:
            insert += f" ON CONFLICT DO NOTHING RETURNING {', '.join(self._columns)}"
        with self._open_postgresql() as connection:
            for batch in batches:
                columns = [list(column) for column in zip(*batch, strict=True)]
                answer = connection.execute(insert, columns)
                if self._answering:
                    answer.fetchall()
                connection.commit()


def event_rows(batches: int, rows: int, first: int) -> list[Batch]:
    """Return batches of event rows, numbered from ``first`` on, in the order of their keys."""
    happened, day = datetime(2025, 3, 2, tzinfo=UTC), date(2025, 3, 2)
    recorded = datetime(2025, 5, 1, tzinfo=UTC)

    def row(number: int) -> tuple[object, ...]:
        digest = sha256(str(number).encode()).digest()
        contract, offering = f"con_{number % 50:030d}", "ofr_000000000000000000000000000000"
        ids = ("pty_00000000000000000000000000000", "gateway", f"event-{number:012d}")
        return (*ids, digest, "usage", contract, offering, happened, day, 1_000_000, number // rows, recorded)

    return [[row(first + batch * rows + index) for index in range(rows)] for batch in range(batches)]


def paper_rows(papers: int, rows: int, size: int, first: int) -> list[Batch]:
    """Return one batch for each paper: so many rows, of which the first holds a document of ``size`` characters."""
    content = "x" * size
    return [
        [(f"doc_{first + paper:030d}-{leg}", f"{paper:08d}", leg, 100, "" if leg else content) for leg in range(rows)]
        for paper in range(papers)
    ]


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value
