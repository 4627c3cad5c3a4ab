"""Random histories of one small set of books, and what the entries themselves say of them."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from ledger.balances import Sought, Sums
from ledger.books import AccountRef, Posting, credit, debit, post
from ledger.tables import Account, Entry, Transaction
from pricing.period import instant_of, month_of
from registry.tables import Party
from store.horizon import latest_horizon
from store.sandbox import move_clock
from store.unit import Store, Unit
from tests.conftest import LOCAL

OPERATORS = ("pty_first", "pty_second")
FIRST_DAY = date(2024, 11, 1)
DAYS = 500


def found_parties(store: Store) -> None:
    """Enter the operators whose books these are."""

    def enter(unit: Unit) -> None:
        for party_id in OPERATORS:
            unit.session.add(Party(id=party_id, code=party_id, name=party_id, kinds=["operator"], recorded_at=unit.now))

    store.run(LOCAL, enter)


def accounts_of(operator: str) -> tuple[AccountRef, AccountRef]:
    """Return the two accounts that the money of a book moves between."""
    return AccountRef("receivable", operator), AccountRef("revenue", operator)


@dataclass
class History:
    """A history that unfolds by dice: postings of any day of effect, and a clock that leaps forward."""

    store: Store
    dice: random.Random
    number: int = 0

    def day(self) -> date:
        """Return some day; the first of a month more often than another."""
        day = FIRST_DAY + timedelta(days=self.dice.randrange(DAYS))
        return day.replace(day=1) if self.dice.random() < 0.3 else day

    def post(self) -> None:
        """Post one to three transactions at once, recorded at one instant: the first of the month where it can be."""

        def record(unit: Unit) -> None:
            start = instant_of(month_of(unit.now, unit.zone).first_day, unit.zone)
            horizon = latest_horizon(unit.connection)
            if self.dice.random() < 0.5 and (horizon is None or horizon < start):
                unit.now = start
            post(unit, [self.posting() for _ in range(self.dice.randint(1, 3))])

        self.store.run(LOCAL, record)

    def posting(self) -> Posting:
        """Return a transaction of one book, of a service month or none, in either direction."""
        self.number += 1
        operator = self.dice.choice(OPERATORS)
        receivable, revenue = accounts_of(operator)
        amount = self.dice.randint(1, 10**9) * self.dice.choice((1, -1))
        month = self.dice.choice((None, str(self.day())[:7]))
        legs = (*debit(receivable, amount, month), *credit(revenue, amount, month))
        return Posting(f"history:{self.number}", "history", operator, self.day(), legs)

    def leap(self) -> None:
        """Move the clock: seconds, days, or weeks."""
        by = timedelta(seconds=self.dice.choice((1, 3600, 86400, 7 * 86400, 40 * 86400)) * self.dice.random() + 1)
        self.store.run(LOCAL, lambda unit: move_clock(unit, unit.now + by))

    def sought(self, moments: list[datetime]) -> Sought:
        """Return bounds of any kind, as of one of these moments, just beside it, or without a bound."""
        dice = self.dice
        as_of = dice.choice([None, *moments])
        if as_of is not None:
            as_of += timedelta(microseconds=dice.choice((-1, 0, 0, 1)))
        return Sought(
            as_of=as_of,
            day_from=dice.choice((None, self.day())),
            day_until=dice.choice((None, self.day(), date(9999, 12, 31))),
            service_month=dice.choice((None, None, str(self.day())[:7])),
            books=dice.choice((None, None, [OPERATORS[0]], [OPERATORS[1]], [])),
        )


def plain_sums(unit: Unit, sought: Sought) -> dict[int, Sums]:
    """Add the entries up one by one."""
    sums: dict[int, dict[str, int]] = defaultdict(lambda: {"D": 0, "C": 0})
    rows = unit.connection.execute(
        select(
            col(Transaction.recorded_at),
            col(Transaction.effective_on),
            col(Entry.service_month),
            col(Entry.account_id),
            col(Entry.side),
            col(Entry.amount),
            col(Account.book),
        )
        .join(Entry, col(Entry.transaction_id) == col(Transaction.id))
        .join(Account, col(Account.id) == col(Entry.account_id))
    )
    for row in rows:
        if _is_sought(row, sought):
            sums[row.account_id][row.side] += row.amount
    return {number: Sums(found["D"], found["C"]) for number, found in sorted(sums.items())}


def _is_sought(row: Any, sought: Sought) -> bool:
    return (
        (sought.as_of is None or row.recorded_at <= sought.as_of)
        and (sought.day_from is None or row.effective_on >= sought.day_from)
        and (sought.day_until is None or row.effective_on < sought.day_until)
        and (sought.service_month is None or row.service_month == sought.service_month)
        and (sought.books is None or row.book in sought.books)
    )
