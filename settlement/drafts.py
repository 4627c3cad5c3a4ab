"""A bill as it would be drawn up now: its lines, what late use adds to or takes from earlier bills, and the tax.

Reads only, in a fixed number of statements a contract. What was charged for a service month is what its bill and the
corrections of later bills say, less what was given back because the charge itself was wrong: late use that made the
month cheaper, a charge above the ceiling, and credit notes ``issued_in_error`` that ask for a new bill. Other credit
notes are left aside: they are settled between the parties and do not change what the use costs.

Of a yearly fee, the bill of the month in which a contract year begins takes what is certain of the later months: of
each what would be due even without use, by the prices known now. The bill of such a month then charges what its fee
has come to since beyond that, or gives back what it has come to less.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, or_, select, true
from sqlmodel import col

from metering.late_use import remembered
from metering.use import ChargeableUse, chargeable_use
from pricing.classification import PUBLIC_INTEREST
from pricing.explanation import Step
from pricing.fees import FeePeriod, year_beginning_in
from pricing.money import (
    FEN_PER_YUAN,
    MICRO_PER_UNIT,
    UNIT_PRICE_SCALE,
    PriceBasis,
    Tax,
    format_money,
    format_unit_price,
    round_half_up,
    tax_of_document,
    within_money_limit,
    within_use_limit,
)
from pricing.period import Month, Span, month_of
from pricing.rating import LineKind, RatedLine, Rating, correction, rate_period
from pricing.segments import PriceVersion, cut_use
from pricing.tariff import tariff_from_document
from registry.contracts import contract_offerings
from registry.grant_reratings import RERATING
from registry.tables import Contract, ContractOffering
from settlement.price_book import Priced, price_book, vat_rate
from settlement.tables import CreditNote, CreditNoteLine, Invoice, InvoiceLine
from store.unit import Unit

CORRECTION: Final = "correction"
LATE_USE: Final = "late_use"
FEE_CHANGED: Final = "fee_changed"
ABOVE_CEILING: Final = "above_ceiling"
RELIEFS: Final = frozenset({"ceiling_relief", "relief"})
"""The kinds of lines that take something off a charge; they have an account of their own."""
CHARGED_ANEW: Final = (LATE_USE, FEE_CHANGED, ABOVE_CEILING)
"""Why credit notes reduce what was charged for a month: it is neither charged again nor credited twice."""
_ALWAYS: Final = Span(date(1970, 1, 1))

ServiceMonth = tuple[str, str]
"""An offering's id and a month of its use, such as 2026-03."""


@dataclass(frozen=True)
class EarlierBill:
    """The bill of an earlier month."""

    id: str
    number: str


@dataclass(frozen=True)
class DraftLine:
    """A line of a bill before its tax; quantities in millionths, ``amount`` in fen and in the contract's basis."""

    kind: str
    offering_id: str
    service_month: str
    service_from: date
    service_until: date
    quantity: int
    unit_price: Decimal | None
    nominal_unit_price: Decimal | None
    amount: int
    vat_rate: Decimal
    tariff_id: str | None
    ceiling_id: str | None
    ceiling_decision_no: str | None
    trial: bool
    corrects: EarlierBill | None
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Reduction:
    """What a billed month, or a fee billed in advance, has become cheaper by, and why.

    ``amount`` is above zero: fen in the contract's basis.
    """

    offering_id: str
    service_month: str
    amount: int
    bill: EarlierBill
    reason: str = LATE_USE


@dataclass(frozen=True)
class Draft:
    """A bill drawn up: lines with their taxes, sums, the use that it takes, and what earlier bills give back.

    ``late`` is what it looked at beside its own month (see ``metering.late_use``); ``left_months`` are those of which
    use stays unbilled because no price was published for it. ``released`` are the offerings of which earlier bills
    charged the month's fee in advance, so that it is revenue now.
    """

    price_basis: PriceBasis
    lines: tuple[DraftLine, ...]
    taxes: tuple[Tax, ...]
    moved: Mapping[ServiceMonth, int]
    reductions: tuple[Reduction, ...]
    book: Mapping[str, Priced]
    late: tuple[tuple[str, int], ...] = ()
    left_months: frozenset[str] = frozenset()
    released: frozenset[str] = frozenset()

    @property
    def total(self) -> Tax:
        """Net, tax and gross of the bill."""
        return Tax(
            sum(tax.net for tax in self.taxes), sum(tax.tax for tax in self.taxes), sum(tax.gross for tax in self.taxes)
        )


@dataclass(frozen=True)
class Before:
    """What was billed in advance of a month's fee, and not given back because it changed: fen, and the bill."""

    amount: int
    bill: EarlierBill


@dataclass(frozen=True)
class Charged:
    """A service month rated on all of its use: the rating, none where no price was published, and its days."""

    rating: Rating | None
    unpriced_micro: int
    start: date
    end: date

    @property
    def lines(self) -> tuple[RatedLine, ...]:
        """The lines that a bill shows: a segment without use is none."""
        lines = self.rating.lines if self.rating else ()
        return tuple(line for line in lines if line.amount or line.quantity_micro)


def draw_up(unit: Unit, contract: Contract, month: Month) -> Draft:
    """Draw up the bill of a contract for a month: its use, and what came late to earlier months.

    Use of earlier months that have no bill yet is left to their own; that of a re-rating has one bill for all of its
    months. Raises AmountTooLarge.
    """
    late = remembered(unit, contract.id, str(month))
    terms = {row.offering_id: row for row in contract_offerings(unit, contract.id)}
    book = price_book(unit, terms)
    basis = PriceBasis(contract.price_basis or PriceBasis.TAX_EXCLUSIVE)
    anew = _charged_anew(unit, contract.id, str(month))
    months = {str(month), *(of_month for of_month, _ in late), *(of_month for _, of_month in anew)}
    if is_first_of_rerating(contract, month, unit.zone):
        months |= set(months_of_term(contract))
    use = chargeable_use(unit, contract.id, months)
    for (_, of_month), used in use.items():
        within_use_limit(sum(used.by_day.values()), f"use of {of_month} under contract {contract.id}")
    earlier = anew | {key for key, used in use.items() if key[1] < str(month) and used.unbilled}
    drawer = Drawer(contract, terms, book, basis)
    with_advance = {str(month)} if drawer.may_be_in_advance else set()
    bills = _bills_of(unit, contract, {key[1] for key in earlier})
    charged = _charged_before(unit, contract.id, basis, {key[1] for key in earlier} | with_advance)
    in_advance = _billed_in_advance(unit, contract.id, with_advance)
    for key in sorted(earlier, key=lambda key: (key[1], book[key[0]].named.code)):
        if key[1] in bills:
            drawer.judge_again(key, use.get(key, ChargeableUse()), charged.get(key, 0), bills[key[1]])
        elif contract.kind == RERATING:
            drawer.charge(key, use[key])
    for offering_id in sorted(terms, key=lambda offering_id: book[offering_id].named.code):
        key = (offering_id, str(month))
        if contract.kind == RERATING and key not in use:
            continue  # what was not used was not re-rated: no minimum and no fee is due for it
        before = Before(charged[key], in_advance[key]) if key in in_advance else None
        drawer.charge(key, use.get(key, ChargeableUse()), before)
        if contract.kind != RERATING:
            drawer.charge_in_advance(key)
    moved = drawer.moved
    within_use_limit(sum(moved.values()), f"use of contract {contract.id} for the bill of {month}")
    left = frozenset(key[1] for key, used in use.items() if used.unbilled != moved.get(key, 0))
    released = frozenset(offering_id for offering_id, _ in in_advance)
    return replace(drawer.draft(), late=tuple(late), left_months=left, released=released)


class Drawer:
    """Collects the lines of one bill; it reads nothing, so that a report can value use as of a moment by it."""

    def __init__(
        self,
        contract: Contract,
        terms: Mapping[str, ContractOffering],
        book: Mapping[str, Priced],
        basis: PriceBasis,
    ) -> None:
        self.contract, self.terms, self.book, self.basis = contract, terms, book, basis
        self.term = Span(contract.effective_from, contract.effective_until)
        self.lines: list[DraftLine] = []
        self._frozen: dict[str, Sequence[PriceVersion]] = {}
        self.moved: dict[ServiceMonth, int] = {}
        self.reductions: list[Reduction] = []

    @property
    def may_be_in_advance(self) -> bool:
        """Whether any price of the contract has a yearly fee, of which bills charge months ahead."""
        return any(_has_fee_by_year(version) for offering_id in self.terms for version in self._prices(offering_id))

    def charge(self, key: ServiceMonth, use: ChargeableUse, before: Before | None = None) -> None:
        """Add the lines of the month that is billed; a segment without use is no line.

        ``before`` is what was billed of its fee in advance. Public-interest use is booked as free when it is accepted,
        so that there is none here to charge.
        """
        if self.terms[key[0]].category == PUBLIC_INTEREST and not use.unbilled:
            return
        charged = self.rate(key, use)
        if charged is None or charged.rating is None:
            return
        self._move(key, use.unbilled - charged.unpriced_micro)
        if before is None:
            self.lines.extend(self._line(key, line) for line in charged.lines)
            return
        beside = [self._line(key, line) for line in charged.lines if line.kind is not LineKind.FIXED_FEE]
        self.lines.extend(self._within_bill(key, beside, charged.rating.fixed_fee, before))
        self._charge_fee_beyond(key, charged.rating, before)

    def charge_in_advance(self, key: ServiceMonth) -> None:
        """Add lines for the later months of a contract year that begins in the month, where its fee is by the year."""
        offering_id, month = key
        year = year_beginning_in(self.term, Month.parse(month))
        if year is None or not self._has_yearly_fee(offering_id, year.start) or year.end is None:
            return
        later = Month.parse(month).next
        while later.first_day < year.end:
            self._charge_ahead((offering_id, str(later)), year)
            later = later.next

    def _charge_ahead(self, key: ServiceMonth, year: Span) -> None:
        charged = self.rate(key, ChargeableUse(), year)
        if charged is None or charged.rating is None:
            return
        fees = [
            line
            for line in charged.rating.lines
            if line.kind is LineKind.FIXED_FEE and self._is_yearly(key[0], line.tariff_id)
        ]
        certain = min(sum(line.amount for line in fees), charged.rating.total)
        if certain > 0:
            steps = (*(step for line in fees for step in line.steps), _advance_step(certain))
            drawn = self._line(key, fees[-1])
            self.lines.append(replace(drawn, service_from=fees[0].start, amount=certain, steps=steps))

    def _within_bill(self, key: ServiceMonth, lines: list[DraftLine], fee: int, before: Before) -> list[DraftLine]:
        """Leave to the earlier bill what reliefs take off the fee that it charged: no bill is below zero."""
        lacking = -(sum(line.amount for line in lines) + max(0, fee - before.amount))
        if lacking <= 0:
            return lines
        self.reductions.append(Reduction(*key, lacking, before.bill, FEE_CHANGED))
        kept = []
        for line in reversed(lines):
            back = min(lacking, -line.amount) if line.kind in RELIEFS else 0
            lacking -= back
            kept.append(replace(line, amount=line.amount + back) if back else line)
        return [line for line in reversed(kept) if line.amount or line.quantity]

    def _charge_fee_beyond(self, key: ServiceMonth, rating: Rating, before: Before) -> None:
        """Charge what the fee comes to beyond what was billed of it in advance, or give back what it comes to less."""
        fees = [line for line in rating.lines if line.kind is LineKind.FIXED_FEE]
        difference = rating.fixed_fee - before.amount
        if difference < 0:
            self.reductions.append(Reduction(*key, -difference, before.bill, FEE_CHANGED))
        if difference > 0:
            told = _beyond_step(rating.fixed_fee, before)
            steps = (*(step for line in fees for step in line.steps), told)
            drawn = self._line(key, fees[-1])
            self.lines.append(replace(drawn, service_from=fees[0].start, amount=difference, steps=steps))

    def _is_yearly(self, offering_id: str, tariff_id: str | None) -> bool:
        return any(_has_fee_by_year(version) for version in self._prices(offering_id) if version.id == tariff_id)

    def _has_yearly_fee(self, offering_id: str, day: date) -> bool:
        return any(_has_fee_by_year(version) for version in self._prices(offering_id) if version.span.contains(day))

    def judge_again(self, key: ServiceMonth, use: ChargeableUse, before: int, bill: EarlierBill) -> None:
        """Charge an earlier month anew on all of its use: more is a correction line, less a reduction of its bill."""
        charged = self.rate(key, use)
        if charged is None or charged.rating is None:
            return
        late = use.unbilled - charged.unpriced_micro
        difference = correction(charged.rating, before)
        self._move(key, late)
        if difference < 0:
            self.reductions.append(Reduction(*key, -difference, bill))
        if late or difference > 0:
            self.lines.append(self._correction(key, charged, late, max(0, difference), before, bill))

    def draft(self) -> Draft:
        """Return the bill with its tax."""
        taxes = _taxes(self.lines, self.basis)
        within_money_limit(sum(tax.gross for tax in taxes), "bill")
        return Draft(self.basis, tuple(self.lines), taxes, dict(self.moved), tuple(self.reductions), dict(self.book))

    def _move(self, key: ServiceMonth, quantity: int) -> None:
        if quantity:
            self.moved[key] = quantity

    def rate(self, key: ServiceMonth, use: ChargeableUse, within: Span | None = None) -> Charged | None:
        """Rate a service month, or its days ``within`` a span; None where the contract is not in force nor was used."""
        offering_id, month = key
        period = Month.parse(month).span.intersect(self.term)
        if period is not None and within is not None:
            period = period.intersect(within)
        if period is None and not use.by_day:
            return None
        priced = self.book[offering_id].in_basis(self.basis, vat_rate(Month.parse(month).first_day))
        cut = cut_use(
            period or Month.parse(month).span,
            self._prices(offering_id),
            priced.ceilings,
            use.by_day,
            priced.fixed,
            self.term,
        )
        rating = rate_period(cut.segments) if cut.segments else None
        start, end = (cut.segments[0].start, cut.segments[-1].end) if cut.segments else (date.min, date.max)
        return Charged(rating, cut.unpriced_micro, start, end)

    def _prices(self, offering_id: str) -> Sequence[PriceVersion]:
        """Return the one price that the contract froze, or the public tariff, version by version."""
        term = self.terms[offering_id]
        if term.tariff is None:
            return self.book[offering_id].tariffs
        if offering_id not in self._frozen:
            self._frozen[offering_id] = self._frozen_price(term)
        return self._frozen[offering_id]

    def _frozen_price(self, term: ContractOffering) -> Sequence[PriceVersion]:
        offering_id = term.offering_id
        published = self.book[offering_id].tariff_of(term.tariff_id)
        frozen = tariff_from_document(term.tariff)
        return [PriceVersion(_ALWAYS, str(term.tariff_id), frozen, trial=published is not None and published.trial)]

    def _line(self, key: ServiceMonth, line: RatedLine) -> DraftLine:
        return DraftLine(
            kind=line.kind.value,
            offering_id=key[0],
            service_month=key[1],
            service_from=line.start,
            service_until=line.end,
            quantity=line.quantity_micro,
            unit_price=billed_unit_price(line),
            nominal_unit_price=shown_price(line.nominal_unit_price),
            amount=line.amount,
            vat_rate=vat_rate(Month.parse(key[1]).first_day),
            tariff_id=line.tariff_id,
            ceiling_id=_decision(line)[0],
            ceiling_decision_no=_decision(line)[1],
            trial=self._is_trial(key[0], line.tariff_id),
            corrects=None,
            steps=line.steps,
        )

    def _correction(
        self, key: ServiceMonth, charged: Charged, late: int, amount: int, before: int, bill: EarlierBill
    ) -> DraftLine:
        if charged.rating is None:
            message = f"{key} has no rating to correct by"
            raise AssertionError(message)
        last = charged.rating.lines[-1]
        return DraftLine(
            kind=CORRECTION,
            offering_id=key[0],
            service_month=key[1],
            service_from=charged.start,
            service_until=charged.end,
            quantity=late,
            unit_price=None,
            nominal_unit_price=shown_price(charged.rating.nominal_unit_price),
            amount=amount,
            vat_rate=vat_rate(Month.parse(key[1]).first_day),
            tariff_id=last.tariff_id,
            ceiling_id=_decision(last)[0],
            ceiling_decision_no=_decision(last)[1],
            trial=self._is_trial(key[0], last.tariff_id),
            corrects=bill,
            steps=(*charged.rating.explain(), _correction_step(charged.rating.total, before, bill)),
        )

    def _is_trial(self, offering_id: str, tariff_id: str | None) -> bool:
        version = self.book[offering_id].tariff_of(tariff_id)
        return version is not None and version.trial


def _decision(line: RatedLine) -> tuple[str | None, str | None]:
    """The id and decision of the ceiling that a line was held against: of a fee that of the fixed part, if any."""
    ceiling = line.fixed_ceiling or line.ceiling
    return (ceiling.id, ceiling.decision_no) if ceiling else (None, None)


def _has_fee_by_year(version: PriceVersion) -> bool:
    fixed = version.tariff.fixed
    return fixed is not None and fixed.period is FeePeriod.YEAR


def billed_unit_price(line: RatedLine) -> Decimal | None:
    """Return the one price at which a line was billed; None where bands, packages, fees or discounts make several."""
    if line.nominal_unit_price is None or not line.quantity_micro:
        return None
    price = Fraction(line.nominal_unit_price)
    if line.ceiling is not None:
        price = min(price, line.ceiling.per_unit)
    scaled = price * 10**UNIT_PRICE_SCALE
    is_whole_charge = round_half_up(price * FEN_PER_YUAN * line.quantity_micro / MICRO_PER_UNIT) == line.amount
    return Decimal(int(scaled)).scaleb(-UNIT_PRICE_SCALE) if is_whole_charge and scaled.denominator == 1 else None


def shown_price(price: Decimal | Fraction | None) -> Decimal | None:
    """Return a price as it is kept and shown: to eight places, half up."""
    return None if price is None else Decimal(format_unit_price(price))


def _taxes(lines: Sequence[DraftLine], basis: PriceBasis) -> tuple[Tax, ...]:
    """Compute tax once per rate on the sum of its lines; each line shows its part."""
    taxes: dict[int, Tax] = {}
    for rate in {line.vat_rate for line in lines}:
        places = [place for place, line in enumerate(lines) if line.vat_rate == rate]
        _, parts = tax_of_document([lines[place].amount for place in places], basis, rate)
        taxes |= dict(zip(places, parts, strict=True))
    return tuple(taxes[place] for place in range(len(lines)))


def _correction_step(total: int, before: int, bill: EarlierBill) -> Step:
    now, earlier, difference = format_money(total), format_money(before), format_money(total - before)
    less_en = "; the difference is credited on that bill" if total < before else ""
    less_zh = "，差额在该账单上冲减" if total < before else ""
    return Step(
        rule="bill.correction",
        text_en=f"All use of the month is {now}, charged before {earlier} by {bill.number}: {difference}{less_en}",
        text_zh=f"该服务月全部用量应计{now}，此前已计{earlier}（账单{bill.number}）：{difference}{less_zh}",
        inputs={"charge": now, "charged_before": earlier, "corrects": bill.id, "corrects_number": bill.number},
        amount=difference,
    )


def _advance_step(amount: int) -> Step:
    charged = format_money(amount)
    return Step(
        rule="bill.in_advance",
        text_en=f"Billed in advance for the contract year: {charged} would be due even without any use",
        text_zh=f"按合同年度预收：即使无用量亦应计{charged}",
        inputs={"amount": charged},
        amount=charged,
    )


def _beyond_step(fee: int, before: Before) -> Step:
    now, earlier, difference = format_money(fee), format_money(before.amount), format_money(fee - before.amount)
    return Step(
        rule="bill.beyond_advance",
        text_en=f"The month's fixed part is {now}, billed in advance {earlier} by {before.bill.number}: {difference}",
        text_zh=f"该服务月固定收费应计{now}，已预收{earlier}（账单{before.bill.number}）：{difference}",
        inputs={"charge": now, "charged_before": earlier, "bill": before.bill.id, "bill_number": before.bill.number},
        amount=difference,
    )


def _charged_anew(unit: Unit, contract_id: str, month: str) -> set[ServiceMonth]:
    """Return the earlier service months whose charge was credited in order to be billed anew."""
    anew = unit.connection.execute(
        select(col(InvoiceLine.offering_id), col(InvoiceLine.service_month))
        .distinct()
        .select_from(CreditNote)
        .join(Invoice, col(Invoice.id) == col(CreditNote.invoice_id))
        .join(InvoiceLine, col(InvoiceLine.invoice_id) == col(Invoice.id))
        .where(
            col(Invoice.contract_id) == contract_id,
            col(CreditNote.rebill).is_(true()),
        )
    )
    return {(offering_id, service_month) for offering_id, service_month in anew if service_month < month}


def is_first_of_rerating(contract: Contract, month: Month, zone: ZoneInfo) -> bool:
    """Say whether a bill is the first of a contract that holds re-rated use: it charges all months of its term."""
    return contract.kind == RERATING and month == month_of(contract.recorded_at, zone)


def months_of_term(contract: Contract) -> list[str]:
    """Return the service months that the term of a contract, which ends, touches."""
    end = contract.effective_until or contract.effective_from
    month, months = Month.from_date(contract.effective_from), list[str]()
    while month.first_day < end:
        months.append(str(month))
        month = month.next
    return months


def _bills_of(unit: Unit, contract: Contract, months: Iterable[str]) -> dict[str, EarlierBill]:
    """Return the bill of each month; all months of a re-rating have one."""
    wanted = sorted(months)
    if not wanted:
        return {}
    mine = select(col(Invoice.month), col(Invoice.id), col(Invoice.number)).where(
        col(Invoice.contract_id) == contract.id
    )
    if contract.kind == RERATING:
        first = unit.connection.execute(mine.order_by(col(Invoice.month)).limit(1)).first()
        return {} if first is None else {month: EarlierBill(first[1], first[2]) for month in wanted}
    query = mine.where(col(Invoice.month).in_(wanted))
    return {month: EarlierBill(bill_id, number) for month, bill_id, number in unit.connection.execute(query)}


def _billed_in_advance(unit: Unit, contract_id: str, months: Iterable[str]) -> dict[ServiceMonth, EarlierBill]:
    """Return the bill that charged fees of months before those had a bill of their own; of several the latest."""
    wanted = sorted(months)
    if not wanted:
        return {}
    query = (
        select(col(InvoiceLine.offering_id), col(InvoiceLine.service_month), col(Invoice.id), col(Invoice.number))
        .join(Invoice, col(Invoice.id) == col(InvoiceLine.invoice_id))
        .where(
            col(Invoice.contract_id) == contract_id,
            col(InvoiceLine.service_month).in_(wanted),
            col(Invoice.month) < col(InvoiceLine.service_month),
        )
        .order_by(col(Invoice.id))
    )
    return {
        (offering_id, month): EarlierBill(bill_id, number)
        for offering_id, month, bill_id, number in unit.connection.execute(query)
    }


def _charged_before(unit: Unit, contract_id: str, basis: PriceBasis, months: Iterable[str]) -> dict[ServiceMonth, int]:
    """Return what was charged for service months: fen in the contract's basis."""
    wanted = sorted(months)
    if not wanted:
        return {}
    key = (col(InvoiceLine.offering_id), col(InvoiceLine.service_month))
    mine = and_(col(Invoice.contract_id) == contract_id, col(InvoiceLine.service_month).in_(wanted))
    billed = (
        select(*key, func.sum(col(InvoiceLine.amount)))
        .join(Invoice, col(Invoice.id) == col(InvoiceLine.invoice_id))
        .where(mine)
        .group_by(*key)
    )
    credit = CreditNoteLine.net if basis is PriceBasis.TAX_EXCLUSIVE else CreditNoteLine.gross
    given_back = (
        select(*key, func.sum(col(credit)))
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
        .where(mine, or_(col(CreditNote.rebill).is_(true()), col(CreditNote.reason).in_(CHARGED_ANEW)))
        .group_by(*key)
    )
    charged: dict[ServiceMonth, int] = defaultdict(int)
    for offering_id, month, amount in unit.connection.execute(billed):
        charged[offering_id, month] += int(amount)
    for offering_id, month, amount in unit.connection.execute(given_back):
        charged[offering_id, month] -= int(amount)
    return dict(charged)
