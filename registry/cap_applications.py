"""Applications for a maximum: the way from trial prices to formal ones, once a complete operating year lies behind.

Price Notice 二 and 三. An operator applies with the figures of its cost survey, its price authority evaluates them once
and for all: accepted, with figures of its own or as applied, or returned, after which the operator applies anew. What a
cap then determines is kept with its differences to the application.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import col

from pricing.errors import Conflict, Refusal
from pricing.money import PriceBasis
from pricing.revenue_cap import MARKUP_LIMIT, CapFigures, CapYear, YearFigures, permitted_revenue
from registry.cap_figures import difference_rows, surveyed_year, year_figures
from registry.cap_tables import CapApplicationEvaluation, RevenueCapApplication
from registry.lookup import code_of, missing, party_of_kind
from registry.price_authorities import require_price_authority
from registry.price_rules import hold_prices, require_operating_year
from registry.relations import operators_overseen, overseers_of
from registry.tables import Party, RevenueCap
from store.ids import new_id
from store.unit import Unit

SUBMITTED, RETURNED, ACCEPTED, DETERMINED = "submitted", "returned", "accepted", "determined"


class ApplicationPending(Conflict):
    """A second application while one for the same products is neither returned nor determined."""

    code = "application_pending"


class ApplicationEvaluated(Conflict):
    """An application is evaluated once."""

    code = "application_evaluated"


class ApplicationUsed(Conflict):
    """An application that another determination rests on."""

    code = "application_used"


class ApplicationNotAccepted(Refusal):
    """A determination that names an application which was not accepted, or is for other products."""

    code = "application_not_accepted"


class EvaluationNeedsReasons(Refusal):
    """Accepted figures that are not those applied for, without a reason."""

    code = "evaluation_needs_reasons"


def apply_for_cap(unit: Unit, given: Mapping[str, Any]) -> RevenueCapApplication:
    """Record the calling operator's application to its price authority.

    Raises NotFound, NotPriceAuthority, OperatingYearIncomplete, ApplicationPending, TaxBasisMismatch, CapInvalid.
    """
    operator = unit.session.get_one(Party, unit.principal.party)
    regulator = party_of_kind(unit, given["regulator"], "regulator", "regulator")
    level = given["registration_level"]
    if regulator.id not in overseers_of(unit, operator.id):
        raise missing("regulator", given["regulator"], "regulator")
    hold_prices(unit, operator.id)
    require_price_authority(unit, operator, level, regulator.id)
    complete_on = require_operating_year(unit, operator, level, unit.today, "cost_survey_year")
    _require_none_pending(unit, operator, level)
    years = [year_figures(year) for year in given["years"]]
    reckoned = _without_profit(unit, given["revenue_basis"], years)
    row = RevenueCapApplication(
        id=new_id("rca"),
        operator_id=operator.id,
        regulator_id=regulator.id,
        registration_level=level,
        revenue_basis=given["revenue_basis"],
        cost_survey_year=given["cost_survey_year"],
        years=[_with_costs(surveyed_year(year), reckoned) for year in years],
        statement=given["statement"],
        operating_year_complete_on=complete_on,
        recorded_at=unit.now,
        recorded_by=unit.principal.party,
    )
    unit.session.add(row)
    unit.object_id = row.id
    return row


def evaluate_application(unit: Unit, application_id: str, given: Mapping[str, Any]) -> RevenueCapApplication:
    """Record what the calling price authority finds about an application that was made to it.

    Raises NotFound, ApplicationEvaluated, EvaluationNeedsReasons, TaxBasisMismatch, CapInvalid.
    """
    row = unit.session.get(RevenueCapApplication, application_id)
    if row is None or row.regulator_id != unit.principal.party:
        raise missing("application", application_id)
    hold_prices(unit, row.operator_id)
    if evaluation_of(unit, row.id) is not None:
        raise ApplicationEvaluated(f"application {row.id} was evaluated already, and an evaluation stands")
    accepted = given["accepted_years"]
    if accepted is not None:
        _require_reasons(unit, row, [year_figures(year) for year in accepted], given)
    unit.session.add(
        CapApplicationEvaluation(
            id=new_id("rcv"),
            application_id=row.id,
            regulator_id=unit.principal.party,
            outcome=given["outcome"],
            finding=given["finding"],
            accepted_years=None if accepted is None else [surveyed_year(year_figures(year)) for year in accepted],
            reasons=list(given["reasons"]),
            recorded_at=unit.now,
            recorded_by=unit.principal.party,
        )
    )
    unit.session.flush()
    unit.object_id = row.id
    return row


def accepted_application(
    unit: Unit, application_id: str | None, operator: Party, level: str | None
) -> RevenueCapApplication | None:
    """Return the application that a determination names, None without one.

    Raises NotFound, ApplicationNotAccepted, ApplicationUsed.
    """
    if application_id is None:
        return None
    row = unit.session.get(RevenueCapApplication, application_id)
    if row is None or row.operator_id != operator.id:
        raise missing("application", application_id, "application")
    status = application_status(unit, row)
    if status == DETERMINED:
        raise ApplicationUsed(f"application {row.id} was determined already, and is not determined again")
    if status != ACCEPTED or row.registration_level != level:
        message = (
            f"application {row.id} for {_products(row.registration_level)} is {status}; a determination for "
            f"{_products(level)} rests on one for the same that was accepted"
        )
        raise ApplicationNotAccepted(message, errors={"application": [message]}, status_of_application=status)
    return row


def evaluation_of(unit: Unit, application_id: str) -> CapApplicationEvaluation | None:
    """Return the evaluation of an application, None while there is none."""
    query = select(CapApplicationEvaluation).where(col(CapApplicationEvaluation.application_id) == application_id)
    return unit.session.execute(query).scalar_one_or_none()


def application_status(unit: Unit, row: RevenueCapApplication) -> str:
    """Return ``submitted``, ``returned``, ``accepted`` or ``determined``."""
    evaluation = evaluation_of(unit, row.id)
    if evaluation is None:
        return SUBMITTED
    return DETERMINED if _cap_of(unit, row.id) is not None else evaluation.outcome


def find_application(unit: Unit, application_id: str) -> RevenueCapApplication:
    """Return an application that the caller may read; raises NotFound."""
    query = visible_applications(unit).where(col(RevenueCapApplication.id) == application_id)
    row: RevenueCapApplication | None = unit.session.execute(query).scalar_one_or_none()
    if row is None:
        raise missing("application", application_id)
    return row


def visible_applications(unit: Unit, operator: str | None = None) -> Select[Any]:
    """Return the query of the applications of the operators that the caller is or oversees, of one if named."""
    query: Select[Any] = select(RevenueCapApplication)
    overseen = operators_overseen(unit)
    if overseen is not None:
        query = query.where(col(RevenueCapApplication.operator_id).in_(overseen))
    if operator is not None:
        party = party_of_kind(unit, operator, "operator", "operator")
        query = query.where(col(RevenueCapApplication.operator_id) == party.id)
    return query


def application_document(unit: Unit, row: RevenueCapApplication) -> dict[str, Any]:
    """Return an application as the wire says it, before formatting, with its evaluation and the cap that followed."""
    evaluation = evaluation_of(unit, row.id)
    return {
        **row.model_dump(exclude={"recorded_by"}),
        "operator": code_of(unit, Party, row.operator_id),
        "regulator": code_of(unit, Party, row.regulator_id),
        "status": application_status(unit, row),
        "evaluation": None if evaluation is None else _evaluation_document(evaluation, row),
        "revenue_cap": _cap_of(unit, row.id),
        "currency": "CNY",
        "sandbox": unit.sandbox,
    }


def _evaluation_document(evaluation: CapApplicationEvaluation, row: RevenueCapApplication) -> dict[str, Any]:
    applied = [year_figures(year) for year in row.years]
    accepted = [year_figures(year) for year in evaluation.accepted_years or row.years]
    return {
        **evaluation.model_dump(include={"outcome", "finding", "accepted_years", "reasons", "recorded_at"}),
        "differences": difference_rows(applied, accepted),
    }


def _with_costs(year: dict[str, Any], reckoned: Mapping[int, CapYear]) -> dict[str, Any]:
    found = reckoned[year["year"]]
    return {**year, "operating_cost": found.operating_cost, "public_interest_cost": found.public_interest_cost}


def _without_profit(unit: Unit, basis: str, years: Sequence[YearFigures]) -> Mapping[int, CapYear]:
    """Judge figures as a determination would, and return them by year; the profit rate is the price authority's."""
    figures = CapFigures(PriceBasis(basis), Decimal(0), Decimal(0), tuple(years))
    law_day = unit.law.parameter(MARKUP_LIMIT).known_day(unit.today)
    return {year.year: year for year in permitted_revenue(figures, law_day, unit.law).years}


def _require_reasons(
    unit: Unit, row: RevenueCapApplication, accepted: Sequence[YearFigures], given: Mapping[str, Any]
) -> None:
    _without_profit(unit, row.revenue_basis, accepted)
    changed = difference_rows([year_figures(year) for year in row.years], accepted)
    if changed and not given["reasons"]:
        items = ", ".join(f"{each['item']} of {each['year']}" for each in changed)
        message = f"the accepted figures are not those applied for ({items}): state the reasons"
        raise EvaluationNeedsReasons(message, errors={"reasons": [message]})


def _require_none_pending(unit: Unit, operator: Party, level: str | None) -> None:
    query = select(RevenueCapApplication).where(col(RevenueCapApplication.operator_id) == operator.id)
    for row in unit.session.execute(query).scalars():
        status = application_status(unit, row)
        if row.registration_level == level and status in (SUBMITTED, ACCEPTED):
            message = (
                f"application {row.id} for {_products(level)} is {status}: wait for its evaluation and determination"
            )
            raise ApplicationPending(message, application=row.id, status_of_application=status)


def _cap_of(unit: Unit, application_id: str) -> str | None:
    query = select(col(RevenueCap.id)).where(col(RevenueCap.application_id) == application_id)
    return unit.session.execute(query).scalar_one_or_none()


def _products(level: str | None) -> str:
    return "all products" if level is None else f"{level} products"
