"""Disputes: a buyer's objection to a bill or a contract, and the operator's answer; an accepted one is credited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import col

from pricing.errors import Conflict, Malformed
from registry.contracts import find_contract
from registry.lookup import code_of, missing
from registry.relations import require_operator
from registry.tables import Party
from settlement.credit_notes import REASONS, credit_invoice
from settlement.standing import find_invoice, traded
from settlement.tables import CreditNote, Dispute, DisputeDecision
from store.ids import new_id
from store.unit import Unit


class DisputeNotOpen(Conflict):
    """A dispute that was decided already."""

    code = "dispute_not_open"


class InvoiceRequired(Malformed):
    """A dispute about a contract is credited on one of its bills, which has to be named."""

    code = "invoice_required"


class CreditRequired(Malformed):
    """Neither the dispute nor its acceptance says what is to be credited."""

    code = "credit_required"


def open_dispute(unit: Unit, given: Mapping[str, Any]) -> Dispute:
    """Object to a bill or a contract as its buyer; raises NotFound."""
    if given["invoice"] is not None:
        subject: Any = find_invoice(unit, given["invoice"], "invoice")
    else:
        subject = find_contract(unit, given["contract"], "contract")
    dispute = Dispute(
        id=new_id("dsp"),
        operator_id=subject.operator_id,
        buyer_id=subject.buyer_id,
        invoice_id=given["invoice"],
        contract_id=given["contract"],
        reason=given["reason"],
        lines=_plain_lines(given["lines"]),
        recorded_at=unit.now,
        recorded_by=unit.principal.party,
    )
    unit.session.add(dispute)
    unit.object_id = dispute.id
    return dispute


def accept_dispute(unit: Unit, dispute_id: str, given: Mapping[str, Any]) -> Dispute:
    """Accept a dispute as its operator: credit an amount or lines, those disputed if none are given.

    Raises NotFound, DisputeNotOpen, InvoiceRequired, CreditRequired, and what ``credit_invoice`` raises.
    """
    dispute = _undecided(unit, dispute_id)
    invoice_id = dispute.invoice_id or given["invoice"]
    if invoice_id is None:
        message = "the dispute is about a contract: name the bill of it to credit"
        raise InvoiceRequired(message, errors={"invoice": [message]})
    invoice = find_invoice(unit, invoice_id, "invoice")
    if dispute.contract_id is not None and invoice.contract_id != dispute.contract_id:
        raise missing("bill of the disputed contract", invoice_id, "invoice")
    note = credit_invoice(unit, invoice.id, _credit(dispute, given))
    return _decide(unit, dispute, "accepted", given["reason"] or dispute.reason, note)


def reject_dispute(unit: Unit, dispute_id: str, given: Mapping[str, Any]) -> Dispute:
    """Reject a dispute as its operator, with the reason; raises NotFound, DisputeNotOpen."""
    return _decide(unit, _undecided(unit, dispute_id), "rejected", given["reason"], None)


def visible_disputes(unit: Unit) -> Select[Any]:
    """Return the query of the disputes that the caller is a party to or oversees."""
    return select(Dispute).where(traded(unit, Dispute))


def find_dispute(unit: Unit, dispute_id: str) -> Dispute:
    """Return a dispute that the caller may see; raises NotFound."""
    dispute: Dispute | None = unit.session.execute(
        visible_disputes(unit).where(col(Dispute.id) == dispute_id)
    ).scalar_one_or_none()
    if dispute is None:
        raise missing("dispute", dispute_id)
    return dispute


def dispute_document(unit: Unit, dispute: Dispute) -> dict[str, Any]:
    """Return a dispute as the wire says it, before formatting."""
    decision = unit.session.get(DisputeDecision, dispute.id)
    return {
        **dispute.model_dump(exclude={"recorded_by", "invoice_id", "contract_id"}),
        "invoice": dispute.invoice_id,
        "contract": dispute.contract_id,
        "operator": code_of(unit, Party, dispute.operator_id),
        "buyer": code_of(unit, Party, dispute.buyer_id),
        "status": decision.outcome if decision else "open",
        "decision_reason": decision.reason if decision else None,
        "decided_at": decision.recorded_at if decision else None,
        "credit_note": decision.credit_note_id if decision else None,
        "sandbox": unit.sandbox,
    }


def _plain_lines(lines: Any) -> Any:
    """Return disputed lines as they are kept: positions, millionths and fen."""
    if lines is None:
        return None
    return [{name: line[name] for name in ("position", "quantity", "amount")} for line in lines]


def _undecided(unit: Unit, dispute_id: str) -> Dispute:
    dispute = unit.session.get(Dispute, dispute_id)
    if dispute is None:
        raise missing("dispute", dispute_id)
    require_operator(unit, dispute.operator_id, "dispute", dispute_id)
    unit.object_id = dispute.id
    decision = unit.session.get(DisputeDecision, dispute_id)
    if decision is not None:
        message = f"the dispute was {decision.outcome} already"
        raise DisputeNotOpen(message, state=decision.outcome)
    return dispute


def _credit(dispute: Dispute, given: Mapping[str, Any]) -> dict[str, Any]:
    lines = given["lines"] if given["amount"] is None else None
    if lines is None and given["amount"] is None:
        lines = [line for line in dispute.lines or [] if line["quantity"] is not None or line["amount"] is not None]
    if given["amount"] is None and not lines:
        message = "the dispute names no quantity or amount: say the amount or the lines to credit"
        raise CreditRequired(message, errors={"amount": [message]})
    credit_reason = given["credit_reason"] or (given["reason"] if given["reason"] in REASONS else "allowance")
    return {
        "amount": given["amount"],
        "lines": lines,
        "reason": credit_reason,
        "rebill": given["rebill"],
        "red_confirmation_no": given["red_confirmation_no"],
    }


def _decide(unit: Unit, dispute: Dispute, outcome: str, reason: str, note: CreditNote | None) -> Dispute:
    unit.session.add(
        DisputeDecision(
            dispute_id=dispute.id,
            outcome=outcome,
            reason=reason,
            credit_note_id=note.id if note else None,
            recorded_at=unit.now,
            recorded_by=unit.principal.party,
        )
    )
    unit.session.flush()
    unit.object_id = dispute.id
    return dispute
