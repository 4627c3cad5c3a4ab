"""Books to measure the kernel with: a party, a thousand pairs of accounts, and two-leg transactions between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cache
from time import perf_counter

from sqlalchemy import create_engine, text

from benchmarks.databases import START, Place
from ledger.batches import Result, post_each
from ledger.books import AccountRef, Leg, Posting
from store.settings import Settings
from store.unit import Call, Principal, Store

BOOK = "pty_00000000000000000000000000000000"
CALL = Call(Principal("operator", BOOK), "benchmark")
ASSET = "CALL"
DAY = date(2025, 3, 5)
MONTH = "2025-03"
ACCOUNTS = 1000
"""Accounts on either side that spread transactions take; a hot one is always between the same two."""
BATCH = 8000
_STRIDE = 7919
"""Prime to the number of accounts: neighbours in a batch are no neighbours in the chart."""


def founded_books(place: Place) -> Settings:
    """Return the settings of new books: the party that they belong to is there, and nothing else."""
    settings = place.sandbox()
    with opened_books(settings) as store, store.engine.begin() as connection:
        party = "INSERT INTO party (id, code, name, kinds, recorded_at) VALUES (:id, 'operator', 'Operator', '[]', :at)"
        at = START.isoformat() if place.kind == "postgresql" else "2025-03-01T00:00:00.000000Z"
        connection.execute(text(party), {"id": BOOK, "at": at})
    return settings


def used_books(place: Place) -> Settings:
    """Return the settings of books in use: the accounts are open, a batch is posted, the planner knows the tables."""
    settings = founded_books(place)
    with opened_books(settings) as store:
        open_accounts(store, "open")
        fill(store, "before", BATCH)
    acquaint(place, settings)
    return settings


def acquaint(place: Place, settings: Settings) -> None:
    """Have PostgreSQL's planner know the tables, as autovacuum does in its time, and pgbench before it starts."""
    if place.kind == "postgresql":
        engine = create_engine(settings.database_url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("ANALYZE"))
        engine.dispose()


@contextmanager
def opened_books(settings: Settings) -> Iterator[Store]:
    """Yield the store of books for as long as the block runs."""
    store = Store(settings)
    try:
        yield store
    finally:
        store.close()


def place_of(number: int, *, hot: bool) -> int:
    """Return which pair of accounts a transaction is between."""
    return 0 if hot else number * _STRIDE % ACCOUNTS


def key_of(series: str, number: int) -> str:
    """Return the key of a transaction: its series and its number."""
    return f"{series}-{number:09d}"


def postings(series: str, numbers: Sequence[int], *, hot: bool = False) -> list[Posting]:
    """Return transactions of use, 100 units each: spread over all accounts, or between the same two."""
    pairs = _legs()
    return [Posting(key_of(series, number), "trial", BOOK, DAY, pairs[place_of(number, hot=hot)]) for number in numbers]


def open_accounts(store: Store, series: str) -> None:
    """Post once to every account: afterwards they are open, and this process knows them."""
    post_batch(store, postings(series, range(ACCOUNTS)))


def post_batch(store: Store, batch: Sequence[Posting]) -> float:
    """Post a batch in one transaction, each for itself; return the seconds. RuntimeError if one was not posted."""
    start = perf_counter()
    outcomes = store.run(CALL, lambda unit: post_each(unit, batch))
    seconds = perf_counter() - start
    for outcome in outcomes:
        if outcome.result is not Result.POSTED:
            message = f"a transaction was not posted: {outcome}"
            raise RuntimeError(message)
    return seconds


def fill(store: Store, series: str, transactions: int) -> None:
    """Post so many spread transactions, batch by batch."""
    for first in range(0, transactions, BATCH):
        post_batch(store, postings(series, range(first, min(first + BATCH, transactions))))


@cache
def _legs() -> tuple[tuple[Leg, Leg], ...]:
    def pair(number: int) -> tuple[Leg, Leg]:
        offering = f"ofr_{number:032d}"
        unbilled = AccountRef("unbilled_use", BOOK, ASSET, contract_id=f"con_{number:032d}", offering_id=offering)
        delivered = AccountRef("delivered_use", BOOK, ASSET, offering_id=offering)
        return Leg(unbilled, "D", 100, MONTH, DAY), Leg(delivered, "C", 100, MONTH, DAY)

    return tuple(pair(number) for number in range(ACCOUNTS))
