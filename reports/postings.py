"""The check of the postings: each has the legs it announces, balances in each asset, and keeps to its accounts.

It looks at the very rows that are hashed for the seals, so many at once, and names the first at fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import func, select
from sqlmodel import col

from ledger.attested import Ints, Page
from ledger.tables import Account, Entry, Transaction
from store.unit import Unit

BALANCED, LEGS_COMPLETE, ASSETS_MATCH = "balanced", "legs_complete", "assets_match"

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

    ``head`` is the place of a leg's head; books and assets are places in the lists of those that occur.
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
    books: Sequence[bytes]
    assets: Sequence[bytes]


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
    sides, written = zip(*map(_side_and_asset, ends), strict=True) if ends else ((), ())
    asset, assets = _places(written)
    return _Columns(
        ids=page.ids,
        announced=heads["legs"].astype(np.int64),
        found=found,
        book=book,
        head=head,
        account=legs["account"].astype(np.int64),
        amount=legs["amount"].astype(np.int64),
        sign=np.array([1 if side == b"D" else -1 for side in sides], np.int64)[end],
        asset=asset[end],
        books=books,
        assets=assets,
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


def _side_and_asset(end: bytes) -> tuple[bytes, bytes]:
    """Return side and asset of a leg from where its row tells them."""
    start = 1 + _LENGTH_BYTES
    return end[:1], end[start : start + int.from_bytes(end[1:start], "big")]


def _incomplete(columns: _Columns) -> Iterator[str]:
    for place in np.flatnonzero(columns.announced != columns.found).tolist():
        announced, found = columns.announced[place], columns.found[place]
        yield f"transaction_id={columns.ids[place]}, announced={announced}, found={found}"


def _unbalanced(columns: _Columns) -> Iterator[str]:
    """Find what debits and credits of a transaction leave over in an asset.

    The two halves of amounts are added up apart: no sum of a page leaves 64 bits.
    """
    group = columns.head * len(columns.assets) + columns.asset
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    if not len(starts):
        return
    halves = (columns.amount >> _HALF, columns.amount & _LOW)
    high, low = (np.add.reduceat((half * columns.sign)[order], starts) for half in halves)
    for place in np.flatnonzero((high != 0) | (low != 0)).tolist():
        left_over = (int(high[place]) << _HALF) + int(low[place])
        head, asset = divmod(int(group[order[starts[place]]]), len(columns.assets))
        if left_over:
            yield f"transaction_id={columns.ids[head]}, asset={_text(columns.assets[asset])}, left_over={left_over}"


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
