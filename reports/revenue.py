"""Actual revenue of service delivered, held against the maximum permitted revenue, by year, cycle and period.

Revenue of a month of service is what bills charged for it, less what credit notes took off those charges, plus the
value of its use that no bill has taken (Price Notice 四). What was billed of months that have not begun is told apart:
it is no revenue yet. Collection and bad debt do not change it. It is counted in the tax basis of the maximum. A year
belongs to a cycle only as far as the cycle reaches. The revenue of a year whose report was filed stays as it was; what
is recorded of it later counts where it is recorded (``reports.prior_years``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlmodel import col

from pricing.errors import Refusal
from pricing.money import PriceBasis, Tax, format_exact, format_money, format_rate, percent_of
from pricing.period import Month, Span, month_of, year_bounds
from pricing.revenue_cap import DEVIATION_LINE, CapYear, Deviation, deviation, next_cycle_deduction
from registry.revenue_caps import cap_years, caps_of, carried_out
from registry.tables import Offering, Product, RevenueCap
from reports.accrual import accrued, credited_line
from reports.frame import Frame, whole_months
from reports.prior_years import PriorYearLine, frozen
from settlement.drafts import ServiceMonth
from settlement.tables import CreditNote, CreditNoteLine, Invoice, InvoiceLine
from store.unit import Unit

_NOTHING = Tax(0, 0, 0)
_DAY = timedelta(days=1)


class LevelNeeded(Refusal):
    """A year whose maximum is determined by registration level, asked for without one."""

    code = "registration_level_needed"


@dataclass(frozen=True)
class Earned:
    """Revenue of some months of service: billed, credited (above zero) and accrued, each with its tax, in fen.

    ``in_advance`` is what was billed, less credits, of months that have not begun; ``prior_year`` is what counts
    with it of years that were reported on before.
    """

    billed: Tax = _NOTHING
    credited: Tax = _NOTHING
    accrued: Tax = _NOTHING
    in_advance: Tax = _NOTHING
    prior_year: Tax = _NOTHING

    def plus(self, other: Earned) -> Earned:
        """The revenue of both."""
        return Earned(
            _sum(self.billed, other.billed),
            _sum(self.credited, other.credited),
            _sum(self.accrued, other.accrued),
            _sum(self.in_advance, other.in_advance),
            _sum(self.prior_year, other.prior_year),
        )

    def negated(self) -> Earned:
        """The same with all signs turned."""
        parts = (self.billed, self.credited, self.accrued, self.in_advance, self.prior_year)
        return Earned(*(_times(tax, -1) for tax in parts))

    @property
    def total(self) -> Tax:
        """All of it: billed less credited, accrued, and of prior years."""
        return _sum(_sum(self.billed, _times(self.credited, -1)), _sum(self.accrued, self.prior_year))

    @property
    def moves_nothing(self) -> bool:
        """Whether it comes to nothing, as where what was accrued is billed."""
        return self.total == _NOTHING

    def as_change(self) -> dict[str, str]:
        """The amounts of a prior-year line, without tax, and what they come to, as wire text."""
        total = self.total
        return {
            **format_amounts({"billed": self.billed.net, "credited": self.credited.net, "accrued": self.accrued.net}),
            **format_amounts({"net": total.net, "tax": total.tax, "gross": total.gross}),
        }

    def in_basis(self, basis: str) -> dict[str, int]:
        """The amounts without or with tax, and the actual revenue that follows."""
        parts = (self.billed, self.credited, self.accrued, self.prior_year)
        billed, credited, waiting, prior = (_amount(tax, basis) for tax in parts)
        return {
            "billed": billed,
            "credited": credited,
            "accrued": waiting,
            "prior_year": prior,
            "actual": billed - credited + waiting + prior,
            "billed_in_advance": _amount(self.in_advance, basis),
        }


@dataclass(frozen=True)
class Revenue:
    """All revenue of an operator as of a moment, by (offering id, service month), and the prior-year lines."""

    by_month: Mapping[ServiceMonth, Earned]
    prior_years: tuple[PriorYearLine, ...] = ()

    def of(self, days: Span, offering_ids: Collection[str] | None = None) -> Earned:
        """The revenue of all service months that a span of days touches, of some offerings if named.

        Prior-year lines count with the months in which they were recorded.
        """
        months = whole_months(days)
        total = Earned()
        for (offering, month), earned in self.by_month.items():
            if (offering_ids is None or offering in offering_ids) and months.contains(Month.parse(month).first_day):
                total = total.plus(earned)
        for line in self.prior_years:
            if (offering_ids is None or line.offering_id in offering_ids) and months.contains(line.counted_on):
                total = total.plus(Earned(prior_year=line.change.total))
        return total

    def by_offering(self, days: Span) -> dict[str, Earned]:
        """The same by offering, of those that have any."""
        months, sums = whole_months(days), dict[str, Earned]()
        for (offering_id, month), earned in self.by_month.items():
            if months.contains(Month.parse(month).first_day):
                sums[offering_id] = sums.get(offering_id, Earned()).plus(earned)
        for line in self.prior_years:
            if months.contains(line.counted_on):
                before = sums.get(line.offering_id, Earned())
                sums[line.offering_id] = before.plus(Earned(prior_year=line.change.total))
        return sums


@dataclass(frozen=True)
class DeterminedYear:
    """A year of a determination: its figures, the days of it that lie in the cycle, and the offerings it stands for.

    ``offering_ids`` is None where the maximum is for all of the operator's products.
    """

    cap: RevenueCap
    figures: CapYear
    days: Span
    offering_ids: frozenset[str] | None

    def amounts(self, revenue: Revenue, days: Span | None = None) -> dict[str, int]:
        """The revenue that counts against the maximum in its tax basis, of the year or of some days of it."""
        return revenue.of(days or self.days, self.offering_ids).in_basis(self.cap.revenue_basis)


def revenue_of(unit: Unit, frame: Frame) -> Revenue:
    """Read the operator's revenue as of the frame's moment, of all months of service."""
    return Revenue(*frozen(unit, frame, lambda moment: _earned(unit, frame, moment)))


def _earned(unit: Unit, frame: Frame, as_of: datetime) -> dict[ServiceMonth, Earned]:
    sums: dict[ServiceMonth, Earned] = defaultdict(Earned)
    running = str(month_of(as_of, frame.zone))
    for key, tax in _billed(unit, frame.operator.id, as_of):
        sums[key] = sums[key].plus(Earned(billed=tax) if key[1] <= running else Earned(in_advance=tax))
    for key, tax in _credited(unit, frame.operator.id, as_of):
        sums[key] = sums[key].plus(Earned(credited=tax) if key[1] <= running else Earned(in_advance=_times(tax, -1)))
    for key, tax in accrued(unit, frame.operator.id, as_of).items():
        sums[key] = sums[key].plus(Earned(accrued=tax))
    return dict(sums)


def determined_years(unit: Unit, frame: Frame) -> list[DeterminedYear]:
    """Return every year for which a maximum was determined by the frame's moment, in order."""
    found = []
    for cap in caps_of(unit, frame.operator.id, frame.as_of):
        offering_ids = _of_level(unit, frame.operator.id, cap.registration_level)
        for figures in cap_years(unit, cap, frame.as_of):
            days = year_bounds(figures.year).intersect(Span(cap.cycle_from, cap.cycle_until))
            if days is not None:
                found.append(DeterminedYear(cap, figures, days, offering_ids))
    return found


def revenue_rows(frame: Frame, revenue: Revenue, years: Sequence[DeterminedYear]) -> list[dict[str, Any]]:
    """Return the revenue of each year and cycle that the period touches, and of the period, as wire rows.

    A year is compared with its maximum where all of it lies in the period, a cycle always as a whole and to date, as
    far as maxima are determined; the period with the sum of the maxima of the years that lie wholly in it, which the
    row names.
    """
    touched = [year for year in years if year.days.overlaps(frame.period)]
    cycles = [[year for year in years if year.cap.id == cap_id] for cap_id in _caps_in_order(touched)]
    return [
        *(_year_row(frame, revenue, year) for year in touched),
        *(_cycle_row(frame, revenue, cycle) for cycle in cycles),
        _period_row(frame, revenue, touched),
    ]


def year_of(years: Iterable[DeterminedYear], year: int, level: str | None) -> DeterminedYear | None:
    """Return a year's determination for the products of a level; without one that for all, or the only one there is.

    Raises LevelNeeded where without a level several could be meant.
    """
    found = {each.cap.registration_level: each for each in years if each.figures.year == year}
    if level is None and None not in found and len(found) > 1:
        levels = sorted(filter(None, found))
        message = f"the maximum of {year} is determined by level: name the registration_level, {' or '.join(levels)}"
        raise LevelNeeded(message, errors={"registration_level": [message]})
    return found.get(level) or (next(iter(found.values()), None) if level is None else None)


def cycle_excess(revenue: Revenue, years: Sequence[DeterminedYear]) -> int:
    """Return what the determined years of one cycle leave to be deducted from the next, in fen (Price Notice 四).

    It is their revenue above their maxima after deduction, and what they could not bear of their own carry-in.
    """
    _, after_deduction = _maxima(years)
    actual = sum(year.amounts(revenue)["actual"] for year in years)
    return next_cycle_deduction(actual, after_deduction) + _carried_over(years)


def deviation_of(frame: Frame, days: Span, actual: int, maximum: int, after_deduction: int) -> Deviation:
    """Return how far revenue lies from a maximum, by the law of the last of its days (Price Notice 四)."""
    last_day = (days.end or date.max) - _DAY
    day = frame.law.parameter(DEVIATION_LINE).known_day(last_day)
    return deviation(actual, maximum, after_deduction, day, frame.law)


def actual_and_maximum(frame: Frame, days: Span, actual: int, maximum: int, after_deduction: int) -> dict[str, Any]:
    """Return the comparison of revenue with a maximum (Price Notice 四); ``provisional`` until its days are over."""
    found = deviation_of(frame, days, actual, maximum, after_deduction)
    return {
        "maximum_permitted_revenue": format_money(maximum),
        "deduction": format_money(maximum - after_deduction),
        "maximum_after_deduction": format_money(after_deduction),
        "compared_actual": format_money(actual),
        "deviation": format_money(found.difference),
        "deviation_percent": found.percent,
        "line_percent": format_rate(found.line_percent),
        "ten_percent_line": format_exact(percent_of(maximum, found.line_percent)),
        "exceeds_line": found.above_line,
        "duty": found.duty.value,
        "provisional": frame.today < (days.end or date.max),
    }


def format_amounts(amounts: Mapping[str, int]) -> dict[str, str]:
    """Return amounts in fen as wire text, under their names."""
    return {name: format_money(fen) for name, fen in amounts.items()}


def _caps_in_order(years: Iterable[DeterminedYear]) -> list[str]:
    return list(dict.fromkeys(year.cap.id for year in years))


def _year_row(frame: Frame, revenue: Revenue, year: DeterminedYear) -> dict[str, Any]:
    is_whole = _is_whole(frame, year)
    days = year.days if is_whole else _common(year.days, frame.period)
    amounts = year.amounts(revenue, days)
    row = _row(frame, "year", days, year.cap.revenue_basis, amounts, year.cap)
    row["year"] = str(year.figures.year)
    if is_whole:
        figures = year.figures
        row |= actual_and_maximum(
            frame, days, amounts["actual"], figures.maximum_permitted_revenue, figures.maximum_after_deduction
        )
        row["compared_years"] = [str(figures.year)]
    return row


def _cycle_row(frame: Frame, revenue: Revenue, years: Sequence[DeterminedYear]) -> dict[str, Any]:
    cap = years[0].cap
    days = Span(cap.cycle_from, cap.cycle_until)
    amounts = revenue.of(days, years[0].offering_ids).in_basis(cap.revenue_basis)
    maximum, after_deduction = _maxima(years)
    compared = sum(year.amounts(revenue)["actual"] for year in years)
    return {
        **_row(frame, "cycle", days, cap.revenue_basis, amounts, cap),
        **actual_and_maximum(frame, days, compared, maximum, after_deduction),
        "compared_years": [str(year.figures.year) for year in years],
        "carried_over": format_money(_carried_over(years)),
        "deduction_proposed": format_money(cycle_excess(revenue, years)),
    }


def _carried_over(years: Sequence[DeterminedYear]) -> int:
    return carried_out(years[0].cap, [year.figures for year in years])


def _period_row(frame: Frame, revenue: Revenue, touched: Sequence[DeterminedYear]) -> dict[str, Any]:
    bases = {year.cap.revenue_basis for year in touched}
    basis = bases.pop() if len(bases) == 1 else PriceBasis.TAX_EXCLUSIVE.value
    whole = [year for year in touched if _is_whole(frame, year)]
    amounts = revenue.of(frame.period).in_basis(basis)
    row = _row(frame, "period", frame.period, basis, amounts, None)
    if whole and not bases:
        maximum, after_deduction = _maxima(whole)
        compared = sum(year.amounts(revenue)["actual"] for year in whole)
        row |= actual_and_maximum(frame, frame.period, compared, maximum, after_deduction)
        row["compared_years"] = sorted({str(year.figures.year) for year in whole})
    return row


def _row(
    frame: Frame, scope: str, days: Span, basis: str, amounts: Mapping[str, int], cap: RevenueCap | None
) -> dict[str, Any]:
    """A row with everything that needs no comparison; what does is None until it is made."""
    return {
        "scope": scope,
        "year": None,
        "from": days.start.isoformat(),
        "until": (days.end or date.max).isoformat(),
        "decision_no": cap.decision_no if cap else None,
        "registration_level": cap.registration_level if cap else None,
        "revenue_basis": basis,
        **format_amounts(amounts),
        **dict.fromkeys(_COMPARED),
        "compared_years": [],
        "links": {
            "charges": frame.charges(span=days),
            **({"revenue_cap": frame.link(f"/revenue-caps/{cap.id}")} if cap else {}),
        },
    }


_COMPARED = (
    "maximum_permitted_revenue",
    "deduction",
    "maximum_after_deduction",
    "compared_actual",
    "deviation",
    "deviation_percent",
    "line_percent",
    "ten_percent_line",
    "exceeds_line",
    "duty",
    "provisional",
    "carried_over",
    "deduction_proposed",
)


def _is_whole(frame: Frame, year: DeterminedYear) -> bool:
    return frame.period.intersect(year.days) == year.days


def _common(days: Span, period: Span) -> Span:
    return days.intersect(period) or days


def _maxima(years: Iterable[DeterminedYear]) -> tuple[int, int]:
    figures = [year.figures for year in years]
    return (
        sum(each.maximum_permitted_revenue for each in figures),
        sum(each.maximum_after_deduction for each in figures),
    )


def _amount(tax: Tax, basis: str) -> int:
    return tax.net if basis == PriceBasis.TAX_EXCLUSIVE else tax.gross


def _sum(one: Tax, other: Tax) -> Tax:
    return Tax(one.net + other.net, one.tax + other.tax, one.gross + other.gross)


def _times(tax: Tax, factor: int) -> Tax:
    return Tax(tax.net * factor, tax.tax * factor, tax.gross * factor)


def _of_level(unit: Unit, operator_id: str, level: str | None) -> frozenset[str] | None:
    """The ids of an operator's offerings of products of a registration level; None for all."""
    if level is None:
        return None
    query = (
        select(col(Offering.id))
        .join(Product, col(Product.id) == col(Offering.product_id))
        .where(col(Offering.operator_id) == operator_id, col(Product.registration_level) == level)
    )
    return frozenset(unit.session.execute(query).scalars())


def _billed(unit: Unit, operator_id: str, as_of: datetime) -> Iterable[tuple[ServiceMonth, Tax]]:
    key = (col(InvoiceLine.offering_id), col(InvoiceLine.service_month))
    query: Any = (
        select(*key, *(func.sum(col(getattr(InvoiceLine, name))) for name in ("net", "tax", "gross")))
        .join(Invoice, col(Invoice.id) == col(InvoiceLine.invoice_id))
        .where(col(Invoice.operator_id) == operator_id, col(Invoice.recorded_at) <= as_of)
        .group_by(*key)
    )
    return _taxes(unit, query)


def _credited(unit: Unit, operator_id: str, as_of: datetime) -> Iterable[tuple[ServiceMonth, Tax]]:
    key = (col(InvoiceLine.offering_id), col(InvoiceLine.service_month))
    query: Any = (
        select(*key, *(func.sum(col(getattr(CreditNoteLine, name))) for name in ("net", "tax", "gross")))
        .select_from(CreditNoteLine)
        .join(CreditNote, col(CreditNote.id) == col(CreditNoteLine.credit_note_id))
        .join(InvoiceLine, credited_line())
        .where(col(CreditNote.operator_id) == operator_id, col(CreditNote.recorded_at) <= as_of)
        .group_by(*key)
    )
    return _taxes(unit, query)


def _taxes(unit: Unit, query: Any) -> Iterable[tuple[ServiceMonth, Tax]]:
    for offering_id, month, net, tax, gross in unit.connection.execute(query):
        yield (offering_id, month), Tax(int(net), int(tax), int(gross))
