"""Maximum permitted revenue: the price authority's determination for a cycle, and what it allows in a year.

A determination stands for the products of one registration level, or for all. Years may be determined later than the
cap: their figures are added, nothing is rewritten. Stored amounts are integers of fen, rates exact text, as everywhere
in stored documents.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Select, select
from sqlmodel import col

from pricing.errors import Conflict, Refusal
from pricing.money import PriceBasis, format_money
from pricing.parameters import Law
from pricing.period import Span, day_of
from pricing.revenue_cap import (
    MARKUP_LIMIT,
    CapFigures,
    CapYear,
    SpreadShare,
    YearFigures,
    check_cycle,
    check_spread,
    permitted_revenue,
)
from registry.cap_applications import accepted_application
from registry.cap_figures import cap_year, difference_rows, stored_years, year_figures
from registry.cap_tables import CapYearsAddition, RevenueCapApplication
from registry.lookup import code_of, missing, party_of_kind
from registry.price_authorities import require_price_authority
from registry.price_rules import hold_prices, require_operating_year
from registry.prices import OverlappingVersion
from registry.relations import operators_overseen
from registry.tables import Party, RevenueCap
from store.ids import new_id
from store.unit import Unit

_SURVEY: Final = ("cost_survey_year", "bond_yield_percent", "bond_yield_source", "markup_points", "cycle_reason")


class CarryInDiffers(Refusal):
    """A cap that carries in something else than the cycle before left, without a recorded reason (Price Notice 四)."""

    code = "carry_in_differs"


class CapsChanged(Conflict):
    """Another determination came between the reckoning of what the cycle before left and this one."""

    code = "caps_changed"


@dataclass(frozen=True)
class Carried:
    """What closed cycles leave to the one that follows, in fen, and the caps (ids) that they were determined by."""

    amount: int = 0
    cap_ids: tuple[str, ...] = ()


def determine_cap(unit: Unit, given: Mapping[str, Any], carried: Carried) -> RevenueCap:
    """Record the calling price authority's determination of an operator's maximum permitted revenue for a cycle.

    ``carried`` is what the cycles that it follows leave. Price Notice 三 and 四. Raises NotFound, NotPriceAuthority,
    OperatingYearIncomplete, MarkupAboveLimit, TaxBasisMismatch, CapInvalid, TermNeedsReason, OverlappingVersion,
    CarryInDiffers, DeductionSpreadMismatch, ApplicationNotAccepted, ApplicationUsed, CapsChanged, AmountTooLarge.
    """
    operator, level = _overseen_operator(unit, given["operator"]), given["registration_level"]
    hold_prices(unit, operator.id)
    require_price_authority(unit, operator, level, unit.principal.party)
    decided_on = min(given["decided_on"], unit.today)  # a date ahead makes nothing lawful earlier
    require_operating_year(unit, operator, level, decided_on, "decided_on")
    day = _law_day(unit.law, decided_on)
    cycle = (given["cycle_from"], given["cycle_until"])
    years = [year_figures(year) for year in given["years"]]
    # A year of the cycle may still be without figures: until they are determined, reports say that there is no maximum.
    check_cycle(*cycle, [year.year for year in years], given["cycle_reason"], unit.law, day)
    require_free_years(unit, operator, level, Span(*cycle), [year.year for year in years])
    carry_in = _carry_in(unit, operator, given, carried)
    spread = _spread(given, carry_in)
    application = accepted_application(unit, given["application"], operator, level)
    cap = permitted_revenue(_figures(given, years, carry_in, spread), day, unit.law)
    row = RevenueCap(
        id=new_id("cap"),
        operator_id=operator.id,
        regulator_id=unit.principal.party,
        decision_no=given["decision_no"],
        decided_on=given["decided_on"],
        cycle_from=given["cycle_from"],
        cycle_until=given["cycle_until"],
        revenue_basis=given["revenue_basis"],
        registration_level=level,
        application_id=None if application is None else application.id,
        determination=_determination(unit, given, carry_in, carried, application, years),
        years=stored_years(years, cap),
        recorded_at=unit.now,
        recorded_by=unit.principal.party,
    )
    unit.session.add(row)
    unit.object_id = row.id
    return row


def determine_later_years(unit: Unit, cap_id: str, given: Mapping[str, Any]) -> RevenueCap:
    """Record the figures of years of a cycle that had none: with the cap's profit rate, and what is still to deduct.

    Years determined before stay as they are. Raises NotFound, NotPriceAuthority, TaxBasisMismatch, CapInvalid,
    OverlappingVersion, AmountTooLarge.
    """
    row = find_cap(unit, cap_id)
    operator = unit.session.get_one(Party, row.operator_id)
    hold_prices(unit, operator.id)
    require_price_authority(unit, operator, row.registration_level, unit.principal.party)
    day = _law_day(unit.law, min(given["decided_on"], unit.today))
    years = [year_figures(year) for year in given["years"]]
    reason = row.determination["cycle_reason"]
    check_cycle(row.cycle_from, row.cycle_until, [year.year for year in years], reason, unit.law, day)
    require_free_years(unit, operator, row.registration_level, None, [year.year for year in years])
    cap = permitted_revenue(_later_figures(unit, row, years), day, unit.law)
    addition = CapYearsAddition(
        id=new_id("cay"),
        cap_id=row.id,
        decision_no=given["decision_no"],
        decided_on=given["decided_on"],
        years=stored_years(years, cap),
        rule_set=_rule_set(unit.law),
        recorded_at=unit.now,
        recorded_by=unit.principal.party,
    )
    unit.session.add(addition)
    unit.session.flush()
    unit.object_id = row.id
    unit.detail = {"addition": addition.id}
    return row


def require_free_years(
    unit: Unit, operator: Party, level: str | None, cycle: Span | None, years: Iterable[int]
) -> None:
    """No day and no year of an operator has two maxima for the same products; raises OverlappingVersion.

    ``cycle`` is that of a new determination, None where years are added to one that there is.
    """
    wanted = set(years)
    for other in caps_of(unit, operator.id):
        if not levels_meet(level, other.registration_level):
            continue
        shared = sorted(wanted & {year.year for year in cap_years(unit, other)})
        if not shared and (cycle is None or not cycle.overlaps(Span(other.cycle_from, other.cycle_until))):
            continue
        message = (
            f"decision {other.decision_no} determines the maximum of {operator.code}{_for_level(other)} from "
            f"{other.cycle_from} until {other.cycle_until} already"
            + (f", and the year {', '.join(map(str, shared))} is in both" if shared else "")
            + ("; choose a cycle that begins after it" if cycle else "; what was determined is not determined again")
        )
        field = "cycle_from" if cycle else "years"
        raise OverlappingVersion(message, errors={field: [message]}, overlaps=other.id)


def levels_meet(one: str | None, other: str | None) -> bool:
    """Say whether two registration levels have products in common; None stands for all of them.

    >>> levels_meet("national", "local"), levels_meet("national", None), levels_meet("local", "local")
    (False, True, True)
    """
    return one is None or other is None or one == other


def cycles_before(
    unit: Unit, operator_id: str, level: str | None, cycle_from: date, as_of: datetime | None = None
) -> list[RevenueCap]:
    """Return the determinations of closed cycles that a cycle from ``cycle_from`` on takes over from, as of a moment.

    They are those for its products that no determination has taken over from: a cycle that still ran when the next one
    was determined comes in when it is closed, with the one after that.
    """
    caps, today = caps_of(unit, operator_id, as_of), day_of(as_of or unit.now, unit.zone)
    taken_over = {cap_id for row in caps for cap_id in row.determination["carried_from"]}
    return [
        row
        for row in caps
        if row.cycle_until <= min(cycle_from, today)
        and levels_meet(level, row.registration_level)
        and row.id not in taken_over
    ]


def caps_of(unit: Unit, operator_id: str, as_of: datetime | None = None) -> Sequence[RevenueCap]:
    """Return an operator's determinations in the order of their cycles, without those recorded after ``as_of``."""
    query = select(RevenueCap).where(col(RevenueCap.operator_id) == operator_id)
    if as_of is not None:
        query = query.where(col(RevenueCap.recorded_at) <= as_of)
    return unit.session.execute(query.order_by(col(RevenueCap.cycle_from), col(RevenueCap.id))).scalars().all()


def cap_on(unit: Unit, operator_id: str, year: int, level: str) -> tuple[RevenueCap, CapYear] | None:
    """Return the determination that holds a calendar year for products of a level, with that year; None without one."""
    for row in caps_of(unit, operator_id):
        if not levels_meet(row.registration_level, level):
            continue
        found = next((each for each in cap_years(unit, row) if each.year == year), None)
        if found is not None:
            return row, found
    return None


def cap_years(unit: Unit, row: RevenueCap, as_of: datetime | None = None) -> list[CapYear]:
    """Return the years of a determination as values, amounts in fen, with those that were added by ``as_of``."""
    return [cap_year(stored) for stored in _stored(unit, row, as_of)]


def carried_out(row: RevenueCap, years: Iterable[CapYear]) -> int:
    """Return what the years of a determination could not bear, or not yet, of what it carried in, in fen."""
    return int(row.determination["carry_in"]) - sum(year.deduction for year in years)


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
    """Return a determination as the wire says it, before formatting, with the years that were added to it."""
    determination = row.determination
    additions = _additions(unit, row)
    return {
        **row.model_dump(exclude={"determination", "years", "recorded_by", "application_id"}),
        **determination,
        "bond_yield_percent": Decimal(determination["bond_yield_percent"]),
        "markup_points": Decimal(determination["markup_points"]),
        "application": row.application_id,
        "operator": code_of(unit, Party, row.operator_id),
        "regulator": code_of(unit, Party, row.regulator_id),
        "years": [
            {**year, "permitted_profit_rate_percent": Decimal(year["permitted_profit_rate_percent"])}
            for year in _stored(unit, row)
        ],
        "carry_out": carried_out(row, cap_years(unit, row)),
        "additions": [
            {
                **addition.model_dump(include={"id", "decision_no", "decided_on", "recorded_at"}),
                "years": [year["year"] for year in addition.years],
                **addition.rule_set,
            }
            for addition in additions
        ],
        "currency": "CNY",
        "sandbox": unit.sandbox,
    }


def _overseen_operator(unit: Unit, ref: str) -> Party:
    operator = party_of_kind(unit, ref, "operator", "operator")
    if operator.id not in (operators_overseen(unit) or []):
        raise missing("operator", ref, "operator")
    return operator


def _additions(unit: Unit, row: RevenueCap, as_of: datetime | None = None) -> Sequence[CapYearsAddition]:
    query = select(CapYearsAddition).where(col(CapYearsAddition.cap_id) == row.id)
    if as_of is not None:
        query = query.where(col(CapYearsAddition.recorded_at) <= as_of)
    return unit.session.execute(query.order_by(col(CapYearsAddition.id))).scalars().all()


def _stored(unit: Unit, row: RevenueCap, as_of: datetime | None = None) -> list[dict[str, Any]]:
    """The stored years of a determination and of what was added to it, in the order of the calendar."""
    years = [*row.years, *(year for addition in _additions(unit, row, as_of) for year in addition.years)]
    return sorted(years, key=lambda year: int(year["year"]))


def _law_day(law: Law, decided_on: date) -> date:
    """The day whose law judges a decision: a decision dated before the Notice was in force is applied under it too."""
    return law.parameter(MARKUP_LIMIT).known_day(decided_on)


def _for_level(row: RevenueCap) -> str:
    return "" if row.registration_level is None else f" for its {row.registration_level} products"


def _carry_in(unit: Unit, operator: Party, given: Mapping[str, Any], carried: Carried) -> int:
    """What is carried in: as stated, else what the cycles before left; another amount than that needs a reason."""
    before = cycles_before(unit, operator.id, given["registration_level"], given["cycle_from"])
    if {row.id for row in before} != set(carried.cap_ids):
        raise CapsChanged("another determination was recorded at the same time; send the request again")
    stated: int | None = given["carry_in"]
    if stated is None:
        return carried.amount
    if before and stated != carried.amount and given["carry_in_reason"] is None:
        said, left = format_money(stated), format_money(carried.amount)
        decisions = ", ".join(row.decision_no for row in before)
        message = (
            f"the figures of the closed cycle (decision {decisions}) leave {left} to be deducted, and carry_in says "
            f"{said}: leave carry_in out to take it over, or state the carry_in_reason"
        )
        raise CarryInDiffers(message, errors={"carry_in": [message]}, carry_in=said, closed_cycle_leaves=left)
    return stated


def _spread(given: Mapping[str, Any], carry_in: int) -> tuple[SpreadShare, ...]:
    decision = given["deduction_spread"]
    if decision is None:
        return ()
    spread = tuple(SpreadShare(**share) for share in decision["years"])
    check_spread(spread, carry_in, given["cycle_from"], given["cycle_until"])
    return spread


def _figures(
    given: Mapping[str, Any], years: Iterable[YearFigures], carry_in: int, spread: tuple[SpreadShare, ...]
) -> CapFigures:
    return CapFigures(
        revenue_basis=PriceBasis(given["revenue_basis"]),
        bond_yield_percent=given["bond_yield_percent"],
        markup_points=given["markup_points"],
        years=tuple(years),
        carry_in=carry_in,
        spread=spread,
    )


def _later_figures(unit: Unit, row: RevenueCap, years: Iterable[YearFigures]) -> CapFigures:
    """The figures of years to add, under the cap's own rate, less what its years have borne already."""
    determination = row.determination
    spread = determination["deduction_spread"]
    return CapFigures(
        revenue_basis=PriceBasis(row.revenue_basis),
        bond_yield_percent=Decimal(determination["bond_yield_percent"]),
        markup_points=Decimal(determination["markup_points"]),
        years=tuple(years),
        carry_in=determination["carry_in"],
        spread=tuple(SpreadShare(**share) for share in spread["years"]) if spread else (),
        deducted=sum(year.deduction for year in cap_years(unit, row)),
    )


def _determination(
    unit: Unit,
    given: Mapping[str, Any],
    carry_in: int,
    carried: Carried,
    application: RevenueCapApplication | None,
    years: Iterable[YearFigures],
) -> dict[str, object]:
    applied = None if application is None else [year_figures(year) for year in application.years]
    return {
        **{name: given[name] for name in _SURVEY},
        "bond_yield_percent": format(given["bond_yield_percent"], "f"),
        "markup_points": format(given["markup_points"], "f"),
        "carry_in": carry_in,
        "carry_in_reason": given["carry_in_reason"],
        "closed_cycle_leaves": carried.amount if carried.cap_ids else None,
        "carried_from": list(carried.cap_ids),
        "deduction_spread": given["deduction_spread"],
        "application_differences": None if applied is None else difference_rows(applied, years),
        **_rule_set(unit.law),
    }


def _rule_set(law: Law) -> dict[str, str]:
    return {"rule_set_version": law.version, "rule_set_sha256": law.digest()}
