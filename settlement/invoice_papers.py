"""What a bill says: the part that was issued and never changes, and where it stands now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import col

from pricing.money import FEN_PER_YUAN, MICRO_PER_UNIT
from pricing.period import Month
from pricing.words import amount_in_words
from registry.contracts import find_contract
from registry.tables import Contract, Party
from settlement.drafts import Draft, draw_up
from settlement.invoices import RERATED_STEP, bills_around, line_rows, require_reached
from settlement.price_book import Named, offerings_named
from settlement.standing import lines_of, standing_of
from settlement.tables import (
    CreditNote,
    Fapiao,
    Invoice,
    InvoiceApplication,
    InvoiceLine,
    Payment,
    PaymentAllocation,
)
from store.unit import Unit

_CHARGES: Final = frozenset({"usage", "fixed_fee", "minimum"})


def invoice_document(unit: Unit, invoice: Invoice) -> dict[str, Any]:
    """Return a bill as the wire says it, before formatting: what was issued, and where it stands now."""
    return {**issued_document(unit, invoice), **_standing_document(unit, invoice)}


def issued_document(unit: Unit, invoice: Invoice) -> dict[str, Any]:
    """Return the part of a bill that never changes, as its papers print it."""
    rows = lines_of(unit, invoice.id)
    return _document(unit, invoice, rows, _numbers(unit, {row.corrects for row in rows if row.corrects}))


def preview_invoice(unit: Unit, contract_ref: str, month: Month) -> dict[str, Any]:
    """Return the bill of a month as it would be issued now, also while the month runs; an issued one as it is.

    Raises NotFound, and MonthNotBillable for a month that has not begun or that precedes the contract.
    """
    contract = find_contract(unit, contract_ref, "contract")
    issued = bills_around(unit, contract.id, month).get(str(month))
    if issued is not None:
        return invoice_document(unit, issued)
    require_reached(unit, contract, month, None if month.first_day <= unit.today else "has not begun")
    draft = draw_up(unit, contract, month)
    rows = [InvoiceLine(**row) for row in line_rows("", draft)]
    numbers = {line.corrects.id: line.corrects.number for line in draft.lines if line.corrects}
    return {
        **_document(unit, _unissued(unit, contract, month, draft), rows, numbers),
        "id": None,
        "number": None,
        "issued_on": None,
        "recorded_at": None,
        "status": "preview",
        "credited": 0,
        "paid": 0,
        "outstanding": draft.total.gross,
        "credit_notes": [],
        "payments": [],
    }


def _unissued(unit: Unit, contract: Contract, month: Month, draft: Draft) -> Invoice:
    total = draft.total
    return Invoice(
        id="",
        number="",
        operator_id=contract.operator_id,
        buyer_id=contract.buyer_id,
        contract_id=contract.id,
        month=str(month),
        issued_on=unit.today,
        price_basis=draft.price_basis.value,
        net=total.net,
        tax=total.tax,
        gross=total.gross,
        recorded_at=unit.now,
    )


def _document(unit: Unit, invoice: Invoice, rows: Sequence[InvoiceLine], numbers: Mapping[str, str]) -> dict[str, Any]:
    named = offerings_named(unit, {row.offering_id for row in rows})
    of_month = [*_fees_in_advance(unit, invoice), *(row for row in rows if row.service_month == invoice.month)]
    effective = _effective_prices(of_month)
    rates = {row.vat_rate for row in rows}
    operator = unit.session.get_one(Party, invoice.operator_id)
    buyer = unit.session.get_one(Party, invoice.buyer_id)
    return {
        **invoice.model_dump(exclude={"recorded_by", "contract_id"}),
        "status": "issued",
        "contract": invoice.contract_id,
        "currency": "CNY",
        "operator": operator.code,
        "operator_name": operator.name,
        "operator_credit_code": operator.credit_code,
        "buyer": buyer.code,
        "buyer_name": buyer.name,
        "buyer_credit_code": buyer.credit_code,
        "vat_rate_percent": rates.pop().scaleb(2) if len(rates) == 1 else None,
        "gross_in_words": amount_in_words(invoice.gross),
        "lines": [
            {
                **_line_document(row, named[row.offering_id], numbers, effective),
                "in_advance": row.service_month > invoice.month,
            }
            for row in rows
        ],
        "sandbox": unit.sandbox,
    }


def _line_document(
    row: InvoiceLine, named: Named, numbers: Mapping[str, str], effective: Mapping[Any, Fraction]
) -> dict[str, Any]:
    return {
        **row.model_dump(exclude={"invoice_id", "vat_rate"}),
        "offering": named.code,
        "offering_name": named.name,
        "unit": named.unit,
        "vat_rate_percent": row.vat_rate.scaleb(2),
        "effective_unit_price": effective.get(_charge_key(row)) if row.kind == "usage" else None,
        "corrects_number": numbers[row.corrects] if row.corrects else None,
        "rerated_by": next((s["inputs"]["decision_no"] for s in row.explanation if s["rule"] == RERATED_STEP), None),
    }


def _effective_prices(rows: Iterable[InvoiceLine]) -> dict[Any, Fraction]:
    """Return charge ÷ quantity in yuan by offering and service month: fee and minimum included, before reliefs."""
    charge: dict[Any, int] = defaultdict(int)
    quantity: dict[Any, int] = defaultdict(int)
    for row in rows:
        if row.kind in _CHARGES:
            charge[_charge_key(row)] += row.amount
            quantity[_charge_key(row)] += row.quantity
    return {key: Fraction(charge[key] * MICRO_PER_UNIT, FEN_PER_YUAN * used) for key, used in quantity.items() if used}


def _fees_in_advance(unit: Unit, invoice: Invoice) -> Sequence[InvoiceLine]:
    """Return the lines by which earlier bills of the contract charged fees of the bill's month."""
    query = (
        select(InvoiceLine)
        .join(Invoice, col(Invoice.id) == col(InvoiceLine.invoice_id))
        .where(
            col(Invoice.contract_id) == invoice.contract_id,
            col(Invoice.month) < invoice.month,
            col(InvoiceLine.service_month) == invoice.month,
        )
    )
    return unit.session.execute(query).scalars().all()


def _charge_key(row: InvoiceLine) -> tuple[str, str]:
    return row.offering_id, row.service_month


def _numbers(unit: Unit, invoice_ids: set[str]) -> dict[str, str]:
    if not invoice_ids:
        return {}
    query = select(col(Invoice.id), col(Invoice.number)).where(col(Invoice.id).in_(sorted(invoice_ids)))
    return {invoice_id: number for invoice_id, number in unit.connection.execute(query)}  # noqa: C416 - rows


def _standing_document(unit: Unit, invoice: Invoice) -> dict[str, Any]:
    """Return what may change after the issue: credits, payments, the application and the number of the tax invoice."""
    standing = standing_of(unit, invoice)
    fapiao = unit.session.get(Fapiao, invoice.id)
    application = unit.session.execute(
        select(InvoiceApplication).where(col(InvoiceApplication.invoice_id) == invoice.id)
    ).scalar_one_or_none()
    return {
        "credited": standing.credited,
        "paid": standing.paid,
        "outstanding": standing.outstanding,
        "credit_notes": [note.model_dump() for note in _credit_notes(unit, invoice)] if standing.credited else [],
        "payments": _payments(unit, invoice) if standing.paid else [],
        "fapiao_no": fapiao.fapiao_no if fapiao else None,
        "fapiao_issued_on": fapiao.issued_on if fapiao else None,
        "application": application.model_dump() if application else None,
    }


def _credit_notes(unit: Unit, invoice: Invoice) -> Sequence[CreditNote]:
    query = select(CreditNote).where(col(CreditNote.invoice_id) == invoice.id)
    return unit.session.execute(query.order_by(col(CreditNote.id))).scalars().all()


def _payments(unit: Unit, invoice: Invoice) -> list[dict[str, Any]]:
    query = (
        select(Payment, col(PaymentAllocation.amount))
        .join(PaymentAllocation, col(PaymentAllocation.payment_id) == col(Payment.id))
        .where(col(PaymentAllocation.invoice_id) == invoice.id)
        .order_by(col(Payment.id))
    )
    return [
        {
            "id": payment.id,
            "received_on": payment.received_on,
            "bank_reference": payment.bank_reference,
            "amount": amount,
        }
        for payment, amount in unit.session.execute(query)
    ]
