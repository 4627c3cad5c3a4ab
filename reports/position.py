"""Where an operator's revenue of a year stands against its maximum: what is used, what is left, where it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from pricing.canonical import sha256_of
from pricing.money import PriceBasis, format_money, format_scaled, round_half_up
from pricing.period import Month, Span, format_instant, year_bounds
from pricing.projection import METHOD, project, straight_line
from reports.frame import Frame, frame_of
from reports.price_register import backdated_rows
from reports.prior_years import prior_year_rows
from reports.revenue import (
    DeterminedYear,
    Revenue,
    determined_years,
    format_amounts,
    revenue_of,
    year_of,
)
from store.unit import Unit

REPORT_VERSION: Final = "2"
_PERCENT_PLACES: Final = 2


@dataclass(frozen=True)
class _Position:
    """A year's revenue, the days that count, and the determination that it is held against, if there is one."""

    frame: Frame
    revenue: Revenue
    days: Span
    year: DeterminedYear | None

    @property
    def basis(self) -> str:
        return self.year.cap.revenue_basis if self.year else PriceBasis.TAX_EXCLUSIVE.value

    @property
    def maximum(self) -> int | None:
        """The maximum after deduction, in fen."""
        return self.year.figures.maximum_after_deduction if self.year else None

    @property
    def months(self) -> list[Month]:
        """The months of service that count, in order."""
        found = [Month.from_date(self.days.start)]
        while self.days.end is not None and found[-1].until < self.days.end:
            found.append(found[-1].next)
        return found

    def amounts(self, days: Span) -> dict[str, int]:
        """The revenue of some days, billed, credited, accrued and actual, in fen."""
        return self.revenue.of(days, self.year.offering_ids if self.year else None).in_basis(self.basis)


def revenue_position(unit: Unit, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return an operator's revenue of a calendar year against its maximum permitted revenue, in wire form.

    ``wanted`` has ``operator``, ``year``, ``registration_level`` and ``as_of``. Revenue is counted as in the compliance
    report. What depends on the maximum is None where none was determined. Raises NotFound for an operator that the
    caller does not oversee, LevelNeeded where the maximum is determined by level and none is named.
    """
    frame = frame_of(unit, wanted["operator"], year_bounds(wanted["year"]), wanted["as_of"])
    year = year_of(determined_years(unit, frame), wanted["year"], wanted["registration_level"])
    position = _Position(frame, revenue_of(unit, frame), year.days if year else frame.period, year)
    amounts = position.amounts(position.days)
    document = {
        "report": "revenue_position",
        "report_version": REPORT_VERSION,
        "operator": frame.operator.code,
        "operator_name": frame.operator.name,
        "year": wanted["year"],
        "registration_level": year.cap.registration_level if year else None,
        "from": position.days.start.isoformat(),
        "until": str(position.days.end),
        "as_of": format_instant(frame.as_of, frame.zone),
        "zone": str(frame.zone),
        "currency": "CNY",
        "revenue_basis": position.basis,
        **format_amounts(amounts),
        **_against_maximum(year, amounts["actual"]),
        "prior_year_lines": prior_year_rows(
            frame, position.revenue.prior_years, position.days, year.offering_ids if year else None
        ),
        "projection": _projection(position),
        "months": _months(position),
        "offerings": _by_offering(position),
        "backdated": backdated_rows(unit, frame),
        "links": {
            "charges": frame.charges(span=position.days),
            **({"revenue_cap": frame.link(f"/revenue-caps/{year.cap.id}")} if year else {}),
        },
        "sandbox": unit.sandbox,
    }
    return {**document, "report_hash": sha256_of(document)}


def percent_used(actual: int | Fraction, maximum: int) -> str | None:
    """Return actual revenue in percent of the maximum, half up to two places for print; None of a maximum of zero.

    >>> percent_used(103_750_000, 100_000_000), percent_used(1, 0) is None
    ('103.75', True)
    """
    if not maximum:
        return None
    scaled = round_half_up(Fraction(actual * 10 ** (2 + _PERCENT_PLACES), maximum))
    return format_scaled(scaled, _PERCENT_PLACES, _PERCENT_PLACES)


def _against_maximum(year: DeterminedYear | None, actual: int) -> dict[str, Any]:
    if year is None:
        return dict.fromkeys(
            (
                "decision_no",
                "maximum_permitted_revenue",
                "deduction",
                "maximum_after_deduction",
                "percent_used",
                "headroom",
            )
        )
    figures = year.figures
    return {
        "decision_no": year.cap.decision_no,
        "maximum_permitted_revenue": format_money(figures.maximum_permitted_revenue),
        "deduction": format_money(figures.deduction),
        "maximum_after_deduction": format_money(figures.maximum_after_deduction),
        "percent_used": percent_used(actual, figures.maximum_after_deduction),
        "headroom": format_money(figures.maximum_after_deduction - actual),
    }


def _projection(position: _Position) -> dict[str, Any] | None:
    """The revenue projected to the end of the year, by the method that it names; None before a month is over."""
    today, months = position.frame.today, position.months
    of_months = [position.amounts(month.span) for month in months if month.until <= today]
    complete = [amounts["actual"] - amounts["prior_year"] for amounts in of_months]
    once = position.amounts(position.days)["prior_year"]
    found = project(complete, len(months), sum(month.first_day > today for month in months), once)
    if found is None:
        return None
    maximum = position.maximum
    return {
        "method": METHOD,
        "months_observed": found.months_observed,
        "months_held": found.months_held,
        "months_not_begun": found.months_not_begun,
        "amount": format_money(round_half_up(found.amount)),
        "percent_of_maximum": None if maximum is None else percent_used(found.amount, maximum),
        "exceeds": None if maximum is None else found.exceeds(maximum),
    }


def _months(position: _Position) -> list[dict[str, Any]]:
    """The series of a chart: each month's revenue, that until its end, and the maximum's straight line until there.

    Of months that have not begun the line alone.
    """
    rows, cumulative, months = [], 0, position.months
    for number, month in enumerate(months, start=1):
        has_begun = month.first_day <= position.frame.today
        actual = position.amounts(month.span)["actual"] if has_begun else 0
        cumulative += actual
        maximum = position.maximum
        share = None if maximum is None else format_money(round_half_up(straight_line(maximum, len(months), number)))
        rows.append(
            {
                "month": str(month),
                "actual": format_money(actual) if has_begun else None,
                "cumulative": format_money(cumulative) if has_begun else None,
                "maximum_share": share,
            }
        )
    return rows


def _by_offering(position: _Position) -> list[dict[str, Any]]:
    frame = position.frame
    held = position.year.offering_ids if position.year else None
    earned = position.revenue.by_offering(position.days)
    rows = []
    for offering_id, offered in frame.offerings.items():
        if offering_id not in earned or (held is not None and offering_id not in held):
            continue
        amounts = earned[offering_id].in_basis(position.basis)
        if any(amounts.values()):
            rows.append(
                {
                    "offering": offered.code,
                    "offering_name": offered.name,
                    **format_amounts(amounts),
                    "links": {"charges": frame.charges(offered.code, position.days)},
                }
            )
    return rows
