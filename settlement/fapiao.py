"""The lawful invoice of a bill: the buyer's application for it (开票申请), and the number that the platform gave it.

This service issues no tax invoice and invents no number: it keeps what was applied for and what was issued elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from pricing.errors import Conflict, Refusal
from registry.lookup import missing
from registry.tables import Party
from settlement.invoice_papers import issued_document
from settlement.standing import find_invoice, lock_invoice
from settlement.tables import Fapiao, Invoice, InvoiceApplication
from store.ids import new_id
from store.unit import Unit


class ApplicationMade(Conflict):
    """A bill is applied for once."""

    code = "application_made"


class NothingToInvoice(Refusal):
    """A bill of 0.00 has no tax invoice."""

    code = "nothing_to_invoice"


class FapiaoRecorded(Conflict):
    """A bill has one tax invoice, and a tax invoice belongs to one bill."""

    code = "fapiao_recorded"


class FapiaoInTheFuture(Refusal):
    """A tax invoice cannot have been issued on a day to come."""

    code = "day_in_the_future"


def apply_for_invoice(unit: Unit, invoice_id: str, given: Mapping[str, Any]) -> InvoiceApplication:
    """Apply for the tax invoice of a bill as its buyer; raises NotFound, ApplicationMade, NothingToInvoice."""
    invoice = lock_invoice(unit, invoice_id)
    unit.object_id = invoice.id
    if application_of(unit, invoice.id) is not None:
        message = f"the tax invoice of bill {invoice.number} was applied for already"
        raise ApplicationMade(message)
    if invoice.gross == 0:
        message = f"bill {invoice.number} comes to 0.00: there is nothing to invoice"
        raise NothingToInvoice(message)
    application = InvoiceApplication(
        id=new_id("iap"),
        invoice_id=invoice.id,
        title=given["title"],
        taxpayer_no=given["taxpayer_no"],
        kind=given["kind"],
        recorded_at=unit.now,
        recorded_by=unit.principal.party,
    )
    unit.session.add(application)
    unit.session.flush()
    return application


def record_fapiao(unit: Unit, invoice_id: str, given: Mapping[str, Any]) -> Invoice:
    """Record the number of the tax invoice of a bill as its operator; the same again changes nothing.

    Raises NotFound, FapiaoRecorded, FapiaoInTheFuture.
    """
    invoice = lock_invoice(unit, invoice_id)
    unit.object_id = invoice.id
    number, issued_on = given["fapiao_no"], given["issued_on"]
    if issued_on > unit.today:
        message = f"issued_on {issued_on} has not come yet; today is {unit.today}"
        raise FapiaoInTheFuture(message, errors={"issued_on": [message]})
    recorded = unit.session.get(Fapiao, invoice.id)
    if recorded is not None and (recorded.fapiao_no, recorded.issued_on) == (number, issued_on):
        return invoice
    if recorded is not None:
        message = f"bill {invoice.number} has the tax invoice {recorded.fapiao_no} of {recorded.issued_on} already"
        raise FapiaoRecorded(message, errors={"fapiao_no": [message]}, fapiao_no=recorded.fapiao_no)
    other = unit.session.execute(select(Fapiao).where(col(Fapiao.fapiao_no) == number)).scalar_one_or_none()
    if other is not None:
        message = f"the tax invoice {number} is recorded for another bill"
        raise FapiaoRecorded(message, errors={"fapiao_no": [message]})
    unit.session.add(
        Fapiao(
            invoice_id=invoice.id,
            fapiao_no=number,
            issued_on=issued_on,
            recorded_at=unit.now,
            recorded_by=unit.principal.party,
        )
    )
    unit.session.flush()
    return invoice


def application_of(unit: Unit, invoice_id: str) -> InvoiceApplication | None:
    """Return the application for the tax invoice of a bill."""
    query = select(InvoiceApplication).where(col(InvoiceApplication.invoice_id) == invoice_id)
    application: InvoiceApplication | None = unit.session.execute(query).scalar_one_or_none()
    return application


def find_application(unit: Unit, invoice_id: str) -> InvoiceApplication:
    """Return the application for a bill that the caller may see; raises NotFound."""
    application = application_of(unit, find_invoice(unit, invoice_id).id)
    if application is None:
        raise missing("application for the bill", invoice_id)
    return application


def application_document(unit: Unit, application: InvoiceApplication) -> dict[str, Any]:
    """Return an application (开票申请) as the wire says it: who applies, what for, and the sums to be invoiced."""
    invoice = unit.session.get_one(Invoice, application.invoice_id)
    bill = issued_document(unit, invoice)
    fapiao = unit.session.get(Fapiao, invoice.id)
    operator = unit.session.get_one(Party, invoice.operator_id)
    return {
        **application.model_dump(exclude={"recorded_by", "invoice_id"}),
        "invoice": invoice.id,
        "invoice_number": invoice.number,
        "status": "issued" if fapiao else "applied",
        "seller_name": operator.name,
        "seller_credit_code": operator.credit_code,
        **{name: bill[name] for name in ("net", "tax", "gross", "gross_in_words", "vat_rate_percent", "currency")},
        "fapiao_no": fapiao.fapiao_no if fapiao else None,
        "sandbox": unit.sandbox,
    }
