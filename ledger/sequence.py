"""Transactions in the order in which they were recorded, a page at a time: of an account, or of days of effect.

A page costs what is on it, and at most what one month recorded beside it, however long the history is: the folded
buckets know in which months anything of an account, or of days, was recorded. Only those are gone through, and what
was recorded after the fold. What an account has is found by the index that begins with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, func, literal, select, tuple_
from sqlmodel import col

from ledger.balance_tables import BalanceBucket
from ledger.balances import Sought
from ledger.folding import TICK, fold_state
from ledger.tables import Entry, Transaction, legs_of_head
from pricing.period import Month, instant_of, month_of
from store.columns import Instant
from store.months import number_of
from store.unit import Unit

_moment, _id = col(Transaction.recorded_at), col(Transaction.id)


@dataclass(frozen=True)
class Place:
    """Where a transaction stands in the sequence."""

    recorded_at: datetime
    id: int


@dataclass(frozen=True)
class _Stretch:
    """What was recorded after ``after`` (None: ever) until ``until``; of one folded month, if it is named."""

    after: datetime | None
    until: datetime
    month: Month | None = None


def place_of(unit: Unit, number: int) -> Place | None:
    """Return where a transaction stands, None where there is none of that id."""
    moment = unit.connection.execute(select(_moment).where(_id == number)).scalar_one_or_none()
    return None if moment is None else Place(moment, number)


def next_transactions(unit: Unit, sought: Sought, as_of: datetime, limit: int, place: Place | None) -> list[int]:
    """Return the ids of up to ``limit`` transactions after a place: those of the books, days and accounts sought."""
    found: set[tuple[datetime, int]] = set()
    for stretch in _stretches(unit, sought, as_of, place):
        for query in _queries(unit, sought, stretch, place):
            found |= {(row[0], row[1]) for row in unit.connection.execute(query.limit(limit))}
        if len(found) >= limit:
            break
    return [number for _, number in sorted(found)[:limit]]


def _stretches(unit: Unit, sought: Sought, as_of: datetime, place: Place | None) -> Iterator[_Stretch]:
    """Yield the stretches from a place on in which anything sought can have been recorded, in their order."""
    if sought.accounts is None and sought.day_from is None and sought.day_until is None:
        yield _Stretch(None, as_of)
        return
    folded = fold_state(unit.connection).until
    until, since = min(folded, as_of), "" if place is None else str(month_of(place.recorded_at, unit.zone))
    while (month := _next_month(unit, sought, since)) is not None:
        after, end = instant_of(month.first_day, unit.zone) - TICK, instant_of(month.until, unit.zone) - TICK
        yield _Stretch(after, min(end, until), month)
        since = str(month.next)
    if as_of > folded:
        yield _Stretch(folded, as_of)


def _next_month(unit: Unit, sought: Sought, since: str) -> Month | None:
    """Return the first month from one on in which anything of the accounts and days was recorded and folded."""
    recorded = col(BalanceBucket.recorded_month)
    found = unit.connection.execute(_of_buckets(select(func.min(recorded)), sought).where(recorded >= since)).scalar()
    return None if found is None else Month.parse(found)


def _of_buckets(query: Any, sought: Sought) -> Any:
    effective = col(BalanceBucket.effective_month)
    first = None if sought.day_from is None else str(Month.from_date(sought.day_from))
    last = None if sought.day_until is None else str(Month.from_date(sought.day_until - timedelta(days=1)))
    if sought.accounts is not None:
        query = query.where(col(BalanceBucket.account_id).in_(sought.accounts))
    if first is not None and first == last:
        return query.where(effective == first)
    if first is not None:
        query = query.where(effective >= first)
    return query if last is None else query.where(effective <= last)


def _queries(unit: Unit, sought: Sought, stretch: _Stretch, place: Place | None) -> Iterator[Any]:
    """Yield queries of moment and id that together begin with the next transactions of a stretch."""
    if sought.accounts is None or stretch.month is None:
        yield _of_heads(sought, stretch, place)
        return
    bucket = col(BalanceBucket.account_id), col(BalanceBucket.service_month)
    known = _of_buckets(select(*bucket), sought).where(col(BalanceBucket.recorded_month) == str(stretch.month))
    for account, service_month in unit.connection.execute(known.distinct().order_by(*bucket)):
        yield _of_legs(unit, account, service_month or None, _bounded(sought, stretch), stretch.month, place)


def _of_heads(sought: Sought, stretch: _Stretch, place: Place | None) -> Any:
    query: Any = select(_moment, _id).where(*_bounded(sought, stretch)).order_by(_moment, _id)
    if stretch.after is not None:
        query = query.where(_moment > stretch.after)
    if sought.accounts is not None:
        query = query.where(exists().where(legs_of_head(), col(Entry.account_id).in_(sought.accounts)))
    return query if place is None else query.where(_comes_after(place))


def _of_legs(
    unit: Unit,
    account: int,
    service_month: str | None,
    bounds: list[ColumnElement[bool]],
    month: Month,
    place: Place | None,
) -> Any:
    """Return the query of what an account has of a service month.

    SQLite numbers transactions as it records them, and has an account's legs of a month in the order of the numbers.
    """
    number = col(Entry.transaction_id)
    query: Any = (
        select(_moment, number)
        .join(Transaction, legs_of_head())
        .where(
            col(Entry.account_id) == account,
            col(Entry.service_month).is_not_distinct_from(service_month),
            col(Entry.recorded_month) == number_of(month),
            *bounds,
        )
        .distinct()
    )
    if unit.dialect == "sqlite":
        return query.where(number > (place.id if place else 0)).order_by(number)
    query = query.order_by(_moment, number)
    return query if place is None else query.where(_comes_after(place))


def _bounded(sought: Sought, stretch: _Stretch) -> list[ColumnElement[bool]]:
    bounds = [_moment <= stretch.until]
    if sought.books is not None:
        bounds.append(col(Transaction.book).in_(sought.books))
    if sought.day_from is not None:
        bounds.append(col(Transaction.effective_on) >= sought.day_from)
    if sought.day_until is not None:
        bounds.append(col(Transaction.effective_on) < sought.day_until)
    return bounds


def _comes_after(place: Place) -> ColumnElement[bool]:
    moment = literal(place.recorded_at, Instant())
    return tuple_(_moment, _id) > tuple_(moment, literal(place.id))
