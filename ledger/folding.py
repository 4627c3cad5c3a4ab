"""Folding: what was recorded up to the horizon is added to each account's buckets, once, in the order of recording.

Nothing can be recorded at or below the horizon any more, so a window (folded until, horizon] is complete, and folding
it costs what is new, not what the books hold. The buckets are derived: readers add the tail after them, whatever
their state (``ledger.balances``), and ``rebuild`` makes them anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, TextClause, bindparam, delete, select, text, update
from sqlmodel import col

from ledger.balance_tables import BalanceBucket, BalanceFold
from ledger.tables import Transaction
from pricing.period import Month, instant_of, month_of
from store.columns import Instant
from store.engine import WRITING, writer_turn
from store.exact import BILLION, worded
from store.horizon import latest_horizon
from store.months import number_of
from store.tables import Instance
from store.unit import Store, Unit

T = TypeVar("T")

NOTHING_FOLDED: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Up to when the buckets go before the first fold: no transaction was recorded then."""
TICK: Final = timedelta(microseconds=1)
"""The step of the clock: two instants are the same or at least this far apart."""
TRANSACTIONS_MAX: Final = 20_000
"""How many transactions one database transaction folds, give or take those of one instant: others wait meanwhile."""


@dataclass(frozen=True)
class FoldState:
    """Up to when the buckets hold every transaction, and how often they have changed."""

    until: datetime
    changes: int


@dataclass(frozen=True)
class _Slice:
    """Transactions recorded after ``after`` up to ``until``, all in one business month; None where there are none."""

    after: datetime
    until: datetime
    recorded_month: Month | None


def fold(store: Store, transactions_max: int = TRANSACTIONS_MAX) -> datetime:
    """Fold what was recorded up to the horizon and return up to when the buckets go now, in UTC.

    The work is cut into database transactions of about ``transactions_max`` transactions each; a fold that stops half
    way has folded what it committed. One folds at a time, another waits.
    """
    while True:
        with _writing(store) as connection:
            folded = _locked(connection)
            horizon = latest_horizon(connection)
            if horizon is None or folded.until >= horizon:
                return folded.until
            _fold_slice(connection, _next_slice(connection, folded.until, horizon, transactions_max))


def rebuild(store: Store) -> datetime:
    """Throw the buckets away, make them anew from the entries, and return up to when they go, in UTC.

    Balances read meanwhile are right, but slow.
    """
    with _writing(store) as connection:
        _locked(connection)
        connection.execute(delete(BalanceBucket))
        _move(connection, NOTHING_FOLDED)
    return fold(store)


def fold_state(connection: Connection) -> FoldState:
    """Return how far the buckets go, as this connection's next statement sees it."""
    row = connection.execute(_STATE).one()
    return FoldState(row.folded_until, row.changes)


def while_steady(connection: Connection, read: Callable[[FoldState], T]) -> T:
    """Return what is read of the buckets by their state, all of it between the same two changes of them.

    A transaction that writes on PostgreSQL sees in each statement what others have committed: if the buckets changed
    between the first statement and the last, all is read again.
    """
    before = fold_state(connection)
    while True:
        found = read(before)
        after = fold_state(connection)
        if after == before:
            return found
        before = after


def bucket_fault(unit: Unit) -> str | None:
    """Return the first bucket that is not the sum of its entries recorded up to the fold, as text; None where all are.

    The books are gone through month by month of recording.
    """
    until = fold_state(unit.connection).until
    for month, window in _windows(unit, until):
        row = unit.connection.execute(_of_entries(_FAULT, unit.dialect), window).mappings().first()
        if row is not None:
            return ", ".join(f"{name}={value}" for name, value in ({"recorded_month": month} | dict(row)).items())
    return None


def _windows(unit: Unit, until: datetime) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield each month in which anything was recorded or is said to be, with the window of it that is folded."""
    recorded_at = col(Transaction.recorded_at)
    first = unit.connection.execute(select(recorded_at).order_by(recorded_at).limit(1)).scalar_one_or_none()
    months = set(unit.connection.execute(select(col(BalanceBucket.recorded_month)).distinct()).scalars())
    month = None if first is None else month_of(first, unit.zone)
    while month is not None and instant_of(month.first_day, unit.zone) <= until:
        months.discard(str(month))
        after, end = instant_of(month.first_day, unit.zone) - TICK, instant_of(month.until, unit.zone) - TICK
        yield str(month), _window(month, after, min(end, until))
        month = month.next
    for unknown in sorted(months):
        yield unknown, {**_window(None, NOTHING_FOLDED, NOTHING_FOLDED), "recorded_month": unknown}


def _window(month: Month | None, after: datetime, until: datetime) -> dict[str, object]:
    """Return what the statements take: a window within one month, whose entries lie in one partition."""
    number = None if month is None else number_of(month)
    return {"recorded_month": str(month), "month_number": number, "after": after, "until": until}


@contextmanager
def _writing(store: Store) -> Iterator[Connection]:
    with (
        writer_turn(store.engine, store.settings.wait_seconds_max),
        store.engine.connect().execution_options(**{WRITING: True}) as connection,
        connection.begin(),
    ):
        yield connection


def _locked(connection: Connection) -> FoldState:
    """Take the lock of whoever folds, then read."""
    connection.execute(_STATE.with_for_update())
    return fold_state(connection)


def _next_slice(connection: Connection, after: datetime, horizon: datetime, transactions_max: int) -> _Slice:
    recorded_at = col(Transaction.recorded_at)
    due = select(recorded_at).where(recorded_at > after, recorded_at <= horizon).order_by(recorded_at).limit(1)
    first = connection.execute(due).scalar_one_or_none()
    if first is None:
        return _Slice(after, horizon, None)
    month = month_of(first, zone := _zone(connection))
    ends = [horizon, instant_of(month.until, zone) - TICK]
    full = connection.execute(due.offset(transactions_max - 1)).scalar_one_or_none()
    return _Slice(after, min(ends if full is None else [*ends, full]), month)


def _zone(connection: Connection) -> ZoneInfo:
    return ZoneInfo(connection.execute(select(col(Instance.timezone))).scalar_one())


def _fold_slice(connection: Connection, due: _Slice) -> None:
    if due.recorded_month is not None:
        window = _window(due.recorded_month, due.after, due.until)
        connection.execute(_of_entries(_ADD, connection.dialect.name), window)
    _move(connection, due.until)


def _move(connection: Connection, until: datetime) -> None:
    connection.execute(update(BalanceFold).values(folded_until=until, changes=col(BalanceFold.changes) + 1))


_STATE: Final = select(col(BalanceFold.folded_until), col(BalanceFold.changes))

# A month is one partition. SQLite has none, and begins with the heads of the window: it looks up no expression.
_OF_WINDOW: Final = """
    FROM ledger_transaction AS head
    JOIN ledger_entry AS entry ON entry.transaction_id = head.id AND %s = :month_number
    WHERE head.recorded_at > :after AND head.recorded_at <= :until
    GROUP BY 1, 2, 3"""
_OF_WINDOW_POSTGRESQL: Final = _OF_WINDOW % "entry.recorded_month"
_OF_WINDOW_SQLITE: Final = _OF_WINDOW % "entry.recorded_month + 0"

# PostgreSQL's sum is exact, and it groups numbers quicker than text: by days first.
_ENTRIES_POSTGRESQL: Final = f"""
    SELECT account_id, to_char(effective_on, 'YYYY-MM') AS effective_month, service_month,
           sum(debit) AS debit, sum(credit) AS credit
    FROM (SELECT entry.account_id, head.effective_on, coalesce(entry.service_month, '') AS service_month,
                 sum(CASE entry.side WHEN 'D' THEN entry.amount ELSE 0 END) AS debit,
                 sum(CASE entry.side WHEN 'C' THEN entry.amount ELSE 0 END) AS credit {_OF_WINDOW_POSTGRESQL}) AS by_day
    GROUP BY 1, 2, 3"""  # noqa: S608 - constants above


def _whole(side: str) -> str:
    """Return an exact sum for SQLite; no window has so many legs that the sums of its parts leave 64 bits."""
    of_side = f"sum(CASE entry.side WHEN '{side}' THEN entry.amount {{part}} {BILLION} ELSE 0 END)"
    return f"exact_join({of_side.format(part='/')}, {of_side.format(part='%')})"


_ENTRIES_SQLITE: Final = f"""
    SELECT entry.account_id AS account_id, substr(head.effective_on, 1, 7) AS effective_month,
           coalesce(entry.service_month, '') AS service_month,
           {_whole("D")} AS debit, {_whole("C")} AS credit {_OF_WINDOW_SQLITE}"""

_ADD: Final = """
    INSERT INTO balance_bucket (account_id, recorded_month, effective_month, service_month, debit, credit)
    SELECT account_id, CAST(:recorded_month AS text), effective_month, service_month, debit, credit
    FROM ({entries}) AS added WHERE true
    ON CONFLICT (account_id, recorded_month, effective_month, service_month) DO UPDATE
    SET debit = {debit}, credit = {credit}"""

_FAULT: Final = """
    SELECT account_id, effective_month, service_month,
           exact_sum(debit) AS left_over_debit, exact_sum(credit) AS left_over_credit
    FROM (SELECT account_id, effective_month, service_month, debit, credit FROM balance_bucket
          WHERE recorded_month = :recorded_month
          UNION ALL SELECT account_id, effective_month, service_month, exact_minus(debit), exact_minus(credit)
          FROM ({entries}) AS found
    ) AS difference
    GROUP BY account_id, effective_month, service_month
    HAVING exact_sum(debit) <> 0 OR exact_sum(credit) <> 0 LIMIT 1"""

_WORDS: Final[dict[str, dict[str, str]]] = {
    "sqlite": {
        "entries": _ENTRIES_SQLITE,
        "debit": "exact_add(balance_bucket.debit, excluded.debit)",
        "credit": "exact_add(balance_bucket.credit, excluded.credit)",
    },
    "postgresql": {
        "entries": _ENTRIES_POSTGRESQL,
        "debit": "balance_bucket.debit + excluded.debit",
        "credit": "balance_bucket.credit + excluded.credit",
    },
}


@cache
def _of_entries(statement: str, dialect: str) -> TextClause:
    """Return a statement about the entries of a window, as a database takes it."""
    bounds = (bindparam("after", type_=Instant()), bindparam("until", type_=Instant()))
    return text(worded(statement.format_map(_WORDS[dialect]), dialect)).bindparams(*bounds)
