"""The one writer of the books: postings in, transactions and entries out, the same on both databases.

A posting is refused here with a clear error when it does not balance; the database refuses it again by itself.
Posting only inserts: no balance row is locked or changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from typing import Any, Final

from sqlalchemy import Table, func, insert, inspect, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from ledger.chart import CHART, CURRENCY, CURRENCY_SCALE, USE_SCALE
from ledger.tables import Account, Asset, Entry, Transaction
from store.unit import Unit

LEG_AMOUNT_MAX: Final = 10**15
"""What one leg holds: 10⁹ units of use. A month's use may be more, and is posted in several legs."""
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


@dataclass(frozen=True)
class Leg:
    """One leg: ``amount`` above zero, in the account's asset at its scale, on side ``D`` or ``C``."""

    account: AccountRef
    side: str
    amount: int
    service_month: str | None = None
    service_on: date | None = None


@dataclass(frozen=True)
class Posting:
    """A transaction to post. ``key`` is unique in the books; ``document_id`` names the paper behind it.

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
        last = unit.connection.execute(select(func.max(col(Transaction.id)))).scalar_one() or 0
        return [last + number for number in range(1, count + 1)]
    drawn = unit.connection.execute(_NEXT_IDS, {"count": count}).scalars()
    return sorted(drawn)


def post(unit: Unit, postings: Sequence[Posting]) -> list[int]:
    """Write postings in a fixed number of statements; return the transactions' ids in the order given.

    All of them have a reserved id, or none has. Raises Unbalanced. A posting without legs (nothing moved) is a fault
    too: leave it out.
    """
    if not postings:
        return []
    for posting in postings:
        _require_balance(posting)
    accounts = _accounts(unit, {leg.account.code: leg.account for posting in postings for leg in posting.legs})
    ids = [posting.id for posting in postings if posting.id is not None] or reserve(unit, len(postings))
    _insert_transactions(unit, ids, postings)
    _insert_all(
        unit,
        Entry,
        [
            {
                "transaction_id": transaction_id,
                "leg": number,
                "account_id": accounts[leg.account.code],
                "asset": leg.account.asset,
                "side": leg.side,
                "amount": leg.amount,
                "service_month": leg.service_month,
                "service_on": leg.service_on,
            }
            for transaction_id, posting in zip(ids, postings, strict=True)
            for number, leg in enumerate(posting.legs, start=1)
        ],
    )
    return ids


def _leg(account: AccountRef, side: str, amount: int, month: str | None, day: date | None) -> list[Leg]:
    if amount == 0:
        return []
    if amount < 0:
        side, amount = ("C" if side == "D" else "D"), -amount
    whole, rest = divmod(amount, LEG_AMOUNT_MAX)
    parts = [LEG_AMOUNT_MAX] * whole + ([rest] if rest else [])
    return [Leg(account, side, part, month, day) for part in parts]


def _require_balance(posting: Posting) -> None:
    sums: dict[str, int] = defaultdict(int)
    for leg in posting.legs:
        if leg.amount <= 0 or leg.side not in ("D", "C") or leg.account.kind not in CHART:
            message = f"{posting.key}: {leg} is no leg"
            raise Unbalanced(message)
        sums[leg.account.asset] += leg.amount if leg.side == "D" else -leg.amount
    if not posting.legs or any(sums.values()):
        message = f"{posting.key}: the legs leave {dict(sums)}"
        raise Unbalanced(message)


def _insert_transactions(unit: Unit, ids: Sequence[int], postings: Sequence[Posting]) -> None:
    _insert_all(
        unit,
        Transaction,
        [
            {
                "id": transaction_id,
                "key": posting.key,
                "kind": posting.kind,
                "book": posting.book,
                "effective_on": posting.effective_on,
                "recorded_at": unit.now,
                "legs": len(posting.legs),
                "document_id": posting.document_id,
                "event_count": posting.event_count,
                "event_digest": posting.event_digest,
            }
            for transaction_id, posting in zip(ids, postings, strict=True)
        ],
    )


_NEXT_IDS = text("SELECT nextval(pg_get_serial_sequence('ledger_transaction', 'id')) FROM generate_series(1, :count)")


def _insert_all(unit: Unit, table: type[Transaction | Entry], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows in one statement, as PostgreSQL's check of the balance needs them; SQLite's counts each leg.

    PostgreSQL is given whole columns: row by row the same costs fifty times as much.
    """
    if unit.dialect == "sqlite":
        unit.connection.execute(insert(table), list(rows))
        return
    columns = {column: [row[column] for row in rows] for column in rows[0]}
    unit.connection.exec_driver_sql(_from_arrays(table), columns)


@cache
def _from_arrays(table: type[Transaction | Entry]) -> str:
    """Return the statement that inserts what is given as one array a column."""
    columns: Table = inspect(table).local_table
    arrays = ", ".join(f"%({column.name})b::{column.type.compile(_DIALECT)}[]" for column in columns.columns)
    names = ", ".join(column.name for column in columns.columns)
    return f"INSERT INTO {columns.name} ({names}) SELECT * FROM unnest({arrays})"  # noqa: S608 - our own names


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
        rows = unit.connection.execute(
            select(col(Account.code), col(Account.id)).where(col(Account.code).in_(codes[start : start + 500]))
        )
        found.update({row.code: int(row.id) for row in rows})
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


def _insert_new(unit: Unit, table: Any, rows: list[dict[str, object]]) -> None:
    dialect = sqlite if unit.dialect == "sqlite" else postgresql
    unit.connection.execute(dialect.insert(table).on_conflict_do_nothing(), rows)
