"""Pages of transactions are the pages of all transactions, whatever narrows them and however far the buckets go."""

from __future__ import annotations

import random
from datetime import date, datetime

import pytest
from sqlalchemy import select
from sqlmodel import col

from ledger.balances import Sought
from ledger.books import Posting, account_ids, credit, debit, post
from ledger.folding import fold
from ledger.sequence import next_transactions, place_of
from ledger.tables import Entry, Transaction
from store.horizon import advance
from store.unit import Store, Unit
from tests.conftest import LOCAL
from tests.ledger.histories import OPERATORS, History, accounts_of, found_parties


def pages(unit: Unit, sought: Sought, as_of: datetime, size: int) -> list[int]:
    """Return what pages of that size hold, one after the other."""
    found: list[int] = []
    while page := next_transactions(unit, sought, as_of, size, place_of(unit, found[-1]) if found else None):
        assert len(page) <= size
        assert set(page).isdisjoint(found)
        found += page
    return found


def plain_list(unit: Unit, sought: Sought, as_of: datetime) -> list[int]:
    """Look at every leg."""
    rows = unit.connection.execute(
        select(
            col(Transaction.id),
            col(Transaction.recorded_at),
            col(Transaction.effective_on),
            col(Transaction.book),
            col(Entry.account_id),
        ).join(Entry, col(Entry.transaction_id) == col(Transaction.id))
    )
    found = {
        (row.recorded_at, row.id)
        for row in rows
        if row.recorded_at <= as_of
        and (sought.day_from is None or row.effective_on >= sought.day_from)
        and (sought.day_until is None or row.effective_on < sought.day_until)
        and (sought.books is None or row.book in sought.books)
        and (sought.accounts is None or row.account_id in sought.accounts)
    }
    return [number for _, number in sorted(found)]


@pytest.mark.parametrize("seed", range(2))
def test_pages_one_after_the_other_are_the_whole_list(store: Store, seed: int) -> None:
    dice = random.Random(seed)
    found_parties(store)
    history = History(store, dice)
    for _ in range(5):
        for _ in range(dice.randint(2, 5)):
            postings = [history.posting() for _ in range(dice.randint(1, 4))]
            store.run(LOCAL, lambda unit, some=postings: post(unit, some))  # type: ignore[misc]
            history.leap()
        if dice.random() < 0.7:
            advance(store)
            fold(store, dice.randint(1, 6))
        with store.reading(LOCAL) as unit:
            moments = list(unit.connection.execute(select(col(Transaction.recorded_at))).scalars())
            refs = [ref.code for operator in OPERATORS for ref in accounts_of(operator)]
            accounts = list(account_ids(unit, refs).values())
            for _ in range(25):
                sought = Sought(
                    day_from=dice.choice((None, history.day())),
                    day_until=dice.choice((None, history.day())),
                    books=dice.choice((None, [OPERATORS[0]], [])),
                    accounts=dice.choice((None, [dice.choice(accounts)])),
                )
                as_of, size = dice.choice([unit.now, *moments]), dice.randint(1, 7)
                assert pages(unit, sought, as_of, size) == plain_list(unit, sought, as_of), (seed, sought, size)


def test_a_transaction_with_several_legs_on_an_account_is_listed_once(store: Store) -> None:
    found_parties(store)
    receivable, revenue = accounts_of(OPERATORS[0])
    legs = (*debit(receivable, 1), *debit(receivable, 2), *debit(receivable, 3, "2025-03"), *credit(revenue, 6))
    postings = [Posting(f"n{number}", "test", OPERATORS[0], date(2025, 3, 1), legs) for number in range(3)]
    numbers = store.run(LOCAL, lambda unit: post(unit, postings))
    for _ in range(2):
        with store.reading(LOCAL) as unit:
            account = list(account_ids(unit, [receivable.code]).values())
            assert pages(unit, Sought(accounts=account), unit.now, 2) == numbers
        advance(store)
        fold(store)
