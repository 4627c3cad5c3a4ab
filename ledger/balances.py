"""Balances read from the entries: of accounts by code, by service month and by day, as of a moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import case, func, select
from sqlmodel import col

from ledger.books import AccountRef
from ledger.chart import CHART
from ledger.tables import Account, Entry, Transaction
from store.unit import Unit


def balance(unit: Unit, ref: AccountRef, month: str | None = None, as_of: datetime | None = None) -> int:
    """Return an account's balance on its normal side, in its asset's scale; of one service month if named."""
    return balances(unit, [ref], month, as_of)[ref.code]


def balances(
    unit: Unit, refs: Sequence[AccountRef], month: str | None = None, as_of: datetime | None = None
) -> dict[str, int]:
    """Return balances on the normal side by account code; 0 for an account not opened yet."""
    signed = case((col(Entry.side) == "D", col(Entry.amount)), else_=-col(Entry.amount))
    query = (
        select(col(Account.code), func.sum(signed))
        .join(Entry, col(Entry.account_id) == col(Account.id))
        .where(col(Account.code).in_([ref.code for ref in refs]))
        .group_by(col(Account.code))
    )
    if month is not None:
        query = query.where(col(Entry.service_month) == month)
    if as_of is not None:
        query = query.join(Transaction, col(Transaction.id) == col(Entry.transaction_id)).where(
            col(Transaction.recorded_at) <= as_of
        )
    sums = {code: int(total) for code, total in unit.connection.execute(query)}
    return {ref.code: sums.get(ref.code, 0) * (1 if CHART[ref.kind].normal_side == "D" else -1) for ref in refs}
