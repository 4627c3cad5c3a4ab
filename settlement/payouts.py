"""Payouts: the balance of a statement paid to its beneficiary, or remitted to the treasury under a number.

Only the newest statement of a beneficiary is paid, in full and once: older balances are carried in it, so that nothing
is paid twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import col

from ledger.books import AccountRef, Posting, credit, debit, post
from pricing.errors import Conflict, Refusal
from pricing.money import format_money, parse_money
from registry.lookup import code_of, find, missing
from registry.tables import Party
from settlement.payments import DayInTheFuture
from settlement.share_entries import payable_account
from settlement.signed_agreements import lock_agreements
from settlement.statements import find_statement, sees_statement
from settlement.tables import Payout, Settlement, Statement
from store.ids import new_id
from store.unit import Unit

KIND = "payout"


class NothingToPay(Conflict):
    """A statement on which nothing is payable."""

    code = "nothing_to_pay"


class AlreadyPaid(Conflict):
    """A statement that was paid before."""

    code = "already_paid"


class StatementSuperseded(Conflict):
    """A statement whose balance a later one carries on."""

    code = "statement_superseded"


class BelowMinimumPayout(Conflict):
    """A balance below what the agreement pays out at the least; it is carried on."""

    code = "below_minimum_payout"


class RemittanceNoMissing(Refusal):
    """A remittance to the treasury without its number (Asset Notice)."""

    code = "remittance_no_missing"


def pay_out(unit: Unit, given: Mapping[str, Any]) -> Payout:
    """Record that the closing balance of a statement was paid, and book it.

    Raises NotFound, DayInTheFuture, NothingToPay, AlreadyPaid, StatementSuperseded, BelowMinimumPayout,
    RemittanceNoMissing.
    """
    statement = find_statement(unit, given["statement"], "statement")
    if statement.operator_id != unit.principal.party:
        raise missing("statement", given["statement"], "statement")
    if given["paid_on"] > unit.today:
        message = f"paid_on {given['paid_on']} has not come yet; today is {unit.today}"
        raise DayInTheFuture(message, errors={"paid_on": [message]})
    lock_agreements(unit, statement.operator_id)
    _require_payable(unit, statement)
    account = _account(unit, statement)
    if account.kind == "treasury_payable" and given["remittance_no"] is None:
        message = "what is payable to the treasury is remitted under a number: name its remittance_no"
        raise RemittanceNoMissing(message, errors={"remittance_no": [message]})
    payout = Payout(
        id=new_id("pot"),
        statement_id=statement.id,
        amount=statement.closing,
        paid_on=given["paid_on"],
        bank_reference=given["bank_reference"],
        remittance_no=given["remittance_no"],
        recorded_at=unit.now,
        recorded_by=unit.principal.party_id,
    )
    unit.session.add(payout)
    legs = debit(account, payout.amount) + credit(AccountRef("bank", statement.operator_id), payout.amount)
    key = f"{KIND}:{payout.id}"
    post(unit, [Posting(key, KIND, statement.operator_id, payout.paid_on, tuple(legs), payout.id)])
    unit.object_id = payout.id
    return payout


def find_payout(unit: Unit, payout_id: str) -> Payout:
    """Return a payout of a statement that the caller may see; raises NotFound."""
    row: Payout | None = unit.session.execute(
        visible_payouts(unit).where(col(Payout.id) == payout_id)
    ).scalar_one_or_none()
    if row is None:
        raise missing("payout", payout_id)
    return row


def visible_payouts(unit: Unit, statement_id: str | None = None) -> Select[Payout]:
    """Return the query of the payouts of statements that the caller may see, or of one of them."""
    query = select(Payout).join(Statement, col(Statement.id) == col(Payout.statement_id)).where(sees_statement(unit))
    return query if statement_id is None else query.where(col(Payout.statement_id) == statement_id)


def payout_document(unit: Unit, row: Payout) -> dict[str, Any]:
    """Return a payout as the wire says it, before formatting."""
    statement = unit.session.get_one(Statement, row.statement_id)
    return {
        **row.model_dump(exclude={"recorded_by", "statement_id"}),
        "statement": row.statement_id,
        "operator": code_of(unit, Party, statement.operator_id),
        "beneficiary": code_of(unit, Party, statement.beneficiary_id),
        "payable_to": statement.document["payable_to"],
        "currency": "CNY",
        "sandbox": unit.sandbox,
    }


def _require_payable(unit: Unit, statement: Statement) -> None:
    if statement.beneficiary_id == statement.operator_id:
        raise NothingToPay("the operator's own share stays with it: there is nobody to pay")
    if unit.session.execute(visible_payouts(unit, statement.id)).first() is not None:
        raise AlreadyPaid(f"statement {statement.document['number']} was paid before; a statement is paid once")
    if (later := _later(unit, statement)) is not None:
        message = f"statement {later} carries this balance on: pay that one"
        raise StatementSuperseded(message, statement=later)
    closing = format_money(statement.closing)
    if statement.closing <= 0:
        raise NothingToPay(f"the closing balance is {closing}; what is not above 0.00 is carried, not paid")
    minimum = statement.document["minimum_payout"]
    if statement.closing < parse_money(minimum):
        message = f"the closing balance {closing} is below {minimum}, the least that is paid out; it is carried on"
        raise BelowMinimumPayout(message, closing=closing, minimum_payout=minimum)


def _later(unit: Unit, statement: Statement) -> str | None:
    """Return the id of a later statement of the same beneficiary, if there is one."""
    month = select(col(Settlement.month)).where(col(Settlement.id) == statement.settlement_id).scalar_subquery()
    query = (
        select(col(Statement.id))
        .join(Settlement, col(Settlement.id) == col(Statement.settlement_id))
        .where(
            col(Statement.operator_id) == statement.operator_id,
            col(Statement.beneficiary_id) == statement.beneficiary_id,
            col(Settlement.month) > month,
        )
        .order_by(col(Settlement.month).desc())
        .limit(1)
    )
    return unit.session.execute(query).scalar_one_or_none()


def _account(unit: Unit, statement: Statement) -> AccountRef:
    beneficiary = unit.session.get_one(Party, statement.beneficiary_id)
    payable_to = statement.document["payable_to"]
    return payable_account(statement.operator_id, beneficiary, find(unit, Party, payable_to) if payable_to else None)
