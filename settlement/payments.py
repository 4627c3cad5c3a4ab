"""Money received from buyers, what it settles, and balances paid back.

Every bill that a payment settles is locked, in the order of ids, before what it owes is read. What no bill owes is the
buyer's balance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Select, insert, select
from sqlmodel import col

from ledger.balances import balance, balances
from ledger.books import AccountRef, Leg, Posting, credit, debit, post
from pricing.errors import Malformed, Refusal
from pricing.money import format_money
from registry.lookup import code_of, find, missing, party_of_kind
from registry.relations import require_overseer
from registry.tables import Party
from settlement.standing import buyer_balance, lock_invoice, receivable, standing_of, traded
from settlement.tables import Invoice, Payment, PaymentAllocation, Refund
from store.ids import new_id
from store.unit import Unit


class BuyerRequired(Malformed):
    """A payment that no bill says the buyer of."""

    code = "buyer_required"


class SeveralBuyers(Refusal):
    """A payment for bills of several buyers, or of another buyer than the one named."""

    code = "several_buyers"


class InvoiceRepeated(Refusal):
    """A payment that names one bill twice."""

    code = "invoice_repeated"


class AllocationsExceedPayment(Refusal):
    """More is allocated than was paid."""

    code = "allocations_exceed_payment"


class DayInTheFuture(Refusal):
    """Money cannot have moved on a day to come."""

    code = "day_in_the_future"


class BalanceExceeded(Refusal):
    """More is to be paid back than the buyer's balance holds."""

    code = "balance_exceeded"


def record_payment(unit: Unit, given: Mapping[str, Any]) -> Payment:
    """Record money received by the operator that calls, and settle the bills it names as far as they owe.

    Raises NotFound, BuyerRequired, SeveralBuyers, InvoiceRepeated, AllocationsExceedPayment, DayInTheFuture.
    """
    _require_past(unit, given, "received_on")
    invoices = _locked_invoices(unit, given["allocations"])
    buyer_id = _buyer_of(unit, given, invoices)
    _require_covered(given)
    operator_id = unit.principal.party
    payment = Payment(
        id=new_id("pay"),
        operator_id=operator_id,
        buyer_id=buyer_id,
        amount=given["amount"],
        received_on=given["received_on"],
        bank_reference=given["bank_reference"],
        recorded_at=unit.now,
        recorded_by=operator_id,
    )
    unit.session.add(payment)
    unit.session.flush()
    settled = _settle(unit, payment, given["allocations"], invoices)
    legs = debit(AccountRef("bank", operator_id), payment.amount)
    legs += credit(receivable(operator_id, buyer_id), settled)
    legs += credit(buyer_balance(operator_id, buyer_id), payment.amount - settled)
    post(unit, [_posting("payment", payment.id, operator_id, payment.received_on, legs)])
    unit.object_id = payment.id
    return payment


def refund_balance(unit: Unit, given: Mapping[str, Any]) -> Refund:
    """Record that a part of a buyer's balance was paid back; raises NotFound, BalanceExceeded, DayInTheFuture."""
    _require_past(unit, given, "paid_on")
    operator_id = unit.principal.party
    buyer = party_of_kind(unit, given["buyer"], "buyer", "buyer")
    # The balance has no row of its own: who pays back locks the buyer's, and reads the books afterwards.
    unit.session.get(Party, buyer.id, with_for_update={"key_share": True})
    held = balance(unit, buyer_balance(operator_id, buyer.id))
    if given["amount"] > held:
        message = f"{format_money(given['amount'])} is more than the balance of {buyer.code}: {format_money(held)}"
        raise BalanceExceeded(message, errors={"amount": [message]}, balance=format_money(held))
    refund = Refund(
        id=new_id("rfd"),
        operator_id=operator_id,
        buyer_id=buyer.id,
        amount=given["amount"],
        paid_on=given["paid_on"],
        bank_reference=given["bank_reference"],
        recorded_at=unit.now,
        recorded_by=operator_id,
    )
    unit.session.add(refund)
    legs = debit(buyer_balance(operator_id, buyer.id), refund.amount)
    legs += credit(AccountRef("bank", operator_id), refund.amount)
    post(unit, [_posting("refund", refund.id, operator_id, refund.paid_on, legs)])
    unit.object_id = refund.id
    return refund


def visible_payments(unit: Unit) -> Select[Any]:
    """Return the query of the payments that the caller is a party to or oversees."""
    return select(Payment).where(traded(unit, Payment))


def visible_refunds(unit: Unit) -> Select[Any]:
    """Return the query of the refunds that the caller is a party to or oversees."""
    return select(Refund).where(traded(unit, Refund))


def find_payment(unit: Unit, payment_id: str) -> Payment:
    """Return a payment that the caller may see; raises NotFound."""
    query = visible_payments(unit).where(col(Payment.id) == payment_id)
    payment: Payment | None = unit.session.execute(query).scalar_one_or_none()
    if payment is None:
        raise missing("payment", payment_id)
    return payment


def find_refund(unit: Unit, refund_id: str) -> Refund:
    """Return a refund that the caller may see; raises NotFound."""
    query = visible_refunds(unit).where(col(Refund.id) == refund_id)
    refund: Refund | None = unit.session.execute(query).scalar_one_or_none()
    if refund is None:
        raise missing("refund", refund_id)
    return refund


def payment_document(unit: Unit, payment: Payment) -> dict[str, Any]:
    """Return a payment as the wire says it, before formatting; allocations are what it really settled."""
    rows = unit.session.execute(
        select(PaymentAllocation)
        .where(col(PaymentAllocation.payment_id) == payment.id)
        .order_by(col(PaymentAllocation.invoice_id))
    ).scalars()
    allocations = [{"invoice": row.invoice_id, "amount": row.amount} for row in rows]
    return {
        **_movement_document(unit, payment),
        "allocations": allocations,
        "unallocated": payment.amount - sum(row["amount"] for row in allocations),
    }


def refund_document(unit: Unit, refund: Refund) -> dict[str, Any]:
    """Return a refund as the wire says it, before formatting."""
    return _movement_document(unit, refund)


def balance_document(unit: Unit, operator_ref: str, buyer_ref: str) -> dict[str, Any]:
    """Return what a buyer owes an operator and what the operator holds for it, by the books; raises NotFound."""
    operator = party_of_kind(unit, operator_ref, "operator", "operator")
    buyer = find(unit, Party, buyer_ref, "buyer")
    if unit.principal.role != "buyer":
        require_overseer(unit, operator.id)
    elif buyer.id != unit.principal.party:
        raise missing("buyer", buyer_ref, "buyer")
    owes, holds = receivable(operator.id, buyer.id), buyer_balance(operator.id, buyer.id)
    found = balances(unit, [owes, holds])
    return {
        "operator": operator.code,
        "buyer": buyer.code,
        "outstanding": found[owes.code],
        "balance": found[holds.code],
        "currency": "CNY",
    }


def _require_past(unit: Unit, given: Mapping[str, Any], field: str) -> None:
    if given[field] > unit.today:
        message = f"{field} {given[field]} has not come yet; today is {unit.today}"
        raise DayInTheFuture(message, errors={field: [message]})


def _locked_invoices(unit: Unit, allocations: Sequence[Mapping[str, Any]]) -> dict[str, Invoice]:
    """Lock the bills named, in the order of their ids, and return them by id; each may be named once."""
    fields = {allocation["invoice"]: f"allocations.{number}.invoice" for number, allocation in enumerate(allocations)}
    if len(fields) < len(allocations):
        message = "one bill is named in two allocations; add their amounts up in one"
        raise InvoiceRepeated(message, errors={"allocations": [message]})
    return {invoice_id: lock_invoice(unit, invoice_id, fields[invoice_id]) for invoice_id in sorted(fields)}


def _buyer_of(unit: Unit, given: Mapping[str, Any], invoices: Mapping[str, Invoice]) -> str:
    buyers = {invoice.buyer_id for invoice in invoices.values()}
    if given["buyer"] is not None:
        buyers.add(party_of_kind(unit, given["buyer"], "buyer", "buyer").id)
    if not buyers:
        message = "without an allocation to a bill the payment is a buyer's balance: name the buyer"
        raise BuyerRequired(message, errors={"buyer": [message]})
    if len(buyers) > 1:
        codes = ", ".join(sorted(code_of(unit, Party, buyer_id) for buyer_id in buyers))
        message = f"one payment comes from one buyer, and here are {codes}; record a payment of each"
        raise SeveralBuyers(message, errors={"allocations": [message]})
    return buyers.pop()


def _require_covered(given: Mapping[str, Any]) -> None:
    allocated = sum(allocation["amount"] for allocation in given["allocations"])
    if allocated > given["amount"]:
        message = f"{format_money(allocated)} is allocated of a payment of {format_money(given['amount'])}"
        raise AllocationsExceedPayment(message, errors={"allocations": [message]})


def _settle(
    unit: Unit, payment: Payment, allocations: Sequence[Mapping[str, Any]], invoices: Mapping[str, Invoice]
) -> int:
    """Settle each bill up to what it owes; return how much of the payment that took."""
    rows = []
    for allocation in allocations:
        owed = standing_of(unit, invoices[allocation["invoice"]]).outstanding
        if owed:
            amount = min(allocation["amount"], owed)
            rows.append({"payment_id": payment.id, "invoice_id": allocation["invoice"], "amount": amount})
    if rows:
        unit.connection.execute(insert(PaymentAllocation), rows)
    return sum(row["amount"] for row in rows)


def _posting(kind: str, document_id: str, book: str, day: date, legs: Sequence[Leg]) -> Posting:
    return Posting(f"{kind}:{document_id}", kind, book, day, tuple(legs), document_id=document_id)


def _movement_document(unit: Unit, row: Payment | Refund) -> dict[str, Any]:
    return {
        **row.model_dump(exclude={"recorded_by"}),
        "operator": code_of(unit, Party, row.operator_id),
        "buyer": code_of(unit, Party, row.buyer_id),
        "currency": "CNY",
        "sandbox": unit.sandbox,
    }
