"""The one writer of the books: postings in, transactions and entries out, the same on both databases.

A posting is refused here with a clear error when it does not balance; the database refuses it again by itself.
Posting only inserts, in a fixed number of statements whatever the size of the batch: no balance row is locked or
changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, cached_property
from itertools import chain, repeat
from typing import Any, Final, NamedTuple

import numpy as np
from sqlalchemy import Column, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from ledger.chart import CHART, CURRENCY, CURRENCY_SCALE, USE_SCALE
from ledger.periods import first_open_days
from ledger.tables import LEGS_MAX, Account, Asset, Entry, Transaction
from store.arrays import Array, Blobs, Days, Instants, Int16s, Int64s, Texts
from store.columns import Int16, written_instant
from store.direct import change_each, rows
from store.months import recorded_month
from store.unit import Unit

LEG_AMOUNT_MAX: Final = 10**15
"""What one leg holds: 10⁹ units of use. A month's use may be more, and is posted in several legs."""
SIDES: Final = ("D", "C")
_BOTH: Final = frozenset(SIDES)
_CACHE = "ledger.accounts"


@dataclass(frozen=True)
class AccountRef:
    """Names an account: its kind, the book it stands in (an operator's party id), and what it is kept for."""

    kind: str
    book: str
    asset: str = CURRENCY
    party_id: str | None = None
    contract_id: str | None = None
    offering_id: str | None = None

    @cached_property
    def code(self) -> str:
        """The account's unique code: its kind, then book and dimensions, ``-`` for one that it does not have."""
        parts = (self.book, self.asset, self.party_id, self.contract_id, self.offering_id)
        return ":".join((self.kind, *(part or "-" for part in parts)))

    @cached_property
    def is_charted(self) -> bool:
        """Whether the chart has such an account in its asset."""
        kind = CHART.get(self.kind)
        return kind is not None and kind.of_use is not (self.asset == CURRENCY)


class Leg(NamedTuple):
    """One leg: ``amount`` above zero, in the account's asset at its scale, on side ``D`` or ``C``."""

    account: AccountRef
    side: str
    amount: int
    service_month: str | None = None
    service_on: date | None = None


class Posting(NamedTuple):
    """A transaction to post. ``key`` is unique in the books; ``document_id`` names the paper behind it.

    In a closed period it takes effect on the book's first open day; its legs keep their service month and day.
    ``id`` is one of ``reserve``, where rows that name the transaction are written before it.
    """

    key: str
    kind: str
    book: str
    effective_on: date
    legs: tuple[Leg, ...]
    document_id: str | None = None
    event_count: int | None = None
    event_digest: str | None = None
    id: int | None = None


class Unbalanced(AssertionError):
    """A posting whose legs do not balance: a fault of this program, never of a caller."""


def debit(account: AccountRef, amount: int, month: str | None = None, day: date | None = None) -> list[Leg]:
    """Return the legs that debit an account: as many as hold the amount; a negative one credits it, zero needs none."""
    return _leg(account, "D", amount, month, day)


def credit(account: AccountRef, amount: int, month: str | None = None, day: date | None = None) -> list[Leg]:
    """Return the legs that credit an account: as many as hold the amount; a negative one debits it, zero needs none."""
    return _leg(account, "C", amount, month, day)


def reserve(unit: Unit, count: int) -> list[int]:
    """Return ids for up to ``count`` postings, rising; on SQLite they are posted before more are reserved.

    What is not used is a gap.
    """
    if unit.dialect == "sqlite":
        [(last,)] = rows(unit.connection, _LAST_ID)
        return list(range(last + 1, last + count + 1))
    [(numbers,)] = rows(unit.connection, _NEXT_IDS, {"count": count})
    return sorted(_unpacked(numbers))


def post(unit: Unit, postings: Sequence[Posting]) -> list[int]:
    """Write postings in a fixed number of statements; return the transactions' ids in the order given.

    All of them have a reserved id, or none has. Raises Unbalanced. A posting without legs (nothing moved) is a fault
    too: leave it out.
    """
    if not postings:
        return []
    for posting in postings:
        if (fault := fault_of(posting)) is not None:
            raise Unbalanced(fault)
    ids = [posting.id for posting in postings if posting.id is not None] or reserve(unit, len(postings))
    write(unit, ids, postings)
    return ids


def write(
    unit: Unit, ids: Sequence[int], postings: Sequence[Posting], hashes: Sequence[bytes] | None = None
) -> set[int]:
    """Write faultless postings under reserved ids; return the ids that were written.

    All are; but with the hashes of their contents, what has a key that another transaction holds is left out
    (PostgreSQL; SQLite's one writer knows before).
    """
    opened = first_open_days(unit, {posting.book for posting in postings})
    heads = _heads(unit, ids, postings, opened, hashes)
    entries = _entries(unit, ids, postings)
    if unit.dialect == "sqlite":
        # The legs come first: the head closes the transaction.
        change_each(unit.connection, _into_sqlite(Entry), _in_order(Entry, entries))
        change_each(unit.connection, _into_sqlite(Transaction), _in_order(Transaction, heads))
        return set(ids)
    same = (_same(Transaction, heads), _same(Entry, entries))
    given = _given(Transaction, heads, same[0]) | _given(Entry, entries, same[1])
    [(count, written)] = rows(unit.connection, _into_postgresql(*same, once=hashes is not None), given)
    return set(ids) if count == len(ids) else set(_unpacked(written))


def fault_of(posting: Posting) -> str | None:
    """Return why a posting cannot be a transaction, or None."""
    return None if _is_pair(posting) else _closely(posting)


def _is_pair(posting: Posting) -> bool:
    """Say whether a posting is beyond doubt: an amount from one account to another, as most are."""
    if len(posting.legs) != len(SIDES):
        return False
    (one, side, amount, _, _), (other, against, equal, _, _) = posting.legs
    return (
        {side, against} == _BOTH
        and type(amount) is type(equal) is int
        and 0 < amount <= LEG_AMOUNT_MAX
        and amount == equal
        and one.book == other.book == posting.book
        and one.asset == other.asset
        and one.is_charted
        and other.is_charted
        and one.code != other.code
    )


def _closely(posting: Posting) -> str | None:
    sums: dict[str, int] = {}
    sides: dict[str, str] = {}
    for account, side, amount, _month, _day in posting.legs:
        if type(amount) is not int or not 0 < amount <= LEG_AMOUNT_MAX or side not in SIDES:
            return f"{posting.key}: {side!r} {amount!r} is no leg: a side is D or C, an amount 1 to {LEG_AMOUNT_MAX}"
        if account.book != posting.book:
            return f"{posting.key}: {account.code} is an account of another book than {posting.book}"
        if not account.is_charted:
            return f"{posting.key}: the chart has no account {account.kind!r} in {account.asset!r}"
        if sides.setdefault(account.code, side) != side:
            return f"{posting.key}: {account.code} stands on both sides"
        sums[account.asset] = sums.get(account.asset, 0) + (amount if side == "D" else -amount)
    if not posting.legs or any(sums.values()) or len(posting.legs) > LEGS_MAX:
        return f"{posting.key}: {len(posting.legs)} legs, of {LEGS_MAX} that it may have, leave {sums}"
    return None


def _leg(account: AccountRef, side: str, amount: int, month: str | None, day: date | None) -> list[Leg]:
    if amount == 0:
        return []
    if amount < 0:
        side, amount = ("C" if side == "D" else "D"), -amount
    whole, rest = divmod(amount, LEG_AMOUNT_MAX)
    parts = [LEG_AMOUNT_MAX] * whole + ([rest] if rest else [])
    return [Leg(account, side, part, month, day) for part in parts]


def _heads(
    unit: Unit,
    ids: Sequence[int],
    postings: Sequence[Posting],
    opened: Mapping[str, date],
    hashes: Sequence[bytes] | None,
) -> dict[str, Sequence[Any]]:
    effective = [max(posting.effective_on, opened.get(posting.book, date.min)) for posting in postings]
    return {
        "id": list(ids),
        "key": [posting.key for posting in postings],
        "kind": [posting.kind for posting in postings],
        "book": [posting.book for posting in postings],
        "effective_on": _days(unit, effective),
        "recorded_at": [written_instant(unit.now) if unit.dialect == "sqlite" else unit.now] * len(postings),
        "recorded_month": [recorded_month(unit.now, unit.zone)] * len(postings),
        "legs": [len(posting.legs) for posting in postings],
        "document_id": [posting.document_id for posting in postings],
        "event_count": [posting.event_count for posting in postings],
        "event_digest": [posting.event_digest for posting in postings],
        "content_hash": list(hashes) if hashes is not None else [None] * len(postings),
    }


def _entries(unit: Unit, ids: Sequence[int], postings: Sequence[Posting]) -> dict[str, Sequence[Any]]:
    lengths = [len(posting.legs) for posting in postings]
    legs = chain.from_iterable([posting.legs for posting in postings])
    refs, sides, amounts, months, days = zip(*legs, strict=True)
    codes = [ref.code for ref in refs]
    accounts = _accounts(unit, dict(zip(codes, refs, strict=True)))
    return {
        "transaction_id": list(chain.from_iterable(map(repeat, ids, lengths))),
        "recorded_month": [recorded_month(unit.now, unit.zone)] * len(codes),
        "leg": [number for length in lengths for number in range(1, length + 1)],
        "account_id": [accounts[code] for code in codes],
        "asset": [ref.asset for ref in refs],
        "side": sides,
        "amount": amounts,
        "service_month": months,
        "service_on": _days(unit, days),
    }


def _days(unit: Unit, days: Sequence[date | None]) -> Sequence[Any]:
    """Return days as the driver takes them."""
    if unit.dialect == "postgresql":
        return days
    written = {day: None if day is None else day.isoformat() for day in set(days)}
    return [written[day] for day in days]


def _in_order(table: type[Transaction | Entry], values: Mapping[str, Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Return rows of a table, their columns in its order."""
    return list(zip(*(values[column.name] for column in _columns(table)), strict=True))


@cache
def _into_sqlite(table: type[Transaction | Entry]) -> str:
    """Return the statement that inserts one row of a table."""
    columns = _columns(table)
    names = ", ".join(column.name for column in columns)
    return f"INSERT INTO {_name(table)} ({names}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our own names


@cache
def _into_postgresql(heads: frozenset[str], legs: frozenset[str], *, once: bool) -> str:
    """Return the one statement that inserts heads and their legs, as the guards need them, and says which it inserted.

    An array a column (row by row the same costs fifty times as much), but one value for those that are the same in
    all. Where a key is held, ``once`` leaves out what has it.
    """
    conflict = "ON CONFLICT (key) DO NOTHING" if once else ""
    only = "WHERE given.transaction_id IN (SELECT id FROM head)" if once else ""
    return (
        f"WITH head AS ({_from_arrays(Transaction, heads)} {conflict} RETURNING id), "  # noqa: S608 - our own names
        f"leg AS ({_from_arrays(Entry, legs)} {only}) "
        "SELECT count(*), string_agg(int8send(id), '') FROM head"
    )


def _from_arrays(table: type[Transaction | Entry], same: frozenset[str]) -> str:
    # Arrays that are unnested side by side come row by row; in FROM each would be written down first.
    kinds = {column.name: column.type.compile(_DIALECT) for column in _columns(table)}
    each = [name for name in kinds if name not in same]
    arrays = ", ".join(f"unnest(%({_PREFIXES[table]}{name})b::{kinds[name]}[]) AS {name}" for name in each)
    values = [f"given.{name}" for name in each] + [f"%({_PREFIXES[table]}{name})s::{kinds[name]}" for name in same]
    return (
        f"INSERT INTO {_name(table)} ({', '.join([*each, *same])}) "  # noqa: S608 - our own names
        f"SELECT {', '.join(values)} FROM (SELECT {arrays}) AS given"
    )


def _same(table: type[Transaction | Entry], values: Mapping[str, Sequence[Any]]) -> frozenset[str]:
    """Return the columns that have one value in all the rows; what names a row is never one of them."""
    return frozenset(
        name
        for name, of in values.items()
        if name not in _NAMING[table] and of[0] == of[-1] and of.count(of[0]) == len(of)
    )


def _given(
    table: type[Transaction | Entry], values: Mapping[str, Sequence[Any]], same: frozenset[str]
) -> dict[str, Any]:
    """Return what a statement is given for the columns of a table."""
    prefix, kinds = _PREFIXES[table], _kinds(table)
    return {f"{prefix}{name}": of[0] if name in same else kinds[name](of) for name, of in values.items()}


@cache
def _kinds(table: type[Transaction | Entry]) -> dict[str, type[Array]]:
    """Return how each column of a table goes to PostgreSQL where its rows differ."""
    return {
        one.name: Int16s if isinstance(one.type, Int16) else _KINDS[one.type.python_type] for one in _columns(table)
    }


def _unpacked(numbers: bytes | None) -> list[int]:
    """Return numbers that PostgreSQL put together: as rows they would cost as much as what they are needed for."""
    found: list[int] = np.frombuffer(numbers or b"", ">i8").tolist()
    return found


@cache
def _columns(table: type[Transaction | Entry]) -> Sequence[Column[Any]]:
    return list(inspect(table).local_table.columns)


def _name(table: type[Transaction | Entry]) -> str:
    return str(inspect(table).local_table.name)


_LAST_ID: Final = "SELECT coalesce(max(id), 0) FROM ledger_transaction"
_NEXT_IDS: Final = (
    "SELECT string_agg(int8send(nextval('ledger_transaction_id_seq')), '') FROM generate_series(1, %(count)s)"
)
_PREFIXES: Final = {Transaction: "h_", Entry: "e_"}
_NAMING: Final = {
    Transaction: frozenset({"id", "key", "content_hash"}),
    Entry: frozenset({"transaction_id", "leg", "account_id", "side", "amount"}),
}
_KINDS: Final[Mapping[Any, type[Array]]] = {int: Int64s, str: Texts, date: Days, datetime: Instants, bytes: Blobs}
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy does not say


def _accounts(unit: Unit, wanted: Mapping[str, AccountRef]) -> dict[str, int]:
    """Return the ids of accounts by code, opening those that are not there yet."""
    remembered: dict[str, int] = unit.cache.setdefault(_CACHE, {})
    found = {code: remembered[code] for code in wanted if code in remembered}
    missing = sorted(wanted.keys() - found.keys())
    if not missing:
        return found
    known = account_ids(unit, missing)
    unopened = [code for code in missing if code not in known]
    if unopened:
        _open(unit, [wanted[code] for code in unopened])
        known |= account_ids(unit, unopened)
    unit.after_commit.append(lambda: remembered.update(known))
    return found | known


def account_ids(unit: Unit, codes: Sequence[str]) -> dict[str, int]:
    """Return the ids of the accounts with these codes; those not opened yet are left out."""
    found: dict[str, int] = {}
    for start in range(0, len(codes), 500):
        query = select(col(Account.code), col(Account.id)).where(col(Account.code).in_(codes[start : start + 500]))
        found.update({row.code: int(row.id) for row in unit.connection.execute(query)})
    return found


def _open(unit: Unit, refs: Iterable[AccountRef]) -> None:
    refs = list(refs)
    assets = sorted({ref.asset for ref in refs})
    _insert_new(
        unit,
        Asset,
        [{"code": asset, "scale": CURRENCY_SCALE if asset == CURRENCY else USE_SCALE} for asset in assets],
    )
    _insert_new(
        unit,
        Account,
        [
            {
                "code": ref.code,
                "kind": ref.kind,
                "book": ref.book,
                "asset": ref.asset,
                "party_id": ref.party_id,
                "contract_id": ref.contract_id,
                "offering_id": ref.offering_id,
                "recorded_at": unit.now,
            }
            for ref in refs
        ],
    )


def _insert_new(unit: Unit, table: Any, new: list[dict[str, object]]) -> None:
    dialect = sqlite if unit.dialect == "sqlite" else postgresql
    unit.connection.execute(dialect.insert(table).on_conflict_do_nothing(), new)
