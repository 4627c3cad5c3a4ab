"""Maximum permitted revenue: the price authority's determination for a cycle, and what it allows in a year.

Stored amounts are integers of fen, rates exact text, as everywhere in stored documents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import col

from pricing.money import PriceBasis, within_money_limit
from pricing.parameters import Law
from pricing.period import Span
from pricing.revenue_cap import (
    MARKUP_LIMIT,
    Cap,
    CapFigures,
    CapYear,
    Cost,
    YearFigures,
    check_cycle,
    permitted_revenue,
)
from registry.lookup import code_of, missing, party_of_kind
from registry.price_rules import hold_prices
from registry.prices import OverlappingVersion
from registry.relations import operators_overseen
from registry.tables import Party, RevenueCap
from store.ids import new_id
from store.unit import Unit

_SURVEY = ("cost_survey_year", "bond_yield_percent", "bond_yield_source", "markup_points", "carry_in", "cycle_reason")


def determine_cap(unit: Unit, given: Mapping[str, Any]) -> RevenueCap:
    """Record the calling price authority's determination of an operator's maximum permitted revenue for a cycle.

    Price Notice 三 and 四. Raises NotFound, MarkupAboveLimit, TaxBasisMismatch, CapInvalid, TermNeedsReason,
    OverlappingVersion, AmountTooLarge.
    """
    operator = party_of_kind(unit, given["operator"], "operator", "operator")
    if operator.id not in (operators_overseen(unit) or []):
        raise missing("operator", given["operator"], "operator")
    hold_prices(unit, operator.id)
    law = unit.law
    day = _law_day(law, given["decided_on"])
    # A year of the cycle may still be without figures: until they are determined, reports say that there is no maximum.
    check_cycle(
        given["cycle_from"],
        given["cycle_until"],
        [year["year"] for year in given["years"]],
        given["cycle_reason"],
        law,
        day,
    )
    _require_free_cycle(unit, operator, given)
    figures = _figures(given)
    cap = permitted_revenue(figures, day, law)
    row = RevenueCap(
        id=new_id("cap"),
        operator_id=operator.id,
        regulator_id=unit.principal.party,
        decision_no=given["decision_no"],
        decided_on=given["decided_on"],
        cycle_from=given["cycle_from"],
        cycle_until=given["cycle_until"],
        revenue_basis=given["revenue_basis"],
        determination=_determination(given, cap, law),
        years=_stored_years(figures, cap),
        recorded_at=unit.now,
        recorded_by=unit.principal.party,
    )
    unit.session.add(row)
    unit.object_id = row.id
    return row


def caps_of(unit: Unit, operator_id: str, as_of: datetime | None = None) -> Sequence[RevenueCap]:
    """Return an operator's determinations in the order of their cycles, without those recorded after ``as_of``."""
    query = select(RevenueCap).where(col(RevenueCap.operator_id) == operator_id)
    if as_of is not None:
        query = query.where(col(RevenueCap.recorded_at) <= as_of)
    return unit.session.execute(query.order_by(col(RevenueCap.cycle_from))).scalars().all()


def cap_on(unit: Unit, operator_id: str, year: int, as_of: datetime | None = None) -> tuple[RevenueCap, CapYear] | None:
    """Return the determination that holds a calendar year, with that year; None where there is none."""
    for row in caps_of(unit, operator_id, as_of):
        found = next((cap_year for cap_year in cap_years(row) if cap_year.year == year), None)
        if found is not None:
            return row, found
    return None


def cap_years(row: RevenueCap) -> list[CapYear]:
    """Return the years of a determination as values, amounts in fen."""
    return [_cap_year(stored) for stored in row.years]


def find_cap(unit: Unit, cap_id: str) -> RevenueCap:
    """Return a determination about an operator that the caller oversees or is; raises NotFound."""
    row = unit.session.get(RevenueCap, cap_id)
    overseen = operators_overseen(unit)
    if row is None or (overseen is not None and row.operator_id not in overseen):
        raise missing("revenue cap", cap_id)
    return row


def visible_caps(unit: Unit, operator: str | None) -> Select[Any]:
    """Return the query of the determinations that the caller may read, of one operator if named."""
    query: Select[Any] = select(RevenueCap)
    overseen = operators_overseen(unit)
    if overseen is not None:
        query = query.where(col(RevenueCap.operator_id).in_(overseen))
    if operator is not None:
        query = query.where(col(RevenueCap.operator_id) == party_of_kind(unit, operator, "operator", "operator").id)
    return query


def cap_document(unit: Unit, row: RevenueCap) -> dict[str, Any]:
    """Return a determination as the wire says it, before formatting."""
    determination = row.determination
    return {
        **row.model_dump(exclude={"determination", "years", "recorded_by"}),
        **determination,
        "bond_yield_percent": Decimal(determination["bond_yield_percent"]),
        "markup_points": Decimal(determination["markup_points"]),
        "operator": code_of(unit, Party, row.operator_id),
        "regulator": code_of(unit, Party, row.regulator_id),
        "years": [
            {**year, "permitted_profit_rate_percent": Decimal(year["permitted_profit_rate_percent"])}
            for year in row.years
        ],
        "currency": "CNY",
        "sandbox": unit.sandbox,
    }


def _law_day(law: Law, decided_on: date) -> date:
    """The day whose law judges a decision: a decision dated before the Notice was in force is applied under it too."""
    return max(decided_on, law.parameter(MARKUP_LIMIT).text.values[0].effective_from)


def _require_free_cycle(unit: Unit, operator: Party, given: Mapping[str, Any]) -> None:
    """No day and no year of an operator has two maxima; raises OverlappingVersion."""
    cycle = Span(given["cycle_from"], given["cycle_until"])
    years = {year["year"] for year in given["years"]}
    for other in caps_of(unit, operator.id):
        shared = sorted(years & {year["year"] for year in other.years})
        if not shared and not cycle.overlaps(Span(other.cycle_from, other.cycle_until)):
            continue
        message = (
            f"decision {other.decision_no} determines the maximum of {operator.code} from {other.cycle_from} until "
            f"{other.cycle_until} already"
            + (f", and the year {', '.join(map(str, shared))} is in both" if shared else "")
            + "; choose a cycle that begins after it"
        )
        raise OverlappingVersion(message, errors={"cycle_from": [message]}, overlaps=other.id)


def _figures(given: Mapping[str, Any]) -> CapFigures:
    return CapFigures(
        revenue_basis=PriceBasis(given["revenue_basis"]),
        bond_yield_percent=given["bond_yield_percent"],
        markup_points=given["markup_points"],
        years=tuple(
            YearFigures(
                year=year["year"],
                costs=tuple(Cost(**cost) for cost in year["costs"]),
                subsidies=year["subsidies"],
                vat=year["tax"]["vat"],
                other_tax=year["tax"]["other"],
            )
            for year in given["years"]
        ),
        carry_in=given["carry_in"],
    )


def _determination(given: Mapping[str, Any], cap: Cap, law: Law) -> dict[str, object]:
    stored = {name: given[name] for name in _SURVEY}
    return {
        **stored,
        "bond_yield_percent": format(given["bond_yield_percent"], "f"),
        "markup_points": format(given["markup_points"], "f"),
        "carry_out": cap.carry_out,
        "rule_set_version": law.version,
        "rule_set_sha256": law.digest(),
    }


def _stored_years(figures: CapFigures, cap: Cap) -> list[dict[str, object]]:
    """What was surveyed and what follows from it, year by year in the order of the calendar."""
    surveyed = {year.year: year for year in figures.years}
    return [_stored_year(surveyed[year.year], year) for year in cap.years]


def _stored_year(surveyed: YearFigures, year: CapYear) -> dict[str, object]:
    within_money_limit(year.maximum_permitted_revenue, f"maximum permitted revenue of {year.year}")
    return {
        **asdict(year),
        "permitted_profit_rate_percent": format(year.permitted_profit_rate_percent, "f"),
        "costs": [asdict(cost) for cost in surveyed.costs],
        "subsidies": surveyed.subsidies,
        "tax": {"vat": surveyed.vat, "other": surveyed.other_tax},
    }


def _cap_year(stored: Mapping[str, Any]) -> CapYear:
    derived = {name: stored[name] for name in CapYear.__dataclass_fields__}
    rate_percent = Decimal(stored["permitted_profit_rate_percent"])
    return CapYear(**{**derived, "permitted_profit_rate_percent": rate_percent, "tax": sum(stored["tax"].values())})
