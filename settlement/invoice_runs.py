"""Billing every contract of an operator, each bill in its own transaction: a refusal stops one contract alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import and_, case, func, select
from sqlmodel import col

from ledger.tables import Account, Entry
from metering.accounts import UNBILLED
from metering.tables import LateUse
from pricing.errors import Problem
from pricing.period import Month
from registry.tables import Contract
from settlement.invoices import issue_invoice
from settlement.tables import Invoice
from store.unit import Call, Principal, Store, Unit


@dataclass(frozen=True)
class Billed:
    """What became of one month of a contract: its bill, or the reason why there is none."""

    contract_id: str
    month: Month
    invoice_id: str | None
    refused: str | None = None


def issue_month(
    store: Store, operator_id: str, month: Month, progress: Callable[[int, int], None] | None = None
) -> list[Billed]:
    """Bill every contract of an operator up to and with a month; run again, it goes on where it was.

    Contracts behind are brought up month by month, for a bill waits for those before it. One whose term has ended is
    billed beyond it only where use waits. ``progress`` is told how many contracts are done, and of how many.
    """
    call = Call(Principal("operator", operator_id), "invoice")
    with store.reading(call) as unit:
        due = _due(unit, operator_id, month)
    results: list[Billed] = []
    for done, (contract_id, months) in enumerate(due.items(), start=1):
        results += _issue_all(store, call, contract_id, months)
        if progress is not None:
            progress(done, len(due))
    return results


def _issue_all(store: Store, call: Call, contract_id: str, months: Sequence[Month]) -> list[Billed]:
    """Issue the bills of a contract in turn; the first refusal ends it, for the months behind wait for that one."""
    results: list[Billed] = []
    for month in months:
        try:
            invoice_id = store.run(call, lambda unit, month=month: issue_invoice(unit, contract_id, month)[0].id)  # type: ignore[misc]
        except Problem as refused:
            return [*results, Billed(contract_id, month, None, refused.detail)]
        results.append(Billed(contract_id, month, invoice_id))
    return results


def _due(unit: Unit, operator_id: str, month: Month) -> dict[str, list[Month]]:
    """Return the months that each contract of an operator still has to be billed for, up to and with a month.

    Use under a grant is free, so that a grant's contract has nothing to bill.
    """
    newest = (
        select(col(Invoice.contract_id), func.max(col(Invoice.month)).label("month"))
        .where(col(Invoice.operator_id) == operator_id)
        .group_by(col(Invoice.contract_id))
        .subquery()
    )
    contracts = unit.session.execute(
        select(Contract, newest.c.month)
        .join(newest, newest.c.contract_id == col(Contract.id), isouter=True)
        .where(
            col(Contract.operator_id) == operator_id,
            col(Contract.kind) != "grant",
            col(Contract.accepted_at).is_not(None),
            col(Contract.effective_from) < month.until,
        )
        .order_by(col(Contract.id))
    )
    waiting = _with_unbilled_use(unit, operator_id)
    due: dict[str, list[Month]] = {}
    for contract, billed in contracts:
        first = Month.parse(billed).next if billed else Month.from_date(contract.effective_from)
        last = min(month, _last_month(contract, month))
        if first > last and contract.id in waiting:
            # The next bill takes all that came late, so that one month beyond the term is enough.
            last = min(month, first)
        if first <= last:
            due[contract.id] = _months(first, last)
    return due


def _last_month(contract: Contract, month: Month) -> Month:
    """Return the month of the contract's last day; ``month`` where it has no end."""
    end: date | None = contract.effective_until
    return month if end is None else Month.from_date(end - timedelta(days=1))


def _months(first: Month, last: Month) -> list[Month]:
    months = []
    while first <= last:
        months.append(first)
        first = first.next
    return months


def _with_unbilled_use(unit: Unit, operator_id: str) -> set[str]:
    """Return the contracts of an operator of which late use is unbilled."""
    signed = case((col(Entry.side) == "D", col(Entry.amount)), else_=-col(Entry.amount))
    late = select(col(LateUse.contract_id), col(LateUse.service_month)).distinct().subquery()
    query = (
        select(late.c.contract_id)
        .join(Contract, col(Contract.id) == late.c.contract_id)
        .join(Account, and_(col(Account.contract_id) == late.c.contract_id, col(Account.kind) == UNBILLED))
        .join(Entry, and_(col(Entry.account_id) == col(Account.id), col(Entry.service_month) == late.c.service_month))
        .where(col(Contract.operator_id) == operator_id)
        .group_by(late.c.contract_id)
        .having(func.sum(signed) != 0)
    )
    return set(unit.connection.execute(query).scalars())
