"""The close of a month of a book: from then on it takes no entry, for good.

What comes late for it keeps its service month and takes effect on the first open day (``ledger.books``).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import col

from ledger.balance_tables import BalanceBucket
from ledger.folding import FoldState, while_steady
from ledger.periods import first_open_days, lock_exclusive
from ledger.tables import Account, ClosedPeriod, Transaction
from pricing.errors import Conflict
from pricing.period import Month
from store.columns import Day
from store.engine import reader_clock
from store.ids import new_id
from store.tables import Instance
from store.unit import Unit


class MonthNotEnded(Conflict):
    """A month that still runs, so that more of it may come."""

    code = "month_not_ended"


class EarlierMonthOpen(Conflict):
    """A month before the one to close has entries and takes more."""

    code = "earlier_month_open"


def close_month(unit: Unit, book: str, month: Month) -> tuple[ClosedPeriod, bool]:
    """Close a month of a book, or find it closed; say whether it is new. There is no way back.

    Work that posts to the book has ended before it is closed, or waits and posts into the next month. Months before it
    without entries are closed with it. Raises MonthNotEnded, EarlierMonthOpen.
    """
    lock_exclusive(unit, book)
    found = _closed(unit, book, month)
    if found is None:
        _require_turn(unit, book, month)
        row = ClosedPeriod(
            id=new_id("per"),
            book=book,
            month=str(month),
            opens_on=month.until,
            closed_at=_present(unit),
            closed_by=unit.principal.party_id,
        )
        unit.session.add(row)
    else:
        row = found
    unit.object_id = row.id
    return row, found is None


def _present(unit: Unit) -> datetime:
    """Return the clock once the lock is held: nothing recorded later can have entered the month."""
    offset = unit.connection.execute(select(col(Instance.clock_offset_us))).scalar_one()
    return reader_clock(unit.connection).astimezone(UTC) + timedelta(microseconds=offset)


def _closed(unit: Unit, book: str, month: Month) -> ClosedPeriod | None:
    query = select(ClosedPeriod).where(col(ClosedPeriod.book) == book, col(ClosedPeriod.month) == str(month))
    row: ClosedPeriod | None = unit.session.execute(query).scalar_one_or_none()
    return row


def _require_turn(unit: Unit, book: str, month: Month) -> None:
    if unit.today < month.until:
        message = f"{month} ends with the day before {month.until}, and it is {unit.today}; close it then"
        raise MonthNotEnded(message, errors={"month": [message]})
    earlier = while_steady(unit.connection, lambda state: _first_open(unit, book, month, state))
    if earlier is not None:
        message = f"{earlier} has entries and is open; close the months before {month} first, from {earlier} on"
        raise EarlierMonthOpen(message, errors={"month": [message]}, earliest=earlier)


def _first_open(unit: Unit, book: str, month: Month, state: FoldState) -> str | None:
    """Return the first open month before ``month`` that has entries: by the buckets, and the heads after them."""
    opened = first_open_days(unit, [book]).get(book, date.min)
    accounts = select(col(Account.id)).where(col(Account.book) == book)
    effective_month, effective_on = col(BalanceBucket.effective_month), col(Transaction.effective_on)
    folded = select(func.min(effective_month)).where(
        col(BalanceBucket.account_id).in_(accounts),
        effective_month >= opened.isoformat()[:7],
        effective_month < str(month),
    )
    tail = select(func.min(effective_on, type_=Day())).where(
        col(Transaction.book) == book,
        col(Transaction.recorded_at) > state.until,
        effective_on >= opened,
        effective_on < month.first_day,
    )
    found = [unit.connection.execute(folded).scalar_one(), unit.connection.execute(tail).scalar_one()]
    return min((str(first)[:7] for first in found if first is not None), default=None)
