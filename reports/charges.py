"""The charges of issued bills, each held against the ceiling that the register says was in force when it arose.

The ceiling is looked up anew and not taken from the bill: a bill is tested by what the grantor decided, not by what
it says of itself. Amounts and prices are in the bill's own tax basis, and so are the ceilings here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final, NamedTuple

from sqlalchemy import Row, and_, case, func, or_, select
from sqlmodel import col

from ledger.tables import Account, Entry, Transaction
from metering.accounts import UNBILLED
from pricing.ceiling import Ceiling, FixedCeiling, strictest
from pricing.fees import FeePeriod, Proration, fee_of
from pricing.money import (
    FEN_PER_YUAN,
    MICRO_PER_UNIT,
    PriceBasis,
    format_money,
    format_quantity,
    format_unit_price,
)
from pricing.period import Month, Span
from pricing.segments import CeilingSpan, FixedSpan
from registry.tables import Contract, Party
from reports.frame import Frame, in_months
from settlement.price_book import Priced, price_book
from settlement.tables import Invoice, InvoiceLine
from store.paging import CursorInvalid
from store.unit import Unit

PERIOD_KINDS: Final = frozenset({"minimum", "ceiling_relief", "relief"})
"""Lines of a whole period, which have no use of their own."""
RELIEF_KINDS: Final = frozenset({"ceiling_relief", "relief"})
FIXED_FEE: Final = "fixed_fee"
CORRECTION: Final = "correction"
_POSITION_DIGITS_MAX: Final = 9

UsedMonth = tuple[str, str, str]
"""A contract's id, an offering's id and a service month."""

_Limits = Sequence[tuple[Ceiling, int]]
"""Ceilings, each with the use that met it."""


class Charge(NamedTuple):
    """A line of a bill; quantities in millionths, amounts in fen, ``amount`` in the bill's tax basis.

    ``ceiling`` is the lowest that its use met, ``fixed_ceiling`` that of a fixed fee. ``allowance`` is the most that it
    may come to, in fen and exact: use × ceiling, day by day where the ceiling changed; of a fee what the fixed part of
    the ceiling allows for its days; and what it did come to where there was no ceiling. ``is_nominal_within`` says of a
    fee whether its published price is not above the fixed part of the ceiling.
    """

    invoice_id: str
    position: int
    number: str
    issued_on: date
    contract_id: str
    buyer: str
    offering_id: str
    kind: str
    service_month: str
    service_from: date
    service_until: date
    quantity: int
    unit_price: Decimal | None
    nominal_unit_price: Decimal | None
    amount: int
    net: int
    tax: int
    gross: int
    price_basis: str
    billed_under: str | None
    trial: bool
    corrects: str | None
    ceiling: Ceiling | None
    allowance: Fraction
    fixed_ceiling: FixedCeiling | None = None
    is_nominal_within: bool = True

    @property
    def is_limited(self) -> bool:
        """Whether any ceiling held for it."""
        return self.ceiling is not None or self.fixed_ceiling is not None

    @property
    def effective_unit_price(self) -> Fraction | None:
        """Amount ÷ quantity in yuan, exact; None without use."""
        return per_unit(self.amount, self.quantity)

    @property
    def price(self) -> Decimal | Fraction | None:
        """The price of the line: the one that was billed, or else what a unit came to."""
        return self.effective_unit_price if self.unit_price is None else self.unit_price


def per_unit(fen: int | Fraction, quantity: int) -> Fraction | None:
    """Return an amount per unit in yuan, exact; None without quantity.

    >>> per_unit(8000, 100 * MICRO_PER_UNIT)
    Fraction(4, 5)
    """
    numerator, denominator = fen.as_integer_ratio()
    return Fraction(numerator * MICRO_PER_UNIT, denominator * FEN_PER_YUAN * quantity) if quantity else None


def charges_of(unit: Unit, frame: Frame) -> list[Charge]:
    """Return every charge of the period's service months, in the order in which they were billed.

    What was billed of months that have not begun is none yet.
    """
    rows = unit.connection.execute(_lines(frame)).all()
    return _held_against(unit, frame, rows)


def charge_page(unit: Unit, frame: Frame, limit: int, cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
    """Return a page of charges as the wire says them, and the cursor of what follows; raises CursorInvalid."""
    query = _lines(frame).limit(limit + 1)
    if cursor is not None:
        invoice_id, position = _opened(cursor)
        same = and_(col(InvoiceLine.invoice_id) == invoice_id, col(InvoiceLine.position) > position)
        query = query.where(or_(col(InvoiceLine.invoice_id) > invoice_id, same))
    rows = unit.connection.execute(query).all()
    charges = _held_against(unit, frame, rows[:limit])
    following = f"{charges[-1].invoice_id}.{charges[-1].position}" if len(rows) > limit else None
    return [charge_document(frame, charge) for charge in charges], following


def charge_document(frame: Frame, charge: Charge) -> dict[str, Any]:
    """Return a charge as the wire says it; ``difference`` is what the ceiling leaves above the price."""
    offered = frame.offerings[charge.offering_id]
    ceiling, price = charge.ceiling, charge.price
    return {
        "bill": charge.invoice_id,
        "bill_number": charge.number,
        "position": charge.position,
        "issued_on": charge.issued_on.isoformat(),
        "contract": charge.contract_id,
        "buyer": charge.buyer,
        "service_month": charge.service_month,
        "service_from": charge.service_from.isoformat(),
        "service_until": charge.service_until.isoformat(),
        "offering": offered.code,
        "kind": charge.kind,
        "quantity": format_quantity(charge.quantity),
        "unit": offered.product.unit,
        "nominal_unit_price": shown(charge.nominal_unit_price),
        "unit_price": shown(price),
        "effective_unit_price": shown(charge.effective_unit_price),
        "price_basis": charge.price_basis,
        "ceiling": shown(ceiling.per_unit if ceiling else None),
        "fixed_ceiling": None if charge.fixed_ceiling is None else str(charge.fixed_ceiling),
        "decision_no": decision_of(charge),
        "billed_under": charge.billed_under,
        "difference": difference(shown(ceiling.per_unit if ceiling else None), shown(price)),
        "amount": format_money(charge.amount),
        "net": format_money(charge.net),
        "tax": format_money(charge.tax),
        "gross": format_money(charge.gross),
        "corrects": charge.corrects,
        "trial": charge.trial,
        "links": {
            "bill": frame.link(f"/invoices/{charge.invoice_id}"),
            "contract": frame.link(f"/contracts/{charge.contract_id}"),
            **({"ceiling": frame.link(f"/ceilings/{ceiling.id}")} if ceiling else {}),
        },
    }


def decision_of(charge: Charge) -> str | None:
    """Return the number of the decision that a charge stands against."""
    held = charge.fixed_ceiling or charge.ceiling
    return held.decision_no if held else None


def shown(price: Decimal | Fraction | None) -> str | None:
    """Return a price as reports show it: to eight places, half up."""
    return None if price is None else format_unit_price(price)


def difference(one: str | None, other: str | None) -> str | None:
    """Return the difference of two prices as shown, so that a reader who subtracts gets the same.

    >>> difference("0.80", "0.8125"), difference(None, "0.80") is None
    ('-0.0125', True)
    """
    return None if one is None or other is None else format_unit_price(Decimal(one) - Decimal(other))


def _lines(frame: Frame) -> Any:
    columns = (
        *(_COLUMNS.get(name, getattr(InvoiceLine, name, None)) for name in _STATED),
        col(InvoiceLine.vat_rate),
        col(InvoiceLine.tariff_id),
        col(Contract.effective_from).label("term_from"),
        col(Contract.effective_until).label("term_until"),
    )
    query: Any = select(*columns)
    return (
        query.join(Invoice, col(Invoice.id) == col(InvoiceLine.invoice_id))
        .join(Party, col(Party.id) == col(Invoice.buyer_id))
        .join(Contract, col(Contract.id) == col(Invoice.contract_id))
        .where(
            col(Invoice.operator_id) == frame.operator.id,
            col(Invoice.recorded_at) <= frame.as_of,
            col(InvoiceLine.service_month) <= str(Month.from_date(frame.today)),
            col(InvoiceLine.offering_id).in_(list(frame.offerings)),
            in_months(col(InvoiceLine.service_month), frame.months),
        )
        .order_by(col(InvoiceLine.invoice_id), col(InvoiceLine.position))
    )


_STATED: Final = Charge._fields[: Charge._fields.index("ceiling")]
"""What a charge has from its bill, in the order in which it is read."""
_COLUMNS: Final[Mapping[str, Any]] = {
    "number": Invoice.number,
    "issued_on": Invoice.issued_on,
    "contract_id": Invoice.contract_id,
    "price_basis": Invoice.price_basis,
    "buyer": col(Party.code).label("buyer"),
    "billed_under": col(InvoiceLine.ceiling_decision_no).label("billed_under"),
}
"""Where those come from that are no columns of a bill's line under the same name."""


def _held_against(unit: Unit, frame: Frame, rows: Sequence[Row[Any]]) -> list[Charge]:
    ceilings = _Ceilings(price_book(unit, {row.offering_id for row in rows}, frame.as_of))
    cut = [row for row in rows if row.quantity and len(ceilings.of(row)) > 1]
    days = days_of_use(unit, frame, {row.offering_id for row in cut}, {row.service_month for row in cut})
    fees = FixedParts(ceilings.book)
    return [_charge(row, ceilings.met(row, days), fees.of(row)) for row in rows]


@dataclass(frozen=True)
class FixedPart:
    """How a fixed fee stands: the strictest ceiling it met, what the ceilings allow, whether its price is within."""

    ceiling: FixedCeiling | None
    allowance: Fraction
    is_within: bool


class FixedParts:
    """Holds fixed fees against the ceilings of their days; days of a month that several lines charge count once."""

    def __init__(self, book: Mapping[str, Priced]) -> None:
        self.book = book
        self.covered: dict[UsedMonth, list[Span]] = defaultdict(list)

    def of(self, row: Row[Any]) -> FixedPart | None:
        """Return how a line stands, None where it is no fixed fee."""
        if row.kind != FIXED_FEE:
            return None
        priced = self.book[row.offering_id].in_basis(PriceBasis(row.price_basis), row.vat_rate)
        days = Span(row.service_from, row.service_until)
        met = [held for held in priced.fixed if held.span.overlaps(days)]
        tariff = priced.tariff_of(row.tariff_id)
        price = tariff.tariff.fixed if tariff else None
        period = price.period if price else FeePeriod.MONTH
        within = price is None or all(price.price <= held.ceiling.limit(period) for held in met)
        return FixedPart(strictest(held.ceiling for held in met), self._allowance(row, priced, days, period), within)

    def _allowance(self, row: Row[Any], priced: Priced, days: Span, period: FeePeriod) -> Fraction:
        """What the ceilings' fixed part allows for the days; without any ceiling, what was charged."""
        spans = [*(held.span for held in priced.fixed), *(held.span for held in priced.ceilings)]
        if not any(span.overlaps(days) for span in spans):
            return Fraction(row.amount)
        term = Span(row.term_from, row.term_until)
        allowed = Fraction(0)
        for piece in self._new_days(row, days, priced.fixed):
            limit = strictest(priced.fixed_on(piece.start))
            if limit is not None:
                part = fee_of(limit.limit(period), period, Proration.BY_DAY, piece, term)
                allowed += max(part.exact, part.share)
        # The fen of a year fall to its months cumulatively: a month may have a part of a fen more than its exact share.
        return Fraction(row.amount) if allowed < row.amount < allowed + 1 else allowed

    def _new_days(self, row: Row[Any], days: Span, fixed: Sequence[FixedSpan]) -> list[Span]:
        """Return the days that no line before has charged, cut where a ceiling of the fixed part begins or ends."""
        covered = self.covered[row.contract_id, row.offering_id, row.service_month]
        bounds = [held.span for held in fixed] + covered
        cuts = {day for span in bounds for day in (span.start, span.end) if day is not None and days.contains(day)}
        cuts |= {row.service_from, row.service_until}
        pieces = [Span(start, end) for start, end in pairwise(sorted(cuts))]
        new = [piece for piece in pieces if not any(span.contains(piece.start) for span in covered)]
        covered.append(days)
        return new


def _charge(row: Row[Any], limits: _Limits, fee: FixedPart | None) -> Charge:
    """A line with the ceilings that it met, each with the use that met it, in the bill's own tax basis."""
    basis = PriceBasis(row.price_basis)
    met = [(ceiling.in_basis(basis, row.vat_rate), used) for ceiling, used in limits]
    return Charge(  # type: ignore[misc]  # the row begins with what a charge states
        *row[: len(_STATED)],
        ceiling=min((ceiling for ceiling, _ in met), key=lambda ceiling: ceiling.per_unit, default=None),
        allowance=_allowance(row, met) if fee is None else fee.allowance,
        fixed_ceiling=fee.ceiling if fee else None,
        is_nominal_within=fee is None or fee.is_within,
    )


def _allowance(row: Row[Any], met: _Limits) -> Fraction:
    if not row.quantity:
        return Fraction(0)
    if not met:
        return Fraction(row.amount)
    if len(met) == 1:
        return met[0][0].at(row.quantity)
    used = sum(part for _, part in met)
    whole = sum((ceiling.at(part) for ceiling, part in met), Fraction(0))
    return whole * Fraction(row.quantity, used)


class _Ceilings:
    """Says which ceilings lines met; many lines are of the same offering and days."""

    def __init__(self, book: Mapping[str, Priced]) -> None:
        self.book = book
        self._found: dict[tuple[str, date, date], list[CeilingSpan]] = {}

    def of(self, row: Row[Any]) -> list[CeilingSpan]:
        """Return the ceilings in force on the days of a line, in the order of time."""
        key = (row.offering_id, row.service_from, row.service_until)
        found = self._found.get(key)
        if found is None:
            days = Span(row.service_from, row.service_until)
            held = self.book[row.offering_id].ceilings
            found = self._found[key] = [version for version in held if version.span.overlaps(days)]
        return found

    def met(self, row: Row[Any], days: Mapping[UsedMonth, Mapping[date, int]]) -> _Limits:
        """Return the ceilings with the use that met each; of a line of a whole period, its last day's."""
        held = self.of(row)
        if row.kind in PERIOD_KINDS or row.kind == FIXED_FEE:
            held = held[-1:]
        if len(held) <= 1:
            return [(version.ceiling, row.quantity) for version in held]
        by_day = days.get((row.contract_id, row.offering_id, row.service_month), {})
        met = [(version.ceiling, _used(by_day, row, version)) for version in held]
        return [(ceiling, used) for ceiling, used in met if used] or [(ceiling, 1) for ceiling, _ in met]


def _used(by_day: Mapping[date, int], row: Row[Any], version: CeilingSpan) -> int:
    return sum(
        quantity
        for day, quantity in by_day.items()
        if row.service_from <= day < row.service_until and version.span.contains(day)
    )


def days_of_use(
    unit: Unit, frame: Frame, offerings: Collection[str], months: Collection[str]
) -> dict[UsedMonth, dict[date, int]]:
    """Read from the books the use of some offerings in some months, by day and in millionths; free use is not in it."""
    if not offerings:
        return {}
    columns = (col(Account.contract_id), col(Account.offering_id), col(Entry.service_month), col(Entry.service_on))
    query: Any = (
        select(*columns, func.sum(case((col(Entry.side) == "D", col(Entry.amount)), else_=-col(Entry.amount))))
        .join(Entry, col(Entry.account_id) == col(Account.id))
        .join(Transaction, col(Transaction.id) == col(Entry.transaction_id))
        .where(
            col(Account.book) == frame.operator.id,
            col(Account.kind) == UNBILLED,
            col(Account.offering_id).in_(sorted(offerings)),
            col(Entry.service_month).in_(sorted(months)),
            col(Entry.service_on).is_not(None),
            col(Transaction.recorded_at) <= frame.as_of,
        )
        .group_by(*columns)
    )
    days: dict[UsedMonth, dict[date, int]] = defaultdict(dict)
    for contract_id, offering_id, month, day, quantity in unit.connection.execute(query):
        days[contract_id, offering_id, month][day] = int(quantity)
    return days


def _opened(cursor: str) -> tuple[str, int]:
    invoice_id, _, position = cursor.partition(".")
    if not invoice_id or not (position.isascii() and position.isdecimal() and len(position) <= _POSITION_DIGITS_MAX):
        message = f"{cursor!r} is no cursor of this list; use next_cursor of the page before, or none"
        raise CursorInvalid(message, errors={"cursor": [message]})
    return invoice_id, int(position)
