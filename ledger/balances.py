"""Balances: folded buckets plus the entries that they do not hold, as of a moment, by days of effect, by service month.

A read costs the buckets and what was recorded after them, not the history. Where a bound cuts through a month, the
entries of that month are read beside the buckets of the others. The answer is that of the entries alone, whatever
the state of the fold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Select, case, func, select
from sqlmodel import col

from ledger.balance_tables import BalanceBucket
from ledger.books import AccountRef, account_ids
from ledger.chart import CHART
from ledger.folding import NOTHING_FOLDED, TICK, FoldState, while_steady
from ledger.tables import Account, Entry, Transaction
from pricing.period import YEAR_MAX, YEAR_MIN, Month, Span, instant_of, month_of
from store.months import recorded_month
from store.unit import Unit


@dataclass(frozen=True)
class Sought:
    """Which entries are added up: recorded until, with effect from and before, of a month of service, of whom, of what.

    What is not given does not restrict.
    """

    as_of: datetime | None = None
    day_from: date | None = None
    day_until: date | None = None
    service_month: str | None = None
    books: Sequence[str] | None = None
    accounts: Sequence[int] | None = None
    kinds: Sequence[str] | None = None


@dataclass(frozen=True)
class Sums:
    """Debits and credits of an account, in its asset's scale."""

    debit: int
    credit: int


@dataclass(frozen=True)
class _Stretch:
    """Entries to read one by one: recorded after ``after`` (None: ever) until ``until`` (None: now), by days of effect.

    ``sign`` is -1 where the buckets hold them and should not.
    """

    after: datetime | None
    until: datetime | None
    day_from: date | None
    day_until: date | None
    sign: int = 1


@dataclass(frozen=True)
class _Cut:
    """Which buckets count: those recorded before ``month`` (None: all), which go ``until``; and what that leaves."""

    before: Month | None
    until: datetime
    rest: _Stretch


def balance(unit: Unit, ref: AccountRef, month: str | None = None, as_of: datetime | None = None) -> int:
    """Return an account's balance on its normal side, in its asset's scale; of one service month if named."""
    return balances(unit, [ref], month, as_of)[ref.code]


def balances(
    unit: Unit, refs: Sequence[AccountRef], month: str | None = None, as_of: datetime | None = None
) -> dict[str, int]:
    """Return balances on the normal side by account code; 0 for an account not opened yet."""
    numbers = account_ids(unit, [ref.code for ref in refs])
    found = sums(unit, Sought(as_of=as_of, service_month=month, accounts=list(numbers.values())))
    nothing = Sums(0, 0)
    return {ref.code: normal(ref.kind, found.get(numbers.get(ref.code, 0), nothing)) for ref in refs}


def normal(kind: str, amounts: Sums) -> int:
    """Return the balance of an account of a kind on its normal side."""
    balance = amounts.debit - amounts.credit
    return balance if CHART[kind].normal_side == "D" else -balance


def sums(unit: Unit, sought: Sought) -> dict[int, Sums]:
    """Return debits and credits by account id, in the order of the ids; accounts without any are left out."""
    found = sums_by(unit, sought, "account_id")
    return {number: found[number,] for (number,) in sorted(found)}


def sums_by(unit: Unit, sought: Sought, *keys: str) -> dict[tuple[Any, ...], Sums]:
    """Return debits and credits by ``account_id``, ``kind``, ``contract_id``, ``offering_id`` or ``service_month``.

    What has neither is left out. Entries of no service month have an empty one.
    """
    return while_steady(unit.connection, lambda state: _added_up(unit, sought, state, keys))


def uneven(unit: Unit, sought: Sought, *keys: str) -> list[tuple[Any, ...]]:
    """Return the keys, as those of ``sums_by``, of which debits and credits are not the same."""

    def differing(state: FoldState) -> Counter[tuple[Any, ...]]:
        found: Counter[tuple[Any, ...]] = Counter()
        for query in _parts(unit.connection, sought, state, unit.zone, keys):
            *_, debits, credits_ = query.selected_columns
            for *key, debit, credit in unit.connection.execute(query.having(debits != credits_)):
                found[tuple(key)] += int(debit) - int(credit)
        return found

    return [key for key, difference in while_steady(unit.connection, differing).items() if difference]


def _added_up(unit: Unit, sought: Sought, state: FoldState, keys: Sequence[str]) -> dict[tuple[Any, ...], Sums]:
    debits: Counter[tuple[Any, ...]] = Counter()
    credits_: Counter[tuple[Any, ...]] = Counter()
    for query in _parts(unit.connection, sought, state, unit.zone, keys):
        for *key, debit, credit in unit.connection.execute(query):
            debits[tuple(key)] += int(debit)
            credits_[tuple(key)] += int(credit)
    return {key: Sums(debits[key], credits_[key]) for key in debits if debits[key] or credits_[key]}


def _parts(
    connection: Connection, sought: Sought, state: FoldState, zone: ZoneInfo, keys: Sequence[str]
) -> Iterator[Select[Any]]:
    """Yield queries of keys, debits and credits, which add up to what is sought."""
    if state.until == NOTHING_FOLDED or not _in_calendar(sought):
        stretch = _Stretch(None, sought.as_of, sought.day_from, sought.day_until)
        yield _of_entries(connection, stretch, sought, zone, keys)
        return
    cut = _cut(sought, state, zone)
    yield _of_buckets(cut, sought, keys)
    yield _of_entries(connection, cut.rest, sought, zone, keys)
    for days in _broken_months(sought):
        for stretch in _recorded(connection, days, cut, zone):
            yield _of_entries(connection, stretch, sought, zone, keys)


def _in_calendar(sought: Sought) -> bool:
    """Say whether the bounds have months: a day in the last years of the calendar only means "for ever"."""
    return all(YEAR_MIN <= day.year < YEAR_MAX for day in (sought.day_from, sought.day_until) if day is not None)


def _cut(sought: Sought, state: FoldState, zone: ZoneInfo) -> _Cut:
    """Choose the buckets whose end lies nearest to the moment, on either side of it."""
    as_of, days = sought.as_of, (sought.day_from, sought.day_until)
    if as_of is None or as_of >= state.until:
        return _Cut(None, state.until, _Stretch(state.until, as_of, *days))
    month = month_of(as_of, zone)
    before = instant_of(month.first_day, zone) - TICK
    end = min(instant_of(month.until, zone) - TICK, state.until)
    if as_of - before <= end - as_of:
        return _Cut(month, before, _Stretch(before, as_of, *days))
    return _Cut(month.next, end, _Stretch(as_of, end, *days, sign=-1))


def _broken_months(sought: Sought) -> list[Span]:
    """Return the days sought that are only part of their month, which no bucket tells apart."""
    found: set[Span] = set()
    wanted = _days(sought)
    for day in (sought.day_from, sought.day_until):
        if wanted is not None and day is not None and day.day != 1:
            part = Month.from_date(day).span.intersect(wanted)
            found |= {part} if part is not None else set()
    return sorted(found, key=lambda part: part.start)


def _days(sought: Sought) -> Span | None:
    """Return the span of the days sought; None where they are none."""
    start = sought.day_from or date.min
    return None if sought.day_until is not None and sought.day_until <= start else Span(start, sought.day_until)


def _recorded(connection: Connection, days: Span, cut: _Cut, zone: ZoneInfo) -> Iterator[_Stretch]:
    """Yield the stretches in which anything with effect in the month of ``days`` was recorded: the buckets know."""
    month = col(BalanceBucket.recorded_month)
    query = select(month).distinct().where(col(BalanceBucket.effective_month) == str(Month.from_date(days.start)))
    found = [Month.parse(text) for text in connection.execute(_before(query, cut).order_by(month)).scalars()]
    starts = [month for month in found if month.previous not in found]
    ends = [month for month in found if month.next not in found]
    for start, end in zip(starts, ends, strict=True):
        after, until = instant_of(start.first_day, zone) - TICK, instant_of(end.until, zone) - TICK
        yield _Stretch(after, min(until, cut.until), days.start, days.end)


def _of_buckets(cut: _Cut, sought: Sought, keys: Sequence[str]) -> Select[Any]:
    bucket = col(BalanceBucket.account_id)
    told = _columns(keys, bucket, col(BalanceBucket.service_month))
    query: Any = select(*told, func.sum(col(BalanceBucket.debit)), func.sum(col(BalanceBucket.credit)))
    query = _with_accounts(query.select_from(BalanceBucket), bucket, keys).group_by(*told)
    effective = col(BalanceBucket.effective_month)
    if sought.day_from is not None:
        month = Month.from_date(sought.day_from)
        query = query.where(effective >= str(month if sought.day_from.day == 1 else month.next))
    if sought.day_until is not None:
        query = query.where(effective < str(Month.from_date(sought.day_until)))
    if sought.service_month is not None:
        query = query.where(col(BalanceBucket.service_month) == sought.service_month)
    return _of_whom(_before(query, cut), bucket, sought)


def _before(query: Any, cut: _Cut) -> Any:
    return query if cut.before is None else query.where(col(BalanceBucket.recorded_month) < str(cut.before))


def _of_entries(
    connection: Connection, stretch: _Stretch, sought: Sought, zone: ZoneInfo, keys: Sequence[str]
) -> Select[Any]:
    account, side, amount = col(Entry.account_id), col(Entry.side), col(Entry.amount)
    told = _columns(keys, account, func.coalesce(col(Entry.service_month), ""))
    query: Any = (
        select(
            *told,
            func.sum(case((side == "D", amount * stretch.sign), else_=0)),
            func.sum(case((side == "C", amount * stretch.sign), else_=0)),
        )
        .select_from(Entry)
        .join(Transaction, _unindexed(connection, stretch, col(Transaction.id)) == col(Entry.transaction_id))
        .group_by(*told)
    )
    query = _with_accounts(query, account, keys)
    recorded_at, effective_on = col(Transaction.recorded_at), col(Transaction.effective_on)
    if stretch.after is not None:
        query = query.where(recorded_at > stretch.after)
    if stretch.until is not None:
        query = query.where(recorded_at <= stretch.until)
    if connection.dialect.name == "postgresql":
        query = query.where(*_in_partitions(stretch, zone))
    if stretch.day_from is not None:
        query = query.where(effective_on >= stretch.day_from)
    if stretch.day_until is not None:
        query = query.where(effective_on < stretch.day_until)
    if sought.service_month is not None:
        query = query.where(col(Entry.service_month) == sought.service_month)
    return _of_whom(query, _unindexed(connection, stretch, account), sought)


def _columns(keys: Sequence[str], account: Any, month: Any) -> list[Any]:
    own = {"account_id": account, "service_month": month}
    return [own[key] if key in own else getattr(Account, key) for key in keys]


def _with_accounts(query: Any, account: Any, keys: Sequence[str]) -> Any:
    if {"account_id", "service_month"}.issuperset(keys):
        return query
    return query.join(Account, col(Account.id) == account)


def _in_partitions(stretch: _Stretch, zone: ZoneInfo) -> Iterator[ColumnElement[bool]]:
    """Yield what says in which partitions the entries of a stretch lie."""
    month = col(Entry.recorded_month)
    yield month == col(Transaction.recorded_month)
    if stretch.after is not None:
        yield month >= recorded_month(stretch.after, zone)
    if stretch.until is not None:
        yield month <= recorded_month(stretch.until, zone)


def _unindexed(connection: Connection, stretch: _Stretch, column: Any) -> Any:
    """Return a column of a query of a stretch, for SQLite as an expression that it looks nothing up by.

    It keeps no statistics of its own accord, and would read all entries of an account for a short stretch; so it has
    to begin with the heads of the stretch.
    """
    return column + 0 if connection.dialect.name == "sqlite" and stretch.after is not None else column


def _of_whom(query: Select[Any], account: Any, sought: Sought) -> Select[Any]:
    if sought.accounts is not None:
        query = query.where(account.in_(sought.accounts))
    restrictions = [
        column.in_(wanted)
        for column, wanted in ((col(Account.book), sought.books), (col(Account.kind), sought.kinds))
        if wanted is not None
    ]
    return query.where(account.in_(select(col(Account.id)).where(*restrictions))) if restrictions else query
