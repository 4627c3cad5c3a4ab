"""The check of the postings: each has the legs it announces, balances in each asset, and keeps to accounts and months.

Use balances within each month of service, for no posting moves it to another. The check looks at the very rows that
are hashed for the seals, so many at once, and names the first at fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import func, select
from sqlmodel import col

from ledger.attested import Ints, Page
from ledger.canonical import day_numbered
from ledger.chart import CURRENCY
from ledger.tables import Account, Entry, Transaction
from store.unit import Unit

BALANCED, LEGS_COMPLETE, ASSETS_MATCH, MONTHS_MATCH = "balanced", "legs_complete", "assets_match", "months_match"

_ACCOUNTS_AT_ONCE: Final = 5000
_HALF: Final = 32
_LOW: Final = (1 << _HALF) - 1
_HEAD: Final = np.dtype([("legs_bytes", ">i4"), ("legs", ">i8"), ("book_bytes", ">i4")])
_HEAD_START, _HEAD_END = 51, 67
"""Where the row of a head says so; its book comes next."""
_LEG: Final = np.dtype(
    [("account_bytes", ">i4"), ("account", ">i8"), ("amount_bytes", ">i4"), ("amount", ">i8"), ("side_bytes", ">i4")]
)
_LEG_START, _LEG_END = 26, 54
"""Where the row of a leg says so; its side comes next, and then its asset."""
_INT8_BYTES, _LENGTH_BYTES = 8, 4


class Postings:
    """Takes page after page of the books, and keeps the first fault of each check."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._heads = self._legs = 0
        self._faults: dict[str, str] = {}

    def take(self, page: Page) -> None:
        """Look at a page."""
        self._heads += len(page.heads)
        self._legs += len(page.legs)
        try:
            columns = _columns(page)
        except ValueError as torn:
            self._keep(LEGS_COMPLETE, iter([str(torn)]))
            return
        self._keep(LEGS_COMPLETE, _incomplete(columns))
        self._keep(BALANCED, _unbalanced(columns))
        self._keep(ASSETS_MATCH, _elsewhere(self._unit, columns))
        self._keep(MONTHS_MATCH, _of_other_months(columns))

    def faults(self) -> dict[str, str]:
        """Return the first fault of each check by its key, once every page was taken."""
        self._keep(LEGS_COMPLETE, _left_out(self._unit, self._heads, self._legs))
        return self._faults

    def _keep(self, key: str, faults: Iterator[str]) -> None:
        fault = None if key in self._faults else next(faults, None)
        if fault is not None:
            self._faults[key] = fault


@dataclass(frozen=True)
class _Columns:
    """What a page says, column by column: of each head, and of each leg, those of a head together.

    ``head`` is the place of a leg's head, ``end`` that of where its row tells side, asset and service; books and assets
    are places in the lists of those that occur, and so are the kinds of what balances by itself.
    """

    ids: Ints
    announced: Ints
    found: Ints
    book: Ints
    head: Ints
    account: Ints
    amount: Ints
    sign: Ints
    asset: Ints
    kind: Ints
    end: Ints
    books: Sequence[bytes]
    assets: Sequence[bytes]
    kinds: Sequence[bytes]
    ends: Sequence[_End]


@dataclass(frozen=True)
class _End:
    """Where the row of a leg tells its side, its asset, and the month and day of its service."""

    side: bytes
    asset: bytes
    month: bytes | None
    day: date | None

    @property
    def kind(self) -> bytes:
        """What it balances in, as faults name it: an asset, and of use the month of service too."""
        if self.month is None or self.asset == CURRENCY.encode():
            return b"asset=%b" % self.asset
        return b"asset=%b, service_month=%b" % (self.asset, self.month)


def _columns(page: Page) -> _Columns:
    """Return the columns of a page; ValueError names a transaction whose rows lack what none may lack."""
    found = page.ends - page.starts
    head = np.repeat(np.arange(len(found)), found)
    heads = _numbers(_HEAD, [row[_HEAD_START:_HEAD_END] for row in page.heads], page.ids)
    legs = _numbers(_LEG, [row[_LEG_START:_LEG_END] for row in page.legs], page.ids[head])
    book, books = _places(
        row[_HEAD_END : _HEAD_END + size] for row, size in zip(page.heads, heads["book_bytes"], strict=True)
    )
    end, ends = _places(row[_LEG_END:] for row in page.legs)
    told = [_end(each) for each in ends]
    asset, assets = _places(each.asset for each in told)
    kind, kinds = _places(each.kind for each in told)
    return _Columns(
        ids=page.ids,
        announced=heads["legs"].astype(np.int64),
        found=found,
        book=book,
        head=head,
        account=legs["account"].astype(np.int64),
        amount=legs["amount"].astype(np.int64),
        sign=np.array([1 if each.side == b"D" else -1 for each in told], np.int64)[end],
        asset=asset[end],
        kind=kind[end],
        end=end,
        books=books,
        assets=assets,
        kinds=kinds,
        ends=told,
    )


def _numbers(of: np.dtype[Any], rows: Sequence[bytes], ids: Ints) -> npt.NDArray[Any]:
    """Return the numbers that rows hold at one place, each of eight bytes."""
    for place, row in enumerate(rows) if sum(map(len, rows)) != of.itemsize * len(rows) else ():
        if len(row) != of.itemsize:
            raise _torn(ids[place])
    found = np.frombuffer(b"".join(rows), of)
    for name in (name for name in of.names or () if f"{name}_bytes" in (of.names or ())):
        wrong = np.flatnonzero(found[f"{name}_bytes"] != _INT8_BYTES)
        if len(wrong):
            raise _torn(ids[wrong[0]])
    return found


def _torn(number: Any) -> ValueError:
    return ValueError(f"transaction_id={number}: a number that no head or leg is without is not there")


def _places(values: Iterable[bytes]) -> tuple[Ints, list[bytes]]:
    """Return of each value its place among those that occur, and these."""
    places: dict[bytes, int] = {}
    found = [places.setdefault(value, len(places)) for value in values]
    return np.array(found, np.int64), list(places)


def _end(row: bytes) -> _End:
    """Return what the end of a leg's row tells."""
    fields: list[bytes | None] = []
    place = 1
    while place < len(row):
        size = int.from_bytes(row[place : place + _LENGTH_BYTES], "big", signed=True)
        place += _LENGTH_BYTES
        fields.append(row[place : place + size] if size >= 0 else None)
        place += max(size, 0)
    asset, month, day = fields
    return _End(row[:1], asset or b"", month, None if day is None else day_numbered(day))


def _incomplete(columns: _Columns) -> Iterator[str]:
    for place in np.flatnonzero(columns.announced != columns.found).tolist():
        announced, found = columns.announced[place], columns.found[place]
        yield f"transaction_id={columns.ids[place]}, announced={announced}, found={found}"


def _unbalanced(columns: _Columns) -> Iterator[str]:
    """Find what debits and credits of a transaction leave over in an asset, of use in a month of service.

    The two halves of amounts are added up apart: no sum of a page leaves 64 bits.
    """
    group = columns.head * len(columns.kinds) + columns.kind
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    if not len(starts):
        return
    halves = (columns.amount >> _HALF, columns.amount & _LOW)
    high, low = (np.add.reduceat((half * columns.sign)[order], starts) for half in halves)
    for place in np.flatnonzero((high != 0) | (low != 0)).tolist():
        left_over = (int(high[place]) << _HALF) + int(low[place])
        head, kind = divmod(int(group[order[starts[place]]]), len(columns.kinds))
        if left_over:
            yield f"transaction_id={columns.ids[head]}, {_text(columns.kinds[kind])}, left_over={left_over}"


def _of_other_months(columns: _Columns) -> Iterator[str]:
    """Find the first leg whose day of service is not in its month of service."""
    wrong = [place for place, end in enumerate(columns.ends) if end.day and end.month != str(end.day)[:7].encode()]
    for leg in np.flatnonzero(np.isin(columns.end, wrong)).tolist():
        end = columns.ends[columns.end[leg]]
        month = None if end.month is None else _text(end.month)
        yield f"transaction_id={columns.ids[columns.head[leg]]}, service_month={month}, service_on={end.day}"


def _elsewhere(unit: Unit, columns: _Columns) -> Iterator[str]:
    """Find the first leg whose account is not in its asset, or not in the book of its head."""
    numbers, of = np.unique(columns.account, return_inverse=True)
    kinds = len(columns.assets) * len(columns.books)
    of_leg = of * kinds + columns.asset * len(columns.books) + columns.book[columns.head]
    _, firsts = np.unique(of_leg, return_index=True)
    accounts = _accounts(unit, numbers.tolist())
    for leg in np.sort(firsts).tolist():
        asset, book = columns.assets[columns.asset[leg]], columns.books[columns.book[columns.head[leg]]]
        of_account = accounts.get(int(columns.account[leg]), (None, None))
        if of_account != (_text(asset), _text(book)):
            yield (
                f"transaction_id={columns.ids[columns.head[leg]]}, account_id={columns.account[leg]}, "
                f"asset={_text(asset)}, of_account={of_account[0]}, book={_text(book)}, of_account_book={of_account[1]}"
            )


def _accounts(unit: Unit, numbers: Sequence[int]) -> dict[int | None, tuple[str, str]]:
    """Return asset and book of accounts by their ids."""
    found: dict[int | None, tuple[str, str]] = {}
    for start in range(0, len(numbers), _ACCOUNTS_AT_ONCE):
        some = numbers[start : start + _ACCOUNTS_AT_ONCE]
        query = select(col(Account.id), col(Account.asset), col(Account.book)).where(col(Account.id).in_(some))
        found |= {number: (asset, book) for number, asset, book in unit.connection.execute(query)}
    return found


def _left_out(unit: Unit, heads: int, legs: int) -> Iterator[str]:
    """Find what no page held: a leg without a head, a head of no moment."""
    head = col(Transaction.id)
    if unit.connection.execute(select(func.count()).select_from(Entry)).scalar_one() != legs:
        alone = select(col(Entry.transaction_id)).outerjoin(Transaction, head == col(Entry.transaction_id))
        for number in unit.connection.execute(alone.where(head.is_(None)).limit(1)).scalars():
            yield f"transaction_id={number}: a leg has no head"
        yield f"there are other legs than the {legs} of {heads} transactions"
    if unit.connection.execute(select(func.count()).select_from(Transaction)).scalar_one() != heads:
        yield f"there are other transactions than the {heads} that were recorded at a moment"


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")
