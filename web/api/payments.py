"""Routes of money received and paid back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from schemas.settlement import BalanceOut, BalanceQuery, PaymentIn, PaymentOut, RefundIn, RefundOut
from settlement.payments import (
    balance_document,
    find_payment,
    find_refund,
    payment_document,
    record_payment,
    refund_balance,
    refund_document,
    visible_payments,
    visible_refunds,
)
from settlement.tables import Payment, Refund
from store.unit import Unit
from web.door import Door, lists, reads, writes

READERS = ("operator", "buyer", "regulator", "auditor", "admin")

door = Door("payments", __name__, url_prefix="", description="Money received and paid back")


@writes(door, "/payments", roles=("operator",), body=PaymentIn, answer=PaymentOut)
def create_payment(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Record money received; what the bills named do not owe becomes the buyer's balance."""
    return payment_document(unit, record_payment(unit, body))


@lists(door, "/payments", roles=READERS, item=PaymentOut, key=col(Payment.id), document=payment_document)
def list_payments(unit: Unit, _query: Mapping[str, Any]) -> Select[Any]:
    """List the payments that the caller is a party to or oversees."""
    return visible_payments(unit)


@reads(door, "/payments/<payment_id>", roles=READERS, answer=PaymentOut)
def get_payment(unit: Unit, _query: Mapping[str, Any], payment_id: str) -> dict[str, Any]:
    """Show a payment and what it settled."""
    return payment_document(unit, find_payment(unit, payment_id))


@writes(door, "/refunds", roles=("operator",), body=RefundIn, answer=RefundOut)
def create_refund(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Record that a part of a buyer's balance was paid back."""
    return refund_document(unit, refund_balance(unit, body))


@lists(door, "/refunds", roles=READERS, item=RefundOut, key=col(Refund.id), document=refund_document)
def list_refunds(unit: Unit, _query: Mapping[str, Any]) -> Select[Any]:
    """List the refunds that the caller is a party to or oversees."""
    return visible_refunds(unit)


@reads(door, "/refunds/<refund_id>", roles=READERS, answer=RefundOut)
def get_refund(unit: Unit, _query: Mapping[str, Any], refund_id: str) -> dict[str, Any]:
    """Show a refund."""
    return refund_document(unit, find_refund(unit, refund_id))


@reads(door, "/balances", roles=READERS, answer=BalanceOut, query=BalanceQuery)
def get_balance(unit: Unit, query: Mapping[str, Any]) -> dict[str, Any]:
    """Show what a buyer owes an operator, and what the operator holds for it."""
    return balance_document(unit, query["operator"], query["buyer"])
