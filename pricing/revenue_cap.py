"""The maximum permitted revenue of an operator, and what follows when actual revenue differs from it.

Price Notice, part 三: maximum = operating cost + permitted profit + taxes; the operating cost is the
reasonable cost of commercial use only, less subsidies; permitted profit = operating cost × permitted profit
rate; the rate is the average ten-year government-bond yield of the year before the cost survey plus a markup
of at most 6 points. Part 四: the yearly deviation and its line, and the deduction of an excess from the next
cycle. Amounts are in fen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from pricing.errors import Refusal, TermNeedsReason
from pricing.money import (
    PriceBasis,
    format_money,
    format_rate,
    format_scaled,
    percent_of,
    round_half_up,
)
from pricing.parameters import Law
from pricing.period import YEAR_MAX

MARKUP_LIMIT: Final = "price_notice.bond_yield_markup_limit_points"
DEVIATION_LINE: Final = "price_notice.deviation_line_percent"
CYCLE_YEARS_MAX: Final = "price_notice.cap_cycle_years_max"
COST_HEADS: Final = "price_notice.cost_heads"

COMMERCIAL_USE: Final = "commercial"
COST_USES: Final = (COMMERCIAL_USE, "public_interest")

_PERCENT_PLACES: Final = 2
_WHOLE_PERCENT: Final = 100


class MarkupAboveLimit(Refusal):
    """The markup on the bond yield is above what the Price Notice allows."""

    code = "markup_above_limit"


class TaxBasisMismatch(Refusal):
    """A cap whose basis is tax-exclusive was given value-added tax to hold."""

    code = "tax_basis_mismatch"


class CapInvalid(Refusal):
    """Figures of a cap that cannot be: all of them, by field."""

    code = "revenue_cap_invalid"


class DeductionSpreadMismatch(Refusal):
    """A decision that spreads a deduction over years, whose parts are not the whole of it."""

    code = "deduction_spread_mismatch"


class Duty(StrEnum):
    """What the grantor has to do about a deviation (Price Notice, part 四)."""

    GUIDE_ACTUAL_PRICES = "guide_actual_prices"
    ADJUST_CEILINGS = "adjust_ceilings"


@dataclass(frozen=True)
class Cost:
    """One item of operating cost: its head, the use that it serves, and its amount in fen."""

    head: str
    use: str
    amount: int


@dataclass(frozen=True)
class YearFigures:
    """The figures of one year as surveyed, in fen."""

    year: int
    costs: tuple[Cost, ...]
    subsidies: int
    vat: int
    other_tax: int


@dataclass(frozen=True)
class SpreadShare:
    """What a recorded decision has deducted from one year of what the cycle before left, in fen."""

    year: int
    amount: int


@dataclass(frozen=True)
class CapFigures:
    """What a cap is determined from: one profit rate for its years, and what is still to be deducted.

    ``carry_in`` is due in the first year, or as a decision has ``spread`` it; ``deducted`` is what years determined
    before have borne of it.
    """

    revenue_basis: PriceBasis
    bond_yield_percent: Decimal
    markup_points: Decimal
    years: tuple[YearFigures, ...]
    carry_in: int = 0
    spread: tuple[SpreadShare, ...] = ()
    deducted: int = 0

    @property
    def permitted_profit_rate_percent(self) -> Decimal:
        """The permitted profit rate: yield plus markup, in percent, exact."""
        return self.bond_yield_percent + self.markup_points

    def due_by(self, year: int) -> int:
        """What is to be deducted by the end of a year, in fen: all of it, or the parts that fall until then."""
        if not self.spread:
            return self.carry_in
        return sum(share.amount for share in self.spread if share.year <= year)


@dataclass(frozen=True)
class CapYear:
    """The maximum permitted revenue of one year with every part of it, in fen."""

    year: int
    operating_cost: int
    public_interest_cost: int
    permitted_profit_rate_percent: Decimal
    permitted_profit: int
    tax: int
    maximum_permitted_revenue: int
    deduction: int
    maximum_after_deduction: int


@dataclass(frozen=True)
class Cap:
    """The years of a cycle in order, and what could not be deducted within it."""

    years: tuple[CapYear, ...]
    carry_out: int


@dataclass(frozen=True)
class Deviation:
    """How far actual revenue lies from the maximum, and the duty that follows.

    ``exact`` is (actual − maximum after deduction) ÷ maximum; None where the maximum is zero and the ratio
    does not exist. ``percent`` is the same for print, half up to two places with its sign: 10.00 may be above
    the line.
    """

    difference: int
    exact: Fraction | None
    percent: str | None
    above_line: bool
    line_percent: Decimal
    duty: Duty


@dataclass(frozen=True)
class PlannedSale:
    """A ceiling (yuan per ``per_quantity`` millionths of a unit), the volume planned at it (millionths)."""

    offering: str
    unit_price: Decimal
    per_quantity: int
    planned: int


@dataclass(frozen=True)
class CeilingsSum:
    """What the ceilings would bring at the planned volumes, in fen, against the maximum.

    ``possible`` is rounded half up for print; ``above_maximum`` was compared before rounding.
    """

    possible: int
    maximum: int
    above_maximum: bool


def permitted_revenue(figures: CapFigures, day: date, law: Law) -> Cap:
    """Return the maximum permitted revenue of each year of a cycle, by the law of the day of decision.

    Permitted profit is rounded once a year, half up, to fen; everything else is a sum. What the cycle before
    left is deducted from the first year, or from each the part that a decision gives it, never below zero, and
    the rest rolls on. Raises ``MarkupAboveLimit``, ``TaxBasisMismatch``, or ``CapInvalid`` with every
    impossible figure by its field.
    """
    _check_markup(figures, day, law)
    _check_tax_basis(figures)
    _check_figures(figures, [entry.code for entry in law.parameter(COST_HEADS).entries(day)])
    years: list[CapYear] = []
    deducted = figures.deducted
    for year in sorted(figures.years, key=lambda each: each.year):
        due = max(0, figures.due_by(year.year) - deducted)
        years.append(_cap_year(year, figures.permitted_profit_rate_percent, due))
        deducted += years[-1].deduction
    return Cap(tuple(years), figures.carry_in - deducted)


def check_spread(spread: Sequence[SpreadShare], carry_in: int, cycle_from: date, cycle_until: date) -> None:
    """Refuse a spread whose parts do not sum to what is carried in, or that names years twice or outside the cycle.

    Raises ``DeductionSpreadMismatch``, naming both amounts, or ``CapInvalid``.
    """
    last_year = (cycle_until - timedelta(days=1)).year
    errors: dict[str, list[str]] = {}
    seen: set[int] = set()
    for index, share in enumerate(spread):
        field = f"deduction_spread.years.{index}.year"
        if not cycle_from.year <= share.year <= last_year:
            errors[field] = [f"{share.year} lies outside the cycle from {cycle_from} until {cycle_until}"]
        if share.year in seen:
            errors[field] = [f"{share.year} is given twice"]
        seen.add(share.year)
    if errors:
        raise CapInvalid("a deduction is spread over years of the cycle, each named once", errors=errors)
    total = sum(share.amount for share in spread)
    if total != carry_in:
        message = (
            f"the parts of the spread come to {format_money(total)}, and what is carried in to "
            f"{format_money(carry_in)}: they have to be the same"
        )
        raise DeductionSpreadMismatch(
            message,
            errors={"deduction_spread.years": [message]},
            spread=format_money(total),
            carry_in=format_money(carry_in),
        )


def check_cycle(
    cycle_from: date, cycle_until: date, years: Iterable[int], reason: str | None, law: Law, day: date
) -> None:
    """Refuse a cycle that ends before it starts, is too long without a reason, or is given other years.

    Price Notice, part 四: in principle at most three years. ``cycle_until`` is the first day after the cycle.
    Raises ``CapInvalid`` or ``TermNeedsReason``.
    """
    if cycle_until <= cycle_from:
        message = f"the cycle ends on {cycle_until}, which is not after its start on {cycle_from}"
        raise CapInvalid(message, errors={"cycle_until": [message]})
    if cycle_until.year > YEAR_MAX:
        message = f"the cycle ends on {cycle_until}, and the calendar of this service in {YEAR_MAX}"
        raise CapInvalid(message, errors={"cycle_until": [message]})
    last_year = (cycle_until - timedelta(days=1)).year
    if outside := sorted(year for year in years if not cycle_from.year <= year <= last_year):
        named = ", ".join(map(str, outside))
        message = f"the years {named} lie outside the cycle from {cycle_from} until {cycle_until}"
        raise CapInvalid(message, errors={"years": [message]})
    limit = law.parameter(CYCLE_YEARS_MAX).whole(day)
    if cycle_until > _years_later(cycle_from, limit) and not (reason and reason.strip()):
        message = (
            f"a cycle from {cycle_from} until {cycle_until} is longer than {limit} years, the longest "
            "in principle (Price Notice, 四); shorten it or state the reason in cycle_reason"
        )
        raise TermNeedsReason(message)


def deviation(actual: int, maximum: int, maximum_after_deduction: int, day: date, law: Law) -> Deviation:
    """Return the deviation of a year's actual revenue and the duty of the grantor (Price Notice, part 四).

    (actual − maximum after deduction) ÷ maximum is compared with the line (10 %) in size and without
    rounding: at most the line, the grantor guides actual prices; above it, the grantor adjusts ceilings. With
    a maximum of zero any revenue at all is above the line. Amounts are in fen and in the cap's own tax basis.
    """
    line = law.parameter(DEVIATION_LINE).number(day)
    difference = actual - maximum_after_deduction
    exact = Fraction(difference, maximum) if maximum else None
    above = difference != 0 if exact is None else abs(exact) * 100 > line
    return Deviation(
        difference=difference,
        exact=exact,
        percent=None if exact is None else _percent_text(exact),
        above_line=above,
        line_percent=line,
        duty=Duty.ADJUST_CEILINGS if above else Duty.GUIDE_ACTUAL_PRICES,
    )


def next_cycle_deduction(actual: int, maximum_after_deduction: int) -> int:
    """Return what the next cycle has to deduct: a cycle's revenue above its maximum, in fen.

    Price Notice, part 四. The maximum is that after the cycle's own deduction, else an excess carried in
    would be forgiven. A shortfall is carried nowhere: the Notice does not say so.

    >>> next_cycle_deduction(103_750_000, 100_000_000), next_cycle_deduction(96_250_000, 100_000_000)
    (3750000, 0)
    """
    return max(0, actual - maximum_after_deduction)


def ceilings_sum(sales: Sequence[PlannedSale], maximum: int) -> CeilingsSum:
    """Return what ceilings × planned volumes come to against the maximum (Price Notice, part 三).

    Above the maximum, the grantor needs a recorded reason.

    >>> planned = PlannedSale("a", Decimal("0.50"), per_quantity=1_000_000, planned=1_500_000_000_000)
    >>> ceilings_sum([planned], maximum=70_000_000).above_maximum
    True
    """
    exact = sum((_sale_value(sale) for sale in sales), Fraction(0))
    return CeilingsSum(round_half_up(exact), maximum, exact > maximum)


def _cap_year(figures: YearFigures, rate_percent: Decimal, to_deduct: int) -> CapYear:
    operating_cost = _commercial_cost(figures) - figures.subsidies
    profit = round_half_up(percent_of(operating_cost, rate_percent))
    tax = figures.vat + figures.other_tax
    maximum = operating_cost + profit + tax
    deduction = min(to_deduct, maximum)
    return CapYear(
        year=figures.year,
        operating_cost=operating_cost,
        public_interest_cost=sum(cost.amount for cost in figures.costs) - _commercial_cost(figures),
        permitted_profit_rate_percent=rate_percent,
        permitted_profit=profit,
        tax=tax,
        maximum_permitted_revenue=maximum,
        deduction=deduction,
        maximum_after_deduction=maximum - deduction,
    )


def _commercial_cost(figures: YearFigures) -> int:
    return sum(cost.amount for cost in figures.costs if cost.use == COMMERCIAL_USE)


def _check_markup(figures: CapFigures, day: date, law: Law) -> None:
    limit = law.parameter(MARKUP_LIMIT).number(day)
    if figures.markup_points > limit:
        markup, most = format_rate(figures.markup_points), format_rate(limit)
        message = (
            f"a markup of {markup} percentage points is above the limit of {most} in force on {day} "
            "(Price Notice, 三); lower the markup"
        )
        raise MarkupAboveLimit(message, markup_points=markup, limit_points=most)


def _check_tax_basis(figures: CapFigures) -> None:
    if figures.revenue_basis is not PriceBasis.TAX_EXCLUSIVE:
        return
    errors = {
        f"years.{index}.tax.vat": [f"{format_money(year.vat)} of VAT cannot be part of a tax-exclusive maximum"]
        for index, year in enumerate(figures.years)
        if year.vat
    }
    if errors:
        message = (
            "the basis of this cap is tax_exclusive and holds no value-added tax; "
            "set vat to 0.00, or determine the cap as tax_inclusive"
        )
        raise TaxBasisMismatch(message, errors=errors)


def _check_figures(figures: CapFigures, heads: Sequence[str]) -> None:
    errors: dict[str, list[str]] = {}
    for name in ("bond_yield_percent", "markup_points", "carry_in"):
        if getattr(figures, name) < 0:
            errors[name] = ["must not be negative"]
    if figures.bond_yield_percent > _WHOLE_PERCENT:
        errors["bond_yield_percent"] = [
            f"{format_rate(figures.bond_yield_percent)} % is no bond yield: it is between 0 and {_WHOLE_PERCENT} %"
        ]
    if not figures.years:
        errors["years"] = ["at least one year is needed"]
    seen: set[int] = set()
    for index, year in enumerate(figures.years):
        errors |= _year_errors(year, f"years.{index}", heads)
        if year.year in seen:
            errors[f"years.{index}.year"] = [f"{year.year} is given twice"]
        seen.add(year.year)
    if errors:
        message = "the maximum permitted revenue cannot be determined from these figures"
        raise CapInvalid(message, errors=errors)


def _year_errors(year: YearFigures, path: str, heads: Sequence[str]) -> dict[str, list[str]]:
    amounts = {
        f"{path}.subsidies": year.subsidies,
        f"{path}.tax.vat": year.vat,
        f"{path}.tax.other": year.other_tax,
    }
    errors: dict[str, list[str]] = {}
    for index, cost in enumerate(year.costs):
        amounts[f"{path}.costs.{index}.amount"] = cost.amount
        if cost.head not in heads:
            errors[f"{path}.costs.{index}.head"] = [f"{cost.head!r} is none of: {', '.join(heads)}"]
        if cost.use not in COST_USES:
            errors[f"{path}.costs.{index}.use"] = [f"{cost.use!r} is none of: {', '.join(COST_USES)}"]
    errors |= {field: ["must not be negative"] for field, amount in amounts.items() if amount < 0}
    commercial = _commercial_cost(year)
    if f"{path}.subsidies" not in errors and year.subsidies > commercial:
        problem = (
            f"subsidies of {format_money(year.subsidies)} are more than the commercial cost of "
            f"{format_money(commercial)}, and an operating cost below zero cannot be; "
            "name only what subsidises commercial use"
        )
        errors[f"{path}.subsidies"] = [problem]
    return errors


def _years_later(day: date, years: int) -> date:
    if day.year + years > date.max.year:
        return date.max
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        # 29 February: the first day after the same span of a year that has none.
        return date(day.year + years, 3, 1)


def _percent_text(ratio: Fraction) -> str:
    scaled = round_half_up(ratio * 10 ** (2 + _PERCENT_PLACES))
    return format_scaled(scaled, _PERCENT_PLACES, _PERCENT_PLACES)


def _sale_value(sale: PlannedSale) -> Fraction:
    if sale.per_quantity <= 0:
        message = f"the ceiling of {sale.offering} is per {sale.per_quantity} millionths of a unit, not more than 0"
        raise ValueError(message)
    return Fraction(sale.unit_price) * 100 * sale.planned / sale.per_quantity
