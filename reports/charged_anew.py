"""Charges less what credit notes took of them because the charge itself was wrong, as the price tests count them.

Late use that made a month cheaper, fees billed in advance that came to less, and bills issued in error that are billed
anew, are charged again by a later bill; what was charged above a ceiling and given back is charged no more.
Both charges together would show use and money twice, and prices above the ceiling that nobody owes. Other credit notes
are settled between the parties and leave the price as it was charged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import ColumnElement, func, not_, or_, select, true
from sqlmodel import col

from pricing.money import PriceBasis
from reports.accrual import credited_line
from reports.charges import Charge
from reports.frame import Frame, in_months
from reports.price_tests import ChargedMonth
from settlement.credit_notes import RETURNED
from settlement.drafts import CHARGED_ANEW, FEE_CHANGED
from settlement.tables import CreditNote, CreditNoteLine, Invoice, InvoiceLine
from store.unit import Unit

_IN_ERROR: Final = col(CreditNote.rebill).is_(true())
_CHARGED_ANEW: Final = or_(_IN_ERROR, col(CreditNote.reason).in_(CHARGED_ANEW))
_RETURNED: Final = col(CreditNote.reason) == RETURNED

MonthSums = Mapping[tuple[str, str, str], int]
"""A figure by contract, offering and service month."""


@dataclass(frozen=True)
class TakenBack:
    """What of one charge is charged anew: fen, ``amount`` in the bill's basis, and millionths made unbilled again."""

    amount: int
    net: int
    tax: int
    gross: int
    quantity: int


Places = Mapping[tuple[str, int], TakenBack]
"""What was taken back by the id of the bill and the position of its line."""


def taken_back(unit: Unit, frame: Frame) -> Places:
    """Read what credit notes took back of charges that are charged anew, as of the frame's moment."""
    return _taken_back(unit, frame, _CHARGED_ANEW)


def fees_given_back(unit: Unit, frame: Frame) -> Places:
    """Read what was given back of fees billed in advance, as of the frame's moment: they were within the ceilings."""
    return _taken_back(unit, frame, col(CreditNote.reason) == FEE_CHANGED)


def taken_back_in_error(unit: Unit, frame: Frame) -> Places:
    """Read what credit notes took back of bills issued in error, as of the frame's moment."""
    return _taken_back(unit, frame, _IN_ERROR)


def taken_back_or_returned(unit: Unit, frame: Frame) -> Places:
    """Read what is charged no more, use that was returned among it, as of the frame's moment."""
    return _taken_back(unit, frame, or_(_CHARGED_ANEW, _RETURNED))


def settled_credits(unit: Unit, frame: Frame) -> MonthSums:
    """Read what other credit notes gave back: fen in each bill's tax basis."""
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    query = _credited(frame, not_(or_(_CHARGED_ANEW, _RETURNED))).group_by(*_MONTH, col(Invoice.price_basis))
    sought = query.add_columns(
        *_MONTH, col(Invoice.price_basis), func.sum(col(CreditNoteLine.net)), func.sum(col(CreditNoteLine.gross))
    )
    for contract_id, offering_id, month, basis, net, gross in unit.connection.execute(sought):
        sums[contract_id, offering_id, month] += int(net if basis == PriceBasis.TAX_EXCLUSIVE else gross)
    return sums


def returned_lines(unit: Unit, frame: Frame) -> MonthSums:
    """Count the lines by which use was returned."""
    sought = _credited(frame, _RETURNED).add_columns(*_MONTH, func.count()).group_by(*_MONTH)
    rows = unit.connection.execute(sought)
    return {(contract_id, offering_id, month): int(count) for contract_id, offering_id, month, count in rows}


def still_charged(charges: Iterable[Charge], places: Places) -> list[Charge]:
    """Return the charges less what of each was taken back."""
    return [
        less(charge, places[place]) if (place := (charge.invoice_id, charge.position)) in places else charge
        for charge in charges
    ]


def months_still_charged(months: Iterable[ChargedMonth], places: Places) -> list[ChargedMonth]:
    """Return the months, each with what is left of its charges."""
    return [
        ChargedMonth(tuple(still_charged(month.charges, places))) if _is_touched(month, places) else month
        for month in months
    ]


def worst_standings(months: Iterable[ChargedMonth], in_error: Places) -> list[ChargedMonth]:
    """Return each month as it stood highest above its ceilings: with the first bill in error, or billed anew.

    A breach is told until it is closed, also where its bill was credited and billed anew; but a bill and the one that
    replaces it are never added up.
    """
    return [_worst_standing(month, in_error) for month in months]


def _is_touched(month: ChargedMonth, places: Places) -> bool:
    return bool(places) and any((charge.invoice_id, charge.position) in places for charge in month.charges)


def _worst_standing(month: ChargedMonth, in_error: Places) -> ChargedMonth:
    if not _is_touched(month, in_error):
        return month
    wrong = [charge.invoice_id for charge in month.charges if (charge.invoice_id, charge.position) in in_error]
    first = ChargedMonth(tuple(charge for charge in month.charges if charge.invoice_id <= min(wrong)))
    anew = ChargedMonth(tuple(still_charged(month.charges, in_error)))
    return max(first, anew, key=lambda standing: standing.above)


def less(charge: Charge, taken: TakenBack) -> Charge:
    """Return what is left of a charge; its price is then what a unit of the use left comes to."""
    quantity, amount = charge.quantity - taken.quantity, charge.amount - taken.amount
    allowance = charge.allowance * Fraction(quantity, charge.quantity) if charge.quantity else charge.allowance
    return charge._replace(
        quantity=quantity,
        unit_price=None,
        nominal_unit_price=charge.nominal_unit_price if quantity else None,
        amount=amount,
        net=charge.net - taken.net,
        tax=charge.tax - taken.tax,
        gross=charge.gross - taken.gross,
        allowance=allowance if charge.is_limited else Fraction(amount),
    )


def _taken_back(unit: Unit, frame: Frame, condition: ColumnElement[bool]) -> Places:
    place = (col(InvoiceLine.invoice_id), col(InvoiceLine.position), col(Invoice.price_basis))
    sums = [func.sum(col(column)) for column in (CreditNoteLine.net, CreditNoteLine.tax, CreditNoteLine.gross)]
    query = _credited(frame, condition).add_columns(*place, *sums, func.sum(col(CreditNoteLine.quantity)))
    query = query.group_by(*place)
    found = {}
    for invoice_id, position, basis, net, tax, gross, quantity in unit.connection.execute(query):
        amount = net if basis == PriceBasis.TAX_EXCLUSIVE else gross
        found[invoice_id, position] = TakenBack(int(amount), int(net), int(tax), int(gross), int(quantity))
    return found


_MONTH: Final = (col(Invoice.contract_id), col(InvoiceLine.offering_id), col(InvoiceLine.service_month))


def _credited(frame: Frame, condition: ColumnElement[bool]) -> Any:
    """Return the query of the credited lines of a frame's service months, without columns."""
    return (
        select()
        .select_from(CreditNoteLine)
        .join(CreditNote, col(CreditNote.id) == col(CreditNoteLine.credit_note_id))
        .join(Invoice, col(Invoice.id) == col(CreditNote.invoice_id))
        .join(InvoiceLine, credited_line())
        .where(
            col(CreditNote.operator_id) == frame.operator.id,
            col(CreditNote.recorded_at) <= frame.as_of,
            in_months(col(InvoiceLine.service_month), frame.months),
            condition,
        )
    )
