"""The books as read: accounts with their names, transactions with their legs, the trial balance, as of a moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from ledger.balances import Sought, Sums, normal, sums
from ledger.books import account_ids
from ledger.chart import CHART, CURRENCY, AccountKind
from ledger.sequence import Place, next_transactions, place_of
from ledger.tables import Account, Entry, Transaction
from pricing.money import format_money, format_quantity
from registry.tables import Offering, Party
from store.paging import CursorInvalid
from store.unit import Unit


@dataclass(frozen=True)
class NamedAccount:
    """An account with the codes of what it is kept for, as people know them."""

    id: int
    code: str
    kind: AccountKind
    asset: str
    operator: str
    party: str | None
    contract: str | None
    offering: str | None

    def document(self) -> dict[str, Any]:
        """Return the account as the wire says it."""
        return {
            "id": self.code,
            "kind": self.kind.kind,
            "standard_code": self.kind.standard_code,
            "name_zh": self.kind.name_zh,
            "name_en": self.kind.name_en,
            "normal_side": "debit" if self.kind.normal_side == "D" else "credit",
            "asset": self.asset,
            "operator": self.operator,
            "party": self.party,
            "contract": self.contract,
            "offering": self.offering,
        }


@dataclass(frozen=True)
class Bounds:
    """What part of the books is read: whose books (None: all), as of when, and the days of effect, half-open."""

    books: list[str] | None
    as_of: datetime
    day_from: date | None = None
    day_until: date | None = None


def written(amount: int, asset: str) -> str:
    """Return an amount at its asset's scale as text: yuan with two places, units of use with up to six."""
    if asset == CURRENCY:
        return format_money(amount)
    return format_quantity(amount) if amount >= 0 else f"-{format_quantity(-amount)}"


def named_accounts(bounds: Bounds) -> Any:
    """Return the query of the accounts in bounds, with the codes that name them."""
    operator, party = aliased(Party), aliased(Party)
    query: Any = (
        select(
            col(Account.id),
            col(Account.code),
            col(Account.kind),
            col(Account.asset),
            col(operator.code).label("operator"),
            col(party.code).label("party"),
            col(Account.contract_id).label("contract"),
            col(Offering.code).label("offering"),
        )
        .join(operator, col(operator.id) == col(Account.book))
        .outerjoin(party, col(party.id) == col(Account.party_id))
        .outerjoin(Offering, col(Offering.id) == col(Account.offering_id))
        .where(col(Account.recorded_at) <= bounds.as_of)
    )
    return query if bounds.books is None else query.where(col(Account.book).in_(bounds.books))


def account_of(row: Row[Any]) -> NamedAccount:
    """Return the account that a row of ``named_accounts`` says."""
    return NamedAccount(
        row.id, row.code, CHART[row.kind], row.asset, row.operator, row.party, row.contract, row.offering
    )


def account_page(unit: Unit, bounds: Bounds, limit: int, after: int | None) -> tuple[list[NamedAccount], int | None]:
    """Return a page of accounts in the order they were opened, and the id to go on after."""
    query = named_accounts(bounds).order_by(col(Account.id)).limit(limit + 1)
    if after is not None:
        query = query.where(col(Account.id) > after)
    found = [account_of(row) for row in unit.connection.execute(query)]
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def trial_balance(unit: Unit, bounds: Bounds) -> dict[str, Any]:
    """Return debits, credits and balance of every account in bounds, and the totals by asset, which must agree."""
    found = account_sums(unit, bounds)
    rows = unit.connection.execute(named_accounts(bounds).order_by(col(Account.id)))
    accounts = [account_of(row) for row in rows]
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    items = []
    for account in accounts:
        amounts = found.get(account.id, Sums(0, 0))
        totals[account.asset][0] += amounts.debit
        totals[account.asset][1] += amounts.credit
        balance = normal(account.kind.kind, amounts)
        items.append(
            {
                **account.document(),
                "debit": written(amounts.debit, account.asset),
                "credit": written(amounts.credit, account.asset),
                "balance": written(balance, account.asset),
            }
        )
    return {
        "as_of": bounds.as_of,
        "items": items,
        "totals": [
            {
                "asset": asset,
                "debit": written(debit, asset),
                "credit": written(credit, asset),
                "balanced": debit == credit,
            }
            for asset, (debit, credit) in sorted(totals.items())
        ],
    }


def account_sums(unit: Unit, bounds: Bounds) -> dict[int, Sums]:
    """Return debits and credits by account id in bounds, of the accounts that have any."""
    return sums(unit, Sought(bounds.as_of, bounds.day_from, bounds.day_until, books=bounds.books))


def within(query: Any, bounds: Bounds) -> Any:
    """Return a query of transactions with the bounds put on it."""
    query = query.where(col(Transaction.recorded_at) <= bounds.as_of)
    if bounds.books is not None:
        query = query.where(col(Transaction.book).in_(bounds.books))
    if bounds.day_from is not None:
        query = query.where(col(Transaction.effective_on) >= bounds.day_from)
    if bounds.day_until is not None:
        query = query.where(col(Transaction.effective_on) < bounds.day_until)
    return query


def transaction_page(
    unit: Unit, bounds: Bounds, account: str | None, limit: int, after: int | None
) -> tuple[list[dict[str, Any]], int | None]:
    """Return a page of transactions with their legs, in the order of recording, and the id to go on after.

    Raises CursorInvalid where no transaction has the id ``after``.
    """
    sought = Sought(day_from=bounds.day_from, day_until=bounds.day_until, books=bounds.books)
    if account is not None:
        sought = replace(sought, accounts=list(account_ids(unit, [account]).values()))
    place = None if after is None else _place(unit, after)
    numbers = next_transactions(unit, sought, bounds.as_of, limit + 1, place)
    wanted = select(Transaction).where(col(Transaction.id).in_(numbers[:limit]))
    found = sorted(unit.session.execute(wanted).scalars(), key=lambda row: numbers.index(int(row.id or 0)))
    return described(unit, found), numbers[limit - 1] if len(numbers) > limit else None


def _place(unit: Unit, number: int) -> Place:
    place = place_of(unit, number)
    if place is None:
        message = f"{number} is no transaction; use next_cursor of the page before, or none"
        raise CursorInvalid(message, errors={"cursor": [message]})
    return place


def described(unit: Unit, transactions: Sequence[Transaction]) -> list[dict[str, Any]]:
    """Return transactions with their legs as the wire says them."""
    legs = _legs(unit, transactions)
    return [
        {
            "id": transaction.id,
            "key": transaction.key,
            "kind": transaction.kind,
            "effective_on": transaction.effective_on,
            "recorded_at": transaction.recorded_at,
            "document": transaction.document_id,
            "event_count": transaction.event_count,
            "event_digest": transaction.event_digest,
            "entries": legs[transaction.id],
        }
        for transaction in transactions
    ]


def _legs(unit: Unit, transactions: Sequence[Transaction]) -> Mapping[int | None, list[dict[str, Any]]]:
    query = (
        select(
            col(Entry.transaction_id),
            col(Account.code),
            col(Account.kind),
            col(Entry.asset),
            col(Entry.side),
            col(Entry.amount),
            col(Entry.service_month),
            col(Entry.service_on),
        )
        .join(Account, col(Account.id) == col(Entry.account_id))
        .where(
            col(Entry.transaction_id).in_([transaction.id for transaction in transactions]),
            col(Entry.recorded_month).in_({transaction.recorded_month for transaction in transactions}),
        )
        .order_by(col(Entry.transaction_id), col(Entry.leg))
    )
    legs: dict[int | None, list[dict[str, Any]]] = defaultdict(list)
    for row in unit.connection.execute(query):
        legs[row.transaction_id].append(
            {
                "account": row.code,
                "kind": row.kind,
                "asset": row.asset,
                "side": "debit" if row.side == "D" else "credit",
                "amount": written(row.amount, row.asset),
                "service_month": row.service_month,
                "service_on": row.service_on,
            }
        )
    return legs
