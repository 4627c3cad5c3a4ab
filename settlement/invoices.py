"""Bills: one a contract and month, issued once the month has ended, numbered without gaps, posted when issued."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import and_, func, insert, select
from sqlmodel import col

from ledger.books import AccountRef, Leg, Posting, credit, debit, post
from metering.accounts import BILLED, UNBILLED, use_account
from metering.late_use import dealt_with
from pricing.errors import Conflict
from pricing.explanation import Step
from pricing.period import Month, month_of
from registry.contracts import find_contract
from registry.grant_reratings import RERATING
from registry.tables import Contract
from settlement.credit_notes import credit_reductions
from settlement.drafts import RELIEFS, Draft, DraftLine, ServiceMonth, draw_up
from settlement.standing import contract_liability, receivable
from settlement.tables import CreditNote, CreditNoteLine, Invoice, InvoiceLine
from store.counters import next_number
from store.ids import new_id
from store.unit import Unit

RERATED_STEP: Final = "free_use.rerated"
"""The rule of the step that says by which decision a line's use was found to have been commercial."""


class MonthNotBillable(Conflict):
    """A month that has not ended, that the contract does not reach, or before which another one is unbilled."""

    code = "month_not_billable"


def bill_contract(unit: Unit, given: Mapping[str, Any]) -> tuple[Invoice, bool]:
    """Issue the bill of a contract of the caller's, or find it; say whether it is new.

    Raises NotFound, MonthNotBillable, AmountTooLarge.
    """
    contract = find_contract(unit, given["contract"], "contract")
    return issue_invoice(unit, contract.id, given["month"])


def issue_invoice(unit: Unit, contract_id: str, month: Month) -> tuple[Invoice, bool]:
    """Issue the bill of a contract for a month, or find the one that there is; say whether it is new.

    The contract is locked before anything is read, so that a month is billed once, whoever asks at the same time.
    Raises MonthNotBillable, AmountTooLarge.
    """
    contract = unit.session.get_one(Contract, contract_id, with_for_update=True)
    issued = bills_around(unit, contract_id, month)
    if str(month) in issued:
        unit.object_id = issued[str(month)].id
        return issued[str(month)], False
    _require_billable(unit, contract, month, previous_billed=str(month.previous) in issued)
    draft = draw_up(unit, contract, month)
    credit_reductions(unit, draft.price_basis, draft.reductions)
    invoice = _issue(unit, contract, month, draft)
    unit.object_id = invoice.id
    return invoice, True


def issue_rerating(unit: Unit, contract: Contract, decision: Step) -> Invoice:
    """Issue the one bill of a contract that was opened for re-rated use, now: its lines end with the decision.

    Raises AmountTooLarge.
    """
    month = month_of(contract.recorded_at, unit.zone)
    draft = draw_up(unit, contract, month)
    lines = tuple(replace(line, steps=(*line.steps, decision)) for line in draft.lines)
    return _issue(unit, contract, month, replace(draft, lines=lines))


def bills_around(unit: Unit, contract_id: str, month: Month) -> dict[str, Invoice]:
    """Return the contract's bills of a month and of the one before, by month."""
    query = select(Invoice).where(
        col(Invoice.contract_id) == contract_id, col(Invoice.month).in_([str(month), str(month.previous)])
    )
    return {invoice.month: invoice for invoice in unit.session.execute(query).scalars()}


def require_reached(unit: Unit, contract: Contract, month: Month, too_early: str | None) -> None:
    """Refuse a month that the contract does not reach, or that it is ``too_early`` for; raises MonthNotBillable."""
    reason = None
    if contract.accepted_at is None:
        reason = f"contract {contract.id} waits for its buyer's acceptance"
    elif month < first_billed(unit, contract):
        reason = f"{month} precedes the contract, whose first bill is of {first_billed(unit, contract)}"
    elif too_early is not None:
        reason = f"{month} {too_early}; today is {unit.today}"
    if reason is not None:
        raise MonthNotBillable(reason, errors={"month": [reason]})


def first_billed(unit: Unit, contract: Contract) -> Month:
    """Return the month of a contract's first bill: that of its beginning, or of the decision that re-rated its use."""
    if contract.kind == RERATING:
        return month_of(contract.recorded_at, unit.zone)
    return Month.from_date(contract.effective_from)


def line_rows(invoice_id: str, draft: Draft) -> list[dict[str, Any]]:
    """Return the lines of a draft as rows of a bill."""
    taxed = enumerate(zip(draft.lines, draft.taxes, strict=True), start=1)
    return [
        {
            "invoice_id": invoice_id,
            "position": position,
            **_line_row(line),
            "net": tax.net,
            "tax": tax.tax,
            "gross": tax.gross,
        }
        for position, (line, tax) in taxed
    ]


def _issue(unit: Unit, contract: Contract, month: Month, draft: Draft) -> Invoice:
    invoice = _write(unit, contract, month, draft)
    _post(unit, invoice, draft)
    dealt_with(unit, contract.id, draft.late, draft.left_months)
    return invoice


def _require_billable(unit: Unit, contract: Contract, month: Month, *, previous_billed: bool) -> None:
    require_reached(unit, contract, month, None if month.until <= unit.today else "has not ended")
    if month > first_billed(unit, contract) and not previous_billed:
        message = (
            f"{month} cannot be billed before {month.previous}: bill the contract month by month, also where nothing "
            "was used"
        )
        raise MonthNotBillable(message, errors={"month": [message]}, unbilled=str(month.previous))


def _write(unit: Unit, contract: Contract, month: Month, draft: Draft) -> Invoice:
    total = draft.total
    invoice = Invoice(
        id=new_id("inv"),
        number=next_number(unit, contract.operator_id, "invoice"),
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
        recorded_by=unit.principal.party_id,
    )
    unit.session.add(invoice)
    unit.session.flush()
    if draft.lines:
        unit.connection.execute(insert(InvoiceLine), line_rows(invoice.id, draft))
    return invoice


def _line_row(line: DraftLine) -> dict[str, Any]:
    return {
        "kind": line.kind,
        "offering_id": line.offering_id,
        "service_month": line.service_month,
        "service_from": line.service_from,
        "service_until": line.service_until,
        "quantity": line.quantity,
        "unit_price": line.unit_price,
        "nominal_unit_price": line.nominal_unit_price,
        "amount": line.amount,
        "vat_rate": line.vat_rate,
        "tariff_id": line.tariff_id,
        "ceiling_id": line.ceiling_id,
        "ceiling_decision_no": line.ceiling_decision_no,
        "corrects": line.corrects.id if line.corrects else None,
        "trial": line.trial,
        "explanation": [step.as_wire() for step in line.steps],
    }


def _post(unit: Unit, invoice: Invoice, draft: Draft) -> None:
    """Post the money of a bill, the use that it takes from unbilled to billed, and what was taken back of billed use.

    The two are transactions of their own: no account stands on both sides of one. Fees that earlier bills charged for
    the month are revenue from now on.
    """
    taken = {key: quantity for key, quantity in draft.moved.items() if quantity > 0}
    back = {key: quantity for key, quantity in draft.moved.items() if quantity < 0}
    named = (
        ("bill", "bill", _money_legs(invoice, draft)),
        ("bill_release", "advance_release", _release_legs(unit, invoice, draft)),
        ("bill_use", "bill_use", _use_legs(invoice, draft, taken)),
        ("bill_use_back", "bill_use", _use_legs(invoice, draft, back)),
    )
    postings = (
        Posting(
            f"{key}:{invoice.id}", kind, invoice.operator_id, invoice.issued_on, tuple(legs), document_id=invoice.id
        )
        for key, kind, legs in named
    )
    post(unit, [posting for posting in postings if posting.legs])


def _money_legs(invoice: Invoice, draft: Draft) -> list[Leg]:
    sums: dict[tuple[AccountRef, str], int] = defaultdict(int)
    for line, tax in zip(draft.lines, draft.taxes, strict=True):
        sums[_earned_on(invoice, line), line.service_month] += tax.net
    legs = debit(receivable(invoice.operator_id, invoice.buyer_id), invoice.gross)
    for (account, month), net in sums.items():
        legs += credit(account, net, month)
    return legs + credit(AccountRef("output_vat", invoice.operator_id), invoice.tax)


def _earned_on(invoice: Invoice, line: DraftLine) -> AccountRef:
    """Return the account that a line is credited to: what is of a month still to come is no revenue yet."""
    if line.service_month > invoice.month:
        return contract_liability(invoice.operator_id, invoice.buyer_id, invoice.contract_id, line.offering_id)
    kind = "revenue_relief" if line.kind in RELIEFS else "revenue"
    return AccountRef(kind, invoice.operator_id, offering_id=line.offering_id)


def _release_legs(unit: Unit, invoice: Invoice, draft: Draft) -> list[Leg]:
    """Turn into revenue what earlier bills charged for the month, less credits of it; the contract is locked."""
    if not draft.released:
        return []
    ahead = and_(
        col(Invoice.contract_id) == invoice.contract_id,
        col(Invoice.month) < invoice.month,
        col(InvoiceLine.service_month) == invoice.month,
    )
    billed: Any = (
        select(col(InvoiceLine.offering_id), func.sum(col(InvoiceLine.net)))
        .join(Invoice, col(Invoice.id) == col(InvoiceLine.invoice_id))
        .where(ahead)
        .group_by(col(InvoiceLine.offering_id))
    )
    credited: Any = (
        select(col(InvoiceLine.offering_id), -func.sum(col(CreditNoteLine.net)))
        .select_from(CreditNoteLine)
        .join(CreditNote, col(CreditNote.id) == col(CreditNoteLine.credit_note_id))
        .join(Invoice, col(Invoice.id) == col(CreditNote.invoice_id))
        .join(
            InvoiceLine,
            and_(
                col(InvoiceLine.invoice_id) == col(Invoice.id),
                col(InvoiceLine.position) == col(CreditNoteLine.position),
            ),
        )
        .where(ahead)
        .group_by(col(InvoiceLine.offering_id))
    )
    left: dict[str, int] = defaultdict(int)
    for query in (billed, credited):
        for offering_id, net in unit.connection.execute(query):
            left[offering_id] += int(net)
    legs: list[Leg] = []
    for offering_id, net in left.items():
        place = (invoice.operator_id, invoice.buyer_id, invoice.contract_id, offering_id)
        legs += debit(contract_liability(*place), net, invoice.month)
        legs += credit(AccountRef("revenue", invoice.operator_id, offering_id=offering_id), net, invoice.month)
    return legs


def _use_legs(invoice: Invoice, draft: Draft, moved: Mapping[ServiceMonth, int]) -> list[Leg]:
    legs: list[Leg] = []
    for (offering_id, month), quantity in moved.items():
        place = (invoice.operator_id, invoice.contract_id, offering_id, draft.book[offering_id].named.asset)
        legs += debit(use_account(BILLED, *place), quantity, month)
        legs += credit(use_account(UNBILLED, *place), quantity, month)
    return legs
