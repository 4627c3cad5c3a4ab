"""Where an operator's revenue of a year stands against its maximum: how much of it is used, and how much is left."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

from pricing.canonical import sha256_of
from pricing.money import PriceBasis, format_money, format_scaled, round_half_up
from pricing.period import format_instant, year_bounds
from reports.frame import Frame, frame_of
from reports.price_register import backdated_rows
from reports.prior_years import prior_year_rows
from reports.revenue import DeterminedYear, Revenue, determined_years, format_amounts, revenue_of
from store.unit import Unit

REPORT_VERSION: Final = "1"
_PERCENT_PLACES: Final = 2


def revenue_position(unit: Unit, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return an operator's revenue of a calendar year against its maximum permitted revenue, in wire form.

    ``wanted`` has ``operator``, ``year`` and ``as_of``. Revenue is counted as in the compliance report. What depends
    on the maximum is None where none was determined. Raises NotFound for an operator that the caller does not oversee.
    """
    frame = frame_of(unit, wanted["operator"], year_bounds(wanted["year"]), wanted["as_of"])
    year = next((each for each in determined_years(unit, frame) if each.figures.year == wanted["year"]), None)
    revenue = revenue_of(unit, frame)
    days = year.days if year else frame.period
    basis = year.cap.revenue_basis if year else PriceBasis.TAX_EXCLUSIVE.value
    amounts = revenue.of(days).in_basis(basis)
    position = {
        "report": "revenue_position",
        "report_version": REPORT_VERSION,
        "operator": frame.operator.code,
        "year": wanted["year"],
        "from": days.start.isoformat(),
        "until": str(days.end),
        "as_of": format_instant(frame.as_of, frame.zone),
        "zone": str(frame.zone),
        "currency": "CNY",
        "revenue_basis": basis,
        **format_amounts(amounts),
        **_against_maximum(year, amounts["actual"]),
        "prior_year_lines": prior_year_rows(frame, revenue.prior_years, days),
        "offerings": _by_offering(frame, revenue, year, basis),
        "backdated": backdated_rows(unit, frame),
        "links": {
            "charges": frame.charges(span=days),
            **({"revenue_cap": frame.link(f"/revenue-caps/{year.cap.id}")} if year else {}),
        },
        "sandbox": unit.sandbox,
    }
    return {**position, "report_hash": sha256_of(position)}


def percent_used(actual: int, maximum: int) -> str | None:
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


def _by_offering(frame: Frame, revenue: Revenue, year: DeterminedYear | None, basis: str) -> list[dict[str, Any]]:
    days = year.days if year else frame.period
    rows = []
    for offering_id, offered in frame.offerings.items():
        amounts = revenue.of(days, offering_id).in_basis(basis)
        if any(amounts.values()):
            rows.append(
                {
                    "offering": offered.code,
                    "offering_name": offered.name,
                    **format_amounts(amounts),
                    "links": {"charges": frame.charges(offered.code, days)},
                }
            )
    return rows
