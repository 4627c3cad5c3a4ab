"""Figures of a cap's years between the wire, the columns and the rules: amounts in fen, rates exact text in columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from pricing.cap_figures import differences
from pricing.money import within_money_limit
from pricing.revenue_cap import Cap, CapYear, Cost, YearFigures


def year_figures(year: Mapping[str, Any]) -> YearFigures:
    """Return the surveyed figures of a year as a value, from a body or a column, which say them alike."""
    return YearFigures(
        year=year["year"],
        costs=tuple(Cost(**cost) for cost in year["costs"]),
        subsidies=year["subsidies"],
        vat=year["tax"]["vat"],
        other_tax=year["tax"]["other"],
    )


def surveyed_year(figures: YearFigures) -> dict[str, Any]:
    """Return the surveyed figures of a year as columns and the wire hold them."""
    return {
        "year": figures.year,
        "costs": [asdict(cost) for cost in figures.costs],
        "subsidies": figures.subsidies,
        "tax": {"vat": figures.vat, "other": figures.other_tax},
    }


def stored_years(figures: Iterable[YearFigures], cap: Cap) -> list[dict[str, Any]]:
    """Return what was surveyed and what follows from it as columns hold it, in the order of the years."""
    surveyed = {year.year: year for year in figures}
    return [_stored_year(surveyed[year.year], year) for year in cap.years]


def cap_year(stored: Mapping[str, Any]) -> CapYear:
    """Return a stored year of a determination as a value."""
    derived = {name: stored[name] for name in CapYear.__dataclass_fields__}
    rate_percent = Decimal(stored["permitted_profit_rate_percent"])
    return CapYear(**{**derived, "permitted_profit_rate_percent": rate_percent, "tax": sum(stored["tax"].values())})


def difference_rows(before: Iterable[YearFigures], after: Iterable[YearFigures]) -> list[dict[str, Any]]:
    """Return what differs between two sets of figures, by year and item, as columns and the wire hold it."""
    return [{**asdict(each), "difference": each.difference} for each in differences(before, after)]


def _stored_year(surveyed: YearFigures, year: CapYear) -> dict[str, Any]:
    within_money_limit(year.maximum_permitted_revenue, f"maximum permitted revenue of {year.year}")
    return {
        **asdict(year),
        **surveyed_year(surveyed),
        "permitted_profit_rate_percent": format(year.permitted_profit_rate_percent, "f"),
    }
