"""Credit notes: reductions of an issued bill that together never exceed it, and their red confirmation.

Every note locks its bill first and reads afterwards what is left. One that returns use to be billed anew, or that takes
back what was billed of months ahead, locks the contract before that, as the next bill does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Select, func, insert, select
from sqlmodel import col

from ledger.books import AccountRef, Leg, Posting, credit, debit, post
from metering.accounts import BILLED, UNBILLED, WRITTEN_OFF, use_account
from metering.late_use import remember
from pricing.crediting import (
    BilledLine,
    Taken,
    Wanted,
    credit_by_amount,
    credit_by_lines,
    gross_for_net,
    left_of,
)
from pricing.errors import Conflict, Refusal
from pricing.money import PriceBasis
from registry.lookup import code_of, missing
from registry.tables import Contract, Offering, Party
from settlement.drafts import RELIEFS, Reduction
from settlement.price_book import offerings_named
from settlement.standing import (
    billed_lines,
    buyer_balance,
    contract_liability,
    find_invoice,
    lines_of,
    lock_invoice,
    receivable,
    standing_of,
)
from settlement.tables import CreditNote, CreditNoteLine, Fapiao, Invoice, InvoiceLine, RedConfirmation
from store.counters import next_number
from store.ids import new_id
from store.unit import Unit

ISSUED_IN_ERROR: Final = "issued_in_error"
RETURNED: Final = "returned"
REASONS: Final = (ISSUED_IN_ERROR, RETURNED, "allowance", "service_stopped")
"""Why an operator may credit; those of ``drafts.CHARGED_ANEW`` are written by bills and refunds alone."""


class RebillNeedsError(Refusal):
    """Only what was billed in error is billed anew."""

    code = "rebill_needs_error"


class RedConfirmationRecorded(Conflict):
    """A credit note has one red confirmation number, and a number belongs to one credit note."""

    code = "red_confirmation_recorded"


def credit_invoice(unit: Unit, invoice_id: str, given: Mapping[str, Any]) -> CreditNote:
    """Credit a bill as its operator, by a gross amount or by lines.

    ``returned`` quantities are written off; ``issued_in_error`` with ``rebill`` makes them unbilled again. A bill
    credited whole to be billed anew gives back all of its use. Raises NotFound, CreditExceedsInvoice, NothingCredited,
    RebillNeedsError, RedConfirmationRecorded.
    """
    if given["rebill"] and given["reason"] != ISSUED_IN_ERROR:
        message = f"a bill is billed anew when it was issued in error, not for the reason {given['reason']}"
        raise RebillNeedsError(message, errors={"rebill": [message]})
    found = find_invoice(unit, invoice_id)
    if given["rebill"] or _charges_ahead(unit, found):
        unit.session.get(Contract, found.contract_id, with_for_update=True)
    invoice = lock_invoice(unit, invoice_id)
    rows = lines_of(unit, invoice.id)
    lines = billed_lines(unit, invoice.id, rows)
    taken = _taken(lines, given)
    note = write_credit_note(
        unit, invoice, rows, taken, reason=given["reason"], rebill=given["rebill"], red_no=given["red_confirmation_no"]
    )
    unit.object_id = note.id
    return note


def write_credit_note(
    unit: Unit,
    invoice: Invoice,
    rows: Sequence[InvoiceLine],
    taken: Sequence[Taken],
    *,
    reason: str,
    rebill: bool = False,
    red_no: str | None = None,
) -> CreditNote:
    """Write a note that takes these parts of a bill that the caller has locked, and post it."""
    owed = standing_of(unit, invoice).outstanding
    note = CreditNote(
        id=new_id("crn"),
        number=next_number(unit, invoice.operator_id, "credit_note"),
        operator_id=invoice.operator_id,
        buyer_id=invoice.buyer_id,
        invoice_id=invoice.id,
        reason=reason,
        issued_on=unit.today,
        net=sum(line.net for line in taken),
        tax=sum(line.tax for line in taken),
        gross=sum(line.gross for line in taken),
        rebill=rebill,
        red_pending=red_no is None and unit.session.get(Fapiao, invoice.id) is not None,
        recorded_at=unit.now,
        recorded_by=unit.principal.party_id,
    )
    unit.session.add(note)
    unit.session.flush()
    unit.connection.execute(insert(CreditNoteLine), [_line_row(note.id, line) for line in taken])
    if red_no is not None:
        _record_confirmation(unit, note, red_no)
    _post(unit, note, owed, {row.position: row for row in rows}, taken, invoice.contract_id)
    return note


def credit_reductions(unit: Unit, basis: PriceBasis, reductions: Sequence[Reduction]) -> list[CreditNote]:
    """Give back what months have become cheaper by, on the bills that charged them, as far as those are not credited.

    A month charged by its bill and by corrections gives back on its bill first, then on the others. All of those bills
    are locked before the first note takes its number, for the counter is the last of the locks.
    """
    bills = [_bills_that_charged(unit, reduction) for reduction in reductions]
    for invoice_id in sorted({invoice_id for charging in bills for invoice_id in charging}):
        lock_invoice(unit, invoice_id)
    notes: list[CreditNote] = []
    for reduction, charging in zip(reductions, bills, strict=True):
        left = reduction.amount
        for invoice_id in charging:
            note = _credit_reduction(unit, invoice_id, basis, reduction, left) if left > 0 else None
            if note is not None:
                left -= note.gross if basis is PriceBasis.TAX_INCLUSIVE else note.net
                notes.append(note)
    return notes


def confirm_red(unit: Unit, invoice_id: str, note_id: str, given: Mapping[str, Any]) -> CreditNote:
    """Record the red confirmation number of a credit note and move its VAT from pending to output VAT.

    The same number again changes nothing. Raises NotFound, RedConfirmationRecorded.
    """
    lock_invoice(unit, invoice_id)
    note = find_credit_note(unit, invoice_id, note_id)
    number = given["red_confirmation_no"]
    recorded = unit.session.get(RedConfirmation, note.id)
    unit.object_id = note.id
    if recorded is not None and recorded.red_confirmation_no == number:
        return note
    if recorded is not None:
        message = f"credit note {note.number} has the red confirmation number {recorded.red_confirmation_no} already"
        raise RedConfirmationRecorded(message, errors={"red_confirmation_no": [message]})
    _record_confirmation(unit, note, number)
    if note.red_pending and note.tax:
        _post_confirmation(unit, note)
    return note


def find_credit_note(unit: Unit, invoice_id: str, note_id: str) -> CreditNote:
    """Return a credit note of a bill that the caller may see; raises NotFound."""
    invoice = find_invoice(unit, invoice_id)
    note = unit.session.get(CreditNote, note_id)
    if note is None or note.invoice_id != invoice.id:
        raise missing("credit note", note_id)
    return note


def credit_notes_of(unit: Unit, invoice_id: str) -> Select[Any]:
    """Return the query of the credit notes of a bill that the caller may see; raises NotFound."""
    return select(CreditNote).where(col(CreditNote.invoice_id) == find_invoice(unit, invoice_id).id)


def credit_note_document(unit: Unit, note: CreditNote) -> dict[str, Any]:
    """Return a credit note as the wire says it, before formatting."""
    invoice = unit.session.get_one(Invoice, note.invoice_id)
    fapiao = unit.session.get(Fapiao, note.invoice_id)
    confirmation = unit.session.get(RedConfirmation, note.id)
    rows = {row.position: row for row in lines_of(unit, note.invoice_id)}
    lines = unit.session.execute(
        select(CreditNoteLine)
        .where(col(CreditNoteLine.credit_note_id) == note.id)
        .order_by(col(CreditNoteLine.position))
    ).scalars()
    return {
        **note.model_dump(exclude={"recorded_by", "invoice_id", "red_pending"}),
        "currency": "CNY",
        "operator": code_of(unit, Party, note.operator_id),
        "buyer": code_of(unit, Party, note.buyer_id),
        "invoice": invoice.id,
        "invoice_number": invoice.number,
        "fapiao_no": fapiao.fapiao_no if fapiao else None,
        "amount": note.gross,
        "red_confirmation_no": confirmation.red_confirmation_no if confirmation else None,
        "red_pending": note.red_pending and confirmation is None,
        "lines": [_line_document(unit, rows[line.position], line) for line in lines],
        "sandbox": unit.sandbox,
    }


def _taken(lines: Sequence[BilledLine], given: Mapping[str, Any]) -> list[Taken]:
    if given["lines"] is not None:
        wanted = [Wanted(line["position"], line["quantity"], line["amount"]) for line in given["lines"]]
        return credit_by_lines(lines, wanted)
    taken = credit_by_amount(lines, given["amount"])
    if not (given["rebill"] and given["amount"] == left_of(lines)):
        return taken
    amounts = {line.position: line for line in taken}
    return [
        Taken(line.position, line.left_quantity, amounts[line.position].gross, amounts[line.position].tax)
        if line.position in amounts
        else Taken(line.position, line.left_quantity, 0, 0)
        for line in lines
        if line.position in amounts or line.left_quantity
    ]


def _credit_reduction(
    unit: Unit, invoice_id: str, basis: PriceBasis, reduction: Reduction, amount: int
) -> CreditNote | None:
    """Credit up to ``amount`` (in the contract's basis) on a bill that is locked; None where nothing of it is left."""
    invoice = unit.session.get_one(Invoice, invoice_id)
    rows = lines_of(unit, invoice.id)
    lines = billed_lines(unit, invoice.id, rows)
    positions = _positions(rows, reduction)
    left = min(left_of(lines), left_of([line for line in lines if line.position in positions]))
    if left <= 0:
        return None
    wanted = amount if basis is PriceBasis.TAX_INCLUSIVE else gross_for_net(lines, amount)
    taken = credit_by_amount(lines, min(wanted, left), positions)
    return write_credit_note(unit, invoice, rows, taken, reason=reduction.reason)


def _bills_that_charged(unit: Unit, reduction: Reduction) -> list[str]:
    """Return the bill that is named, then the others of its contract that charged the month, as they were issued."""
    contract_id = unit.session.get_one(Invoice, reduction.bill.id).contract_id
    query = (
        select(col(InvoiceLine.invoice_id))
        .distinct()
        .join(Invoice, col(Invoice.id) == col(InvoiceLine.invoice_id))
        .where(
            col(Invoice.contract_id) == contract_id,
            col(InvoiceLine.offering_id) == reduction.offering_id,
            col(InvoiceLine.service_month) == reduction.service_month,
            col(InvoiceLine.invoice_id) != reduction.bill.id,
        )
        .order_by(col(InvoiceLine.invoice_id))
    )
    return [reduction.bill.id, *unit.connection.execute(query).scalars()]


def _positions(rows: Sequence[InvoiceLine], reduction: Reduction) -> Collection[int]:
    key = (reduction.offering_id, reduction.service_month)
    return {row.position for row in rows if (row.offering_id, row.service_month) == key}


def _line_row(note_id: str, line: Taken) -> dict[str, object]:
    return {
        "credit_note_id": note_id,
        "position": line.position,
        "quantity": line.quantity,
        "net": line.net,
        "tax": line.tax,
        "gross": line.gross,
    }


def _post(
    unit: Unit,
    note: CreditNote,
    owed: int,
    rows: Mapping[int, InvoiceLine],
    taken: Sequence[Taken],
    contract_id: str,
) -> None:
    """Post the money of a note, and the use that it moves."""
    ahead = _months_ahead(unit, contract_id, (row.service_month for row in rows.values()))
    legs = [leg for line in taken for leg in _revenue_legs(note, rows[line.position], line.net, contract_id, ahead)]
    vat = "red_pending_vat" if note.red_pending else "output_vat"
    legs += debit(AccountRef(vat, note.operator_id), note.tax)
    unpaid = min(owed, note.gross)
    legs += credit(receivable(note.operator_id, note.buyer_id), unpaid)
    legs += credit(buyer_balance(note.operator_id, note.buyer_id), note.gross - unpaid)
    money = _posting(unit, note, "credit_note", legs)
    use = _posting(unit, note, "credit_use", _use_legs(unit, note, rows, taken, contract_id))
    ids = post(unit, [posting for posting in (money, use) if posting.legs])
    if note.rebill and use.legs:
        months = {rows[line.position].service_month for line in taken if line.quantity}
        remember(unit, [(contract_id, month, ids[-1]) for month in sorted(months)])


def _revenue_legs(note: CreditNote, row: InvoiceLine, net: int, contract_id: str, ahead: Collection[str]) -> list[Leg]:
    """Take back revenue, or what is not revenue yet because the service of its month is still to come."""
    if row.service_month in ahead:
        owed = contract_liability(note.operator_id, note.buyer_id, contract_id, row.offering_id)
        return debit(owed, net, row.service_month)
    kind = "revenue_relief" if row.kind in RELIEFS else "revenue"
    account = AccountRef(kind, note.operator_id, offering_id=row.offering_id)
    return debit(account, net, row.service_month)


def _charges_ahead(unit: Unit, invoice: Invoice) -> bool:
    """Whether a bill charged fees of months after its own."""
    query = select(col(InvoiceLine.position)).where(
        col(InvoiceLine.invoice_id) == invoice.id, col(InvoiceLine.service_month) > invoice.month
    )
    return unit.connection.execute(query.limit(1)).first() is not None


def _months_ahead(unit: Unit, contract_id: str, months: Iterable[str]) -> set[str]:
    """Return those of some service months that no bill of the contract has reached; its contract is locked."""
    newest = unit.connection.execute(
        select(func.max(col(Invoice.month))).where(col(Invoice.contract_id) == contract_id)
    ).scalar_one()
    return {month for month in months if month > newest}


def _use_legs(
    unit: Unit, note: CreditNote, rows: Mapping[int, InvoiceLine], taken: Sequence[Taken], contract_id: str
) -> list[Leg]:
    goes_to = UNBILLED if note.rebill else WRITTEN_OFF if note.reason == RETURNED else None
    moved = [line for line in taken if line.quantity]
    if goes_to is None or not moved:
        return []
    named = offerings_named(unit, (rows[line.position].offering_id for line in moved))
    legs: list[Leg] = []
    for line in moved:
        offering_id, month = rows[line.position].offering_id, rows[line.position].service_month
        place = (note.operator_id, contract_id, offering_id, named[offering_id].asset)
        legs += credit(use_account(BILLED, *place), line.quantity, month)
        legs += debit(use_account(goes_to, *place), line.quantity, month)
    return legs


def _posting(unit: Unit, note: CreditNote, kind: str, legs: Sequence[Leg]) -> Posting:
    return Posting(f"{kind}:{note.id}", kind, note.operator_id, unit.today, tuple(legs), document_id=note.id)


def _record_confirmation(unit: Unit, note: CreditNote, number: str) -> None:
    taken = unit.session.execute(
        select(RedConfirmation).where(col(RedConfirmation.red_confirmation_no) == number)
    ).scalar_one_or_none()
    if taken is not None:
        message = f"the red confirmation number {number} belongs to another credit note"
        raise RedConfirmationRecorded(message, errors={"red_confirmation_no": [message]})
    unit.session.add(
        RedConfirmation(
            credit_note_id=note.id,
            red_confirmation_no=number,
            recorded_at=unit.now,
            recorded_by=unit.principal.party_id,
        )
    )
    unit.session.flush()


def _post_confirmation(unit: Unit, note: CreditNote) -> None:
    legs = debit(AccountRef("output_vat", note.operator_id), note.tax)
    legs += credit(AccountRef("red_pending_vat", note.operator_id), note.tax)
    post(unit, [_posting(unit, note, "red_confirmation", legs)])


def _line_document(unit: Unit, row: InvoiceLine, line: CreditNoteLine) -> dict[str, Any]:
    return {
        **line.model_dump(exclude={"credit_note_id"}),
        "amount": line.gross,
        "offering": code_of(unit, Offering, row.offering_id),
        "service_month": row.service_month,
    }
