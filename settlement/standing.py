"""Where a bill stands: what was credited and paid of it, what is left, and who may see it.

Everything that is limited by what is left locks the bill first and reads afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, false, func, select, true
from sqlmodel import SQLModel, col

from ledger.books import AccountRef
from pricing.crediting import BilledLine
from registry.lookup import missing
from registry.relations import SEES_EVERYTHING, contracts_under, operators_overseen
from settlement.tables import CreditNote, CreditNoteLine, Invoice, InvoiceLine, PaymentAllocation
from store.unit import Unit


@dataclass(frozen=True)
class Standing:
    """What was billed, credited and paid of a bill so far: gross, in fen."""

    gross: int
    credited: int
    paid: int

    @property
    def outstanding(self) -> int:
        """What the buyer still owes; a bill credited after it was paid is owed nothing more."""
        return max(0, self.gross - self.credited - self.paid)


def standing_of(unit: Unit, invoice: Invoice) -> Standing:
    """Return where a bill stands now."""
    credited = select(func.coalesce(func.sum(col(CreditNote.gross)), 0)).where(col(CreditNote.invoice_id) == invoice.id)
    paid = select(func.coalesce(func.sum(col(PaymentAllocation.amount)), 0)).where(
        col(PaymentAllocation.invoice_id) == invoice.id
    )
    row = unit.session.execute(select(credited.scalar_subquery(), paid.scalar_subquery())).one()
    return Standing(invoice.gross, int(row[0]), int(row[1]))


def billed_lines(unit: Unit, invoice_id: str, lines: Sequence[InvoiceLine]) -> list[BilledLine]:
    """Return a bill's lines as values, with what its credit notes have taken of each."""
    query = (
        select(
            col(CreditNoteLine.position),
            func.sum(col(CreditNoteLine.quantity)),
            func.sum(col(CreditNoteLine.gross)),
            func.sum(col(CreditNoteLine.tax)),
        )
        .join(CreditNote, col(CreditNote.id) == col(CreditNoteLine.credit_note_id))
        .where(col(CreditNote.invoice_id) == invoice_id)
        .group_by(col(CreditNoteLine.position))
    )
    taken = {row[0]: (int(row[1]), int(row[2]), int(row[3])) for row in unit.session.execute(query)}
    return [
        BilledLine(
            line.position,
            f"{line.offering_id} {line.service_month} {line.corrects or ''}",
            line.quantity,
            line.gross,
            line.tax,
            *taken.get(line.position, (0, 0, 0)),
        )
        for line in lines
    ]


def lines_of(unit: Unit, invoice_id: str) -> Sequence[InvoiceLine]:
    """Return a bill's lines in their order."""
    query = select(InvoiceLine).where(col(InvoiceLine.invoice_id) == invoice_id)
    return unit.session.execute(query.order_by(col(InvoiceLine.position))).scalars().all()


def visible_invoices(unit: Unit) -> Select[Any]:
    """Return the query of the bills that the caller is a party to or oversees."""
    return select(Invoice).where(
        _of_grantor(unit, Invoice) if unit.principal.role == "grantor" else traded(unit, Invoice)
    )


def find_invoice(unit: Unit, invoice_id: str, field: str | None = None) -> Invoice:
    """Return a bill that the caller may see; raises NotFound, naming ``field`` where the body said it."""
    query = visible_invoices(unit).where(col(Invoice.id) == invoice_id)
    invoice: Invoice | None = unit.session.execute(query).scalar_one_or_none()
    if invoice is None:
        raise missing("bill", invoice_id, field)
    return invoice


def lock_invoice(unit: Unit, invoice_id: str, field: str | None = None) -> Invoice:
    """Return a bill of the operator or buyer that calls, locked until the work is done; raises NotFound."""
    invoice = unit.session.get(Invoice, invoice_id, with_for_update=True)
    if invoice is None or unit.principal.party not in _party_in_role(unit, invoice):
        raise missing("bill", invoice_id, field)
    return invoice


def traded(unit: Unit, table: type[SQLModel]) -> ColumnElement[bool]:
    """Return the condition that picks the papers between operator and buyer that the caller may see."""
    model: Any = table
    role = unit.principal.role
    if role in SEES_EVERYTHING:
        return true()
    if role == "buyer":
        return col(model.buyer_id) == unit.principal.party
    if role in ("operator", "regulator"):
        return col(model.operator_id).in_(operators_overseen(unit) or [])
    return false()


def receivable(operator_id: str, buyer_id: str) -> AccountRef:
    """Return the account of what a buyer owes an operator."""
    return AccountRef("receivable", operator_id, party_id=buyer_id)


def contract_liability(operator_id: str, buyer_id: str, contract_id: str, offering_id: str) -> AccountRef:
    """Return the account of fees that a contract was billed for months of service still to come."""
    return AccountRef(
        "contract_liability", operator_id, party_id=buyer_id, contract_id=contract_id, offering_id=offering_id
    )


def buyer_balance(operator_id: str, buyer_id: str) -> AccountRef:
    """Return the account of what an operator holds for a buyer."""
    return AccountRef("buyer_balance", operator_id, party_id=buyer_id)


def _party_in_role(unit: Unit, invoice: Invoice) -> tuple[str, ...]:
    role = unit.principal.role
    return {"operator": (invoice.operator_id,), "buyer": (invoice.buyer_id,)}.get(role, ())


def _of_grantor(unit: Unit, table: type[SQLModel]) -> ColumnElement[bool]:
    model: Any = table
    return col(model.contract_id).in_(contracts_under(unit))
