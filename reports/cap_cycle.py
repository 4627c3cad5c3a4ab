"""What a closed cycle leaves to the next one, and a year as the price authority evaluates it (Price Notice 四).

Both are read as of a moment that the horizon covers, before the use case that records what follows from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pricing.errors import NotFound
from pricing.money import format_money
from pricing.period import format_instant, year_bounds
from registry.revenue_caps import Carried, cycles_before
from registry.revenue_evaluations import YearCompared
from registry.tables import RevenueCap
from reports.frame import Frame, frame_of
from reports.revenue import (
    DeterminedYear,
    Revenue,
    actual_and_maximum,
    cycle_excess,
    determined_years,
    deviation_of,
    format_amounts,
    revenue_of,
    year_of,
)
from store.horizon import reached
from store.unit import Unit


def carried_into(unit: Unit, given: Mapping[str, Any]) -> Carried:
    """Return what the closed cycles leave that a determination follows, as of the horizon.

    Nothing for an operator that the caller does not oversee: the determination then says so.
    """
    try:
        frame = frame_of(unit, given["operator"], year_bounds(given["cycle_from"].year), reached(unit))
    except NotFound:
        return Carried()
    cycles = _cycles(unit, frame, given["registration_level"], given["cycle_from"])
    if not cycles:
        return Carried()
    revenue = revenue_of(unit, frame)
    amount = sum(cycle_excess(revenue, years) for _, years in cycles)
    return Carried(amount, tuple(cap.id for cap, _ in cycles))


def next_carry_in(unit: Unit, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a cycle from ``cycle_from`` on has to carry in, cycle by cycle that it follows, in wire form.

    ``wanted`` has ``operator``, ``cycle_from``, ``registration_level`` and ``as_of``. Raises NotFound.
    """
    frame = frame_of(unit, wanted["operator"], year_bounds(wanted["cycle_from"].year), wanted["as_of"])
    cycles = _cycles(unit, frame, wanted["registration_level"], wanted["cycle_from"])
    revenue = revenue_of(unit, frame)
    return {
        "operator": frame.operator.code,
        "registration_level": wanted["registration_level"],
        "cycle_from": wanted["cycle_from"],
        "as_of": format_instant(frame.as_of, frame.zone),
        "carry_in": format_money(sum(cycle_excess(revenue, years) for _, years in cycles)),
        "cycles": [_cycle_document(frame, revenue, cap, years) for cap, years in cycles],
        "currency": "CNY",
        "sandbox": unit.sandbox,
    }


def compared_year(unit: Unit, given: Mapping[str, Any]) -> YearCompared | None:
    """Return an operator's year against its maximum as of the horizon; None where there is nothing to compare.

    Also for an operator that the caller does not oversee: the evaluation then says so. Raises LevelNeeded.
    """
    try:
        frame = frame_of(unit, given["operator"], year_bounds(given["year"]), reached(unit))
    except NotFound:
        return None
    year = year_of(determined_years(unit, frame), given["year"], given["registration_level"])
    return None if year is None else _compared(frame, revenue_of(unit, frame), year)


def _compared(frame: Frame, revenue: Revenue, year: DeterminedYear) -> YearCompared:
    amounts, figures = year.amounts(revenue), year.figures
    maxima = (figures.maximum_permitted_revenue, figures.maximum_after_deduction)
    found = deviation_of(frame, year.days, amounts["actual"], *maxima)
    duty = found.duty.value if found.difference else None
    document = {
        "registration_level": year.cap.registration_level,
        "decision_no": year.cap.decision_no,
        "from": year.days.start.isoformat(),
        "until": str(year.days.end),
        "revenue_basis": year.cap.revenue_basis,
        **format_amounts(amounts),
        **actual_and_maximum(frame, year.days, amounts["actual"], *maxima),
        "deviation_exact": None if found.exact is None else str(found.exact),
        "duty": duty,
    }
    del document["compared_actual"], document["provisional"]
    return YearCompared(year.cap.id, year.days, frame.as_of, duty, document)


def _cycles(
    unit: Unit, frame: Frame, level: str | None, cycle_from: date
) -> list[tuple[RevenueCap, list[DeterminedYear]]]:
    """The closed cycles that one from a day on follows, with the years determined by the moment."""
    years = determined_years(unit, frame)
    found = []
    for cap in cycles_before(unit, frame.operator.id, level, cycle_from, frame.as_of):
        of_cap = [year for year in years if year.cap.id == cap.id]
        if of_cap:
            found.append((cap, of_cap))
    return found


def _cycle_document(frame: Frame, revenue: Revenue, cap: RevenueCap, years: Sequence[DeterminedYear]) -> dict[str, Any]:
    return {
        "revenue_cap": cap.id,
        "decision_no": cap.decision_no,
        "registration_level": cap.registration_level,
        "cycle_from": cap.cycle_from,
        "cycle_until": cap.cycle_until,
        "actual": format_money(sum(year.amounts(revenue)["actual"] for year in years)),
        "maximum_after_deduction": format_money(sum(year.figures.maximum_after_deduction for year in years)),
        "leaves": format_money(cycle_excess(revenue, years)),
        "links": {"revenue_cap": frame.link(f"/revenue-caps/{cap.id}")},
    }
