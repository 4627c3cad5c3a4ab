"""What a tariff or a ceiling would have done to use that was had: tried against the books, and published nowhere.

All use of one offering in some months is rated twice, as it is charged and as the proposal would charge it, by the
rating of the bills. The cost grows with contracts and months, not with events.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import col

from metering.use import ChargeableUse
from pricing.ceiling import Ceiling, ChargingForm, FixedCeiling, prices_above
from pricing.classification import PUBLIC_INTEREST
from pricing.fees import FeePeriod
from pricing.money import (
    MICRO_PER_UNIT,
    PriceBasis,
    format_money,
    format_quantity,
    tax_of_document,
)
from pricing.period import Month, Span, format_instant
from pricing.segments import CeilingSpan, FixedSpan, PriceVersion
from pricing.tariff import Tariff
from registry.grant_reratings import RERATING
from registry.lookup import find, missing
from registry.prices import PERIOD_FORMS
from registry.relations import operators_overseen
from registry.spans import require_span
from registry.tables import Contract, ContractOffering, Offering, Party
from reports.charges import days_of_use
from reports.frame import Frame, frame_of
from reports.revenue import determined_years, revenue_of
from settlement.drafts import Drawer
from settlement.price_book import Priced, price_book, vat_rate
from store.unit import Unit

_PROPOSED: Final = "proposed"
_BEGINNING: Final = date(1970, 1, 1)


@dataclass(frozen=True)
class _Tried:
    """A contract with its buyer, and what each month of it comes to: as it is charged, and as it would be.

    Amounts are fen without tax; ``follows`` says whether the contract is at the public tariff.
    """

    contract: Contract
    buyer: str
    follows: bool
    quantity: int
    before: Mapping[Month, int]
    after: Mapping[Month, int]

    @property
    def is_affected(self) -> bool:
        """Whether any of its months would have cost something else."""
        return dict(self.before) != dict(self.after)


def try_tariff(unit: Unit, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a tariff would have brought, had it been published: of contracts that follow the public tariff.

    Raises NotFound for an offering that the caller does not oversee, DatesReversed, PriceBasisMismatch.
    """
    days = require_span(given, "effective_from", "until")
    tariff: Tariff = given["tariff"]
    proposed = PriceVersion(days, _PROPOSED, tariff, trial=given["trial"])

    def changed(priced: Priced) -> Priced:
        kept = [replace(held, span=span) for held in priced.tariffs for span in _outside(held.span, days)]
        return replace(priced, tariffs=(*kept, proposed))

    def too_high(priced: Priced) -> Iterator[dict[str, Any]]:
        for held in priced.ceilings:
            if held.span.overlaps(days):
                yield from _prices_above(tariff, held.ceiling, None, held.ceiling.effective_from, None)
        for part in priced.fixed:
            if part.span.overlaps(days):
                yield from _prices_above(tariff, None, part.ceiling, part.span.start, None)

    return _tried_out(unit, given, days, changed, too_high)


def try_ceiling(unit: Unit, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a ceiling would have left of the charges, had it been in force, and which prices lie above it.

    Raises NotFound for an offering that the caller does not oversee, DatesReversed.
    """
    days = require_span(given, "effective_from", "until")
    ceiling, fixed = _proposed_ceiling(given, days), _proposed_fixed(given)

    def changed(priced: Priced) -> Priced:
        of_unit = {held.ceiling.id for held in priced.ceilings}
        replaced = [held for held in priced.fixed if _succeeds(given, held.ceiling, of_unit)]
        parts = [replace(held, span=span) for held in replaced for span in _outside(held.span, days)]
        parts += [held for held in priced.fixed if held not in replaced]
        parts += [FixedSpan(days, fixed)] if fixed else []
        if ceiling is None:
            return replace(priced, fixed=tuple(parts))
        kept = [replace(held, span=span) for held in priced.ceilings for span in _outside(held.span, days)]
        return replace(priced, ceilings=(*kept, CeilingSpan(days, ceiling)), fixed=tuple(parts))

    def too_high(priced: Priced) -> Iterator[dict[str, Any]]:
        for version in priced.tariffs:
            if version.span.overlaps(days):
                yield from _prices_above(version.tariff, ceiling, fixed, days.start, version.id)

    return _tried_out(unit, given, days, changed, too_high)


def _proposed_ceiling(given: Mapping[str, Any], days: Span) -> Ceiling | None:
    """Return the proposed ceiling of a unit; None where it is one by the month or year."""
    if given["charging_form"] in PERIOD_FORMS:
        return None
    return Ceiling(
        id=_PROPOSED,
        decision_no=given["decision_no"] or _PROPOSED,
        unit_price=given["unit_price"],
        per_quantity=given["per_quantity"],
        price_basis=PriceBasis(given["price_basis"]),
        charging_form=ChargingForm(given["charging_form"]),
        effective_from=days.start,
        effective_until=days.end,
    )


def _proposed_fixed(given: Mapping[str, Any]) -> FixedCeiling | None:
    """Return what the proposal allows for the fixed part of prices, where it has one."""
    if given["charging_form"] in PERIOD_FORMS:
        stated, period = Fraction(given["unit_price"]) * MICRO_PER_UNIT / given["per_quantity"], given["charging_form"]
    elif given["base_price"] is not None:
        stated, period = Fraction(given["base_price"]), given["base_price_period"]
    else:
        return None
    decision_no = given["decision_no"] or _PROPOSED
    return FixedCeiling(_PROPOSED, decision_no, stated, FeePeriod(period), PriceBasis(given["price_basis"]))


def _succeeds(given: Mapping[str, Any], held: FixedCeiling, of_unit: Collection[str]) -> bool:
    """Whether the proposal would succeed what a ceiling allows for the fixed part: one of the same charging form."""
    if given["charging_form"] in PERIOD_FORMS:
        return held.id not in of_unit and held.period.value == given["charging_form"]
    return held.id in of_unit


def _tried_out(
    unit: Unit,
    given: Mapping[str, Any],
    days: Span,
    changed: Callable[[Priced], Priced],
    too_high: Callable[[Priced], Iterator[dict[str, Any]]],
) -> dict[str, Any]:
    offering = find(unit, Offering, given["offering"], "offering")
    frame = _frame(unit, offering, given["offering"], days)
    book = price_book(unit, [offering.id], frame.as_of)
    tried = _rated_twice(unit, frame, offering.id, book, {offering.id: changed(book[offering.id])})
    affected = [each for each in tried if each.is_affected]
    before, after = _sum(each.before for each in tried), _sum(each.after for each in tried)
    return {
        "offering": offering.code,
        "from": days.start.isoformat(),
        "until": str(days.end),
        "as_of": format_instant(frame.as_of, frame.zone),
        "service_months": {"from": str(frame.months.start)[:7], "until": _until(frame)},
        "quantity": format_quantity(sum(each.quantity for each in tried)),
        "unit": book[offering.id].named.unit,
        "currency": "CNY",
        "revenue": _change(sum(before.values()), sum(after.values())),
        "months": [{"month": str(month), **_change(before[month], after[month])} for month in sorted(before)],
        "contracts": len(tried),
        "contracts_frozen": sum(not each.follows for each in tried),
        "contracts_affected": len(affected),
        "buyers_affected": len({each.buyer for each in affected}),
        "affected": [_affected(each) for each in sorted(affected, key=lambda each: (each.buyer, each.contract.id))],
        "prices_above_ceiling": list(too_high(book[offering.id])),
        "headroom": _headroom(unit, frame, offering.id, before, after),
        "sandbox": unit.sandbox,
    }


def _frame(unit: Unit, offering: Offering, named: str, days: Span) -> Frame:
    operator = unit.session.get_one(Party, offering.operator_id)
    overseen = operators_overseen(unit)
    if overseen is not None and operator.id not in overseen:
        raise missing("offering", named, "offering")
    frame = frame_of(unit, operator.code, days, unit.now)
    if offering.id not in frame.offerings:
        raise missing("offering", named, "offering")
    return frame


def _rated_twice(
    unit: Unit, frame: Frame, offering_id: str, book: Mapping[str, Priced], proposed: Mapping[str, Priced]
) -> list[_Tried]:
    months = _months(frame)
    used = days_of_use(unit, frame, [offering_id], [str(month) for month in months])
    tried = []
    for contract, term, buyer in unit.session.execute(_contracts(frame, offering_id)):
        use = {month: used.get((contract.id, offering_id, str(month)), {}) for month in months}
        tried.append(
            _Tried(
                contract=contract,
                buyer=buyer,
                follows=term.tariff is None,
                quantity=sum(sum(by_day.values()) for by_day in use.values()),
                before=_charged(contract, term, book, use),
                after=_charged(contract, term, proposed, use),
            )
        )
    return tried


def _contracts(frame: Frame, offering_id: str) -> Any:
    return (
        select(Contract, ContractOffering, col(Party.code))
        .join(ContractOffering, col(ContractOffering.contract_id) == col(Contract.id))
        .join(Party, col(Party.id) == col(Contract.buyer_id))
        .where(
            col(Contract.operator_id) == frame.operator.id,
            col(Contract.accepted_at) <= frame.as_of,
            col(ContractOffering.offering_id) == offering_id,
            col(ContractOffering.category) != PUBLIC_INTEREST,
        )
        .order_by(col(Contract.id))
    )


def _charged(
    contract: Contract, term: ContractOffering, book: Mapping[str, Priced], use: Mapping[Month, Mapping[date, int]]
) -> dict[Month, int]:
    """Return what each month comes to by a book of prices, in fen and without tax."""
    basis = PriceBasis(contract.price_basis or PriceBasis.TAX_EXCLUSIVE)
    drawer = Drawer(contract, {term.offering_id: term}, book, basis)
    nets = {}
    for month, by_day in use.items():
        if contract.kind == RERATING and not by_day:
            continue  # as its bill: only months with re-rated use are charged
        charged = drawer.rate((term.offering_id, str(month)), ChargeableUse(dict(by_day)))
        if charged is not None and charged.rating is not None:
            whole, _ = tax_of_document([charged.rating.total], basis, vat_rate(month.first_day))
            nets[month] = whole.net
    return nets


def _outside(held: Span, days: Span) -> list[Span]:
    """Return what of a span lies before and after some days."""
    end = days.end or date.max
    parts = [held.intersect(Span(_BEGINNING, days.start)), held.intersect(Span(end))]
    return [part for part in parts if part is not None]


def _prices_above(
    tariff: Tariff, ceiling: Ceiling | None, fixed: FixedCeiling | None, day: date, tariff_id: str | None
) -> Iterator[dict[str, Any]]:
    """Yield each price of a tariff that a buyer can meet and that lies above a ceiling, in the tariff's tax basis."""
    basis, rate = tariff.price_basis, vat_rate(day)
    limit = ceiling.in_basis(basis, rate) if ceiling else None
    for above in prices_above(tariff, limit, [fixed.in_basis(basis, rate)] if fixed else []):
        yield {
            "field": above.field,
            "unit_price": above.price,
            "tariff": tariff_id,
            "price_basis": basis.value,
            "ceiling": {
                "unit_price": above.ceiling,
                "per_quantity": above.per_quantity,
                "decision_no": above.decision_no,
            },
        }


def _headroom(
    unit: Unit, frame: Frame, offering_id: str, before: Mapping[Month, int], after: Mapping[Month, int]
) -> list[dict[str, Any]]:
    """Return, for each year of a determined maximum that the months touch, what would be left of it."""
    touched = [
        year
        for year in determined_years(unit, frame)
        if year.days.overlaps(frame.months) and (year.offering_ids is None or offering_id in year.offering_ids)
    ]
    if not touched:
        return []
    revenue = revenue_of(unit, frame)
    rows = []
    for year in touched:
        actual = year.amounts(revenue)["actual"]
        inside = [month for month in before if year.days.contains(month.first_day)]
        change = sum(after[month] - before[month] for month in inside)
        if year.cap.revenue_basis == PriceBasis.TAX_INCLUSIVE:
            change = sum(_with_tax(after[month], month) - _with_tax(before[month], month) for month in inside)
        maximum = year.figures.maximum_after_deduction
        rows.append(
            {
                "year": year.figures.year,
                "decision_no": year.cap.decision_no,
                "revenue_basis": year.cap.revenue_basis,
                "maximum_after_deduction": format_money(maximum),
                "actual": format_money(actual),
                "actual_after": format_money(actual + change),
                "headroom": format_money(maximum - actual),
                "headroom_after": format_money(maximum - actual - change),
            }
        )
    return rows


def _with_tax(net: int, month: Month) -> int:
    return tax_of_document([net], PriceBasis.TAX_EXCLUSIVE, vat_rate(month.first_day))[0].gross


def _affected(tried: _Tried) -> dict[str, Any]:
    return {
        "buyer": tried.buyer,
        "contract": tried.contract.id,
        "quantity": format_quantity(tried.quantity),
        **_change(sum(tried.before.values()), sum(tried.after.values())),
    }


def _change(before: int, after: int) -> dict[str, str]:
    return {"before": format_money(before), "after": format_money(after), "difference": format_money(after - before)}


def _sum(several: Iterable[Mapping[Month, int]]) -> dict[Month, int]:
    total: dict[Month, int] = defaultdict(int)
    for each in several:
        for month, amount in each.items():
            total[month] += amount
    return total


def _months(frame: Frame) -> list[Month]:
    """Return the service months that the days touch and that have begun: what is to come has no use to try on."""
    months, month = [], Month.from_date(frame.months.start)
    while month.first_day < (frame.months.end or date.max) and month <= Month.from_date(frame.today):
        months.append(month)
        month = month.next
    return months


def _until(frame: Frame) -> str:
    months = _months(frame)
    return str(months[-1].next if months else Month.from_date(frame.months.start))
