"""Routes of bills, their papers, tax invoices and credit notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from papers.bill import bill_pdf, bill_xlsx
from schemas.settlement import (
    ApplicationIn,
    ApplicationOut,
    CreditNoteIn,
    CreditNoteOut,
    FapiaoIn,
    InvoiceIn,
    InvoiceOut,
    InvoiceQuery,
    PreviewQuery,
    RedConfirmationIn,
)
from settlement.credit_notes import (
    confirm_red,
    credit_invoice,
    credit_note_document,
    credit_notes_of,
    find_credit_note,
)
from settlement.fapiao import application_document, apply_for_invoice, find_application, record_fapiao
from settlement.invoice_papers import invoice_document, issued_document, preview_invoice
from settlement.invoices import bill_contract
from settlement.standing import find_invoice, visible_invoices
from settlement.tables import CreditNote, Invoice
from store.unit import Unit
from web.door import Door, lists, reads, writes
from web.files import Paper, issues

READERS = ("operator", "buyer", "grantor", "regulator", "auditor", "admin")

door = Door("invoices", __name__, url_prefix="/invoices", description="Bills")


@writes(door, "", roles=("operator", "buyer"), body=InvoiceIn, answer=InvoiceOut, repeats=True)
def issue_invoice(unit: Unit, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """Issue the bill of a contract for a month; asked again, the same bill is answered with 200."""
    invoice, is_new = bill_contract(unit, body)
    return 201 if is_new else 200, invoice_document(unit, invoice)


@lists(door, "", roles=READERS, item=InvoiceOut, key=col(Invoice.id), document=invoice_document, query=InvoiceQuery)
def list_invoices(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List the bills that the caller is a party to or oversees."""
    wanted = visible_invoices(unit)
    if query["contract"] is not None:
        wanted = wanted.where(col(Invoice.contract_id) == query["contract"])
    if query["month"] is not None:
        wanted = wanted.where(col(Invoice.month) == str(query["month"]))
    return wanted


@reads(door, "/preview", roles=READERS, answer=InvoiceOut, query=PreviewQuery, refuses=True)
def preview(unit: Unit, query: Mapping[str, Any]) -> dict[str, Any]:
    """Compute the bill of a month without issuing it, also while the month runs; an issued one is shown as it is."""
    return preview_invoice(unit, query["contract"], query["month"])


@reads(door, "/<invoice_id>", roles=READERS, answer=InvoiceOut)
def get_invoice(unit: Unit, _query: Mapping[str, Any], invoice_id: str) -> dict[str, Any]:
    """Show a bill: what was issued, and where it stands now."""
    return invoice_document(unit, find_invoice(unit, invoice_id))


@issues(door, "/<invoice_id>.pdf", form="pdf", roles=READERS)
def get_invoice_pdf(unit: Unit, query: Mapping[str, Any], invoice_id: str) -> Paper:
    """Give the bill as it was issued, as PDF."""
    bill, lang = _printed(unit, invoice_id), query["lang"]
    return Paper(invoice_id, f"bill-{bill['number']}", lambda: bill_pdf(bill, lang))


@issues(door, "/<invoice_id>.xlsx", form="xlsx", roles=READERS)
def get_invoice_xlsx(unit: Unit, query: Mapping[str, Any], invoice_id: str) -> Paper:
    """Give the bill as it was issued, as a workbook."""
    bill, lang = _printed(unit, invoice_id), query["lang"]
    return Paper(invoice_id, f"bill-{bill['number']}", lambda: bill_xlsx(bill, lang))


@writes(door, "/<invoice_id>/application", roles=("buyer",), body=ApplicationIn, answer=ApplicationOut)
def apply_for_tax_invoice(unit: Unit, body: Mapping[str, Any], invoice_id: str) -> dict[str, Any]:
    """Apply for the tax invoice of a bill (开票申请), once."""
    return application_document(unit, apply_for_invoice(unit, invoice_id, body))


@reads(door, "/<invoice_id>/application", roles=READERS, answer=ApplicationOut)
def get_application(unit: Unit, _query: Mapping[str, Any], invoice_id: str) -> dict[str, Any]:
    """Show the application for the tax invoice of a bill."""
    return application_document(unit, find_application(unit, invoice_id))


@writes(
    door,
    "/<invoice_id>/fapiao",
    roles=("operator",),
    body=FapiaoIn,
    answer=InvoiceOut,
    status=200,
    method="PUT",
    keyed=False,
)
def put_fapiao(unit: Unit, body: Mapping[str, Any], invoice_id: str) -> dict[str, Any]:
    """Record the number of the tax invoice that the tax authority's platform issued; the same again changes nothing."""
    return invoice_document(unit, record_fapiao(unit, invoice_id, body))


@writes(door, "/<invoice_id>/credit-notes", roles=("operator",), body=CreditNoteIn, answer=CreditNoteOut)
def credit(unit: Unit, body: Mapping[str, Any], invoice_id: str) -> dict[str, Any]:
    """Credit a bill by a gross amount or by lines, never by more than is left of it."""
    return credit_note_document(unit, credit_invoice(unit, invoice_id, body))


@lists(
    door,
    "/<invoice_id>/credit-notes",
    roles=READERS,
    item=CreditNoteOut,
    key=col(CreditNote.id),
    document=credit_note_document,
)
def list_credit_notes(unit: Unit, _query: Mapping[str, Any], invoice_id: str) -> Select[Any]:
    """List the credit notes of a bill."""
    return credit_notes_of(unit, invoice_id)


@reads(door, "/<invoice_id>/credit-notes/<note_id>", roles=READERS, answer=CreditNoteOut)
def get_credit_note(unit: Unit, _query: Mapping[str, Any], invoice_id: str, note_id: str) -> dict[str, Any]:
    """Show a credit note."""
    return credit_note_document(unit, find_credit_note(unit, invoice_id, note_id))


@writes(
    door,
    "/<invoice_id>/credit-notes/<note_id>/red-confirmation",
    roles=("operator",),
    body=RedConfirmationIn,
    answer=CreditNoteOut,
    status=200,
)
def confirm_red_invoice(unit: Unit, body: Mapping[str, Any], invoice_id: str, note_id: str) -> dict[str, Any]:
    """Record the red confirmation number of a credit note; its VAT is pending no longer."""
    return credit_note_document(unit, confirm_red(unit, invoice_id, note_id, body))


def _printed(unit: Unit, invoice_id: str) -> Mapping[str, Any]:
    """Return the issued part of a bill as its papers take it: all text, sides by name, corrected bills by number."""
    document = issued_document(unit, find_invoice(unit, invoice_id))
    bill: dict[str, Any] = InvoiceOut(partial=True).dump(document)
    sides = {
        side: {"name": bill[f"{party}_name"], "code": bill[party], "credit_code": bill[f"{party}_credit_code"]}
        for side, party in (("seller", "operator"), ("buyer", "buyer"))
    }
    lines = [{**line, "corrects": line["corrects_number"]} for line in bill["lines"]]
    return {**bill, **sides, "lines": lines}
