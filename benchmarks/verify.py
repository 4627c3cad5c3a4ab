"""The checks of `tariffbook ledger verify` over a hundred thousand transactions, against fetching the same rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from time import perf_counter
from typing import Any

import psycopg
from sqlalchemy import make_url

from benchmarks.books import ACCOUNTS, CALL, acquaint, fill, open_accounts, opened_books
from benchmarks.databases import Place
from benchmarks.figures import Figure, Goal, Scale, interleaved
from benchmarks.seals import founded_to_seal, sealed
from ledger.folding import fold
from reports.verification import findings
from store.settings import Settings
from store.unit import Store

_QUERIES = (
    "SELECT * FROM ledger_transaction ORDER BY id",
    "SELECT * FROM ledger_entry ORDER BY transaction_id, leg",
    "SELECT * FROM account ORDER BY id",
)


def measure(place: Place, scale: Scale) -> list[Figure]:
    """Measure books that are sealed and folded, as the worker leaves them; the start of the command is not in it."""
    transactions = scale.of(5000, 100_000)
    settings = founded_to_seal(place)
    with opened_books(settings) as store:
        open_accounts(store, "open")
        fill(store, "kernel", transactions - ACCOUNTS)
        sealed(store)
        fold(store)
        acquaint(place, settings)
        values, baselines = interleaved(lambda: _fetched(place, settings, transactions), lambda: _verified(store))
    note = f"{transactions:,} two-leg transactions, sealed and folded; all checks"
    ratio = Figure(
        "seconds to verify the books",
        place.kind,
        "s",
        values,
        baselines,
        "fetching heads, legs and accounts",
        note,
        less_is_better=True,
        goal=Goal(2.5, 1.2),
    )
    absolute = Figure(
        "the same, by the clock", place.kind, "s", values, note=note, less_is_better=True, goal=Goal(0.8, 0.35, "value")
    )
    return [ratio, absolute]


def _verified(store: Store) -> float:
    with store.reading(CALL, fresh=True) as unit:
        start = perf_counter()
        faults = [check for check in findings(unit) if not check["ok"]]
        seconds = perf_counter() - start
    if faults:
        message = f"the books are at fault: {faults}"
        raise RuntimeError(message)
    return seconds


def _fetched(place: Place, settings: Settings, transactions: int) -> float:
    """Return the seconds in which the driver alone fetches the rows that the checks are about."""
    with closing(_connected(place, settings)) as connection:
        start = perf_counter()
        found = [len(connection.execute(query).fetchall()) for query in _QUERIES]
        seconds = perf_counter() - start
    if found[:2] != [transactions, 2 * transactions]:
        message = f"{found} heads, legs and accounts were fetched, not those of {transactions} transactions"
        raise RuntimeError(message)
    return seconds


def _connected(place: Place, settings: Settings) -> Any:
    parts = make_url(settings.database_url)
    if place.kind == "sqlite":
        return sqlite3.connect(str(parts.database))
    return psycopg.connect(
        host=str(parts.query["host"]), port=str(parts.query["port"]), user=parts.username, dbname=parts.database
    )
