"""The price authority's evaluation of a year: its revenue against the maximum, and the duties that a deviation raises.

Price Notice 四. A year is evaluated once, when its days are over; its figures are frozen as of the moment at which they
were read. No deviation at all raises no duty; any other raises one on the operator and on each grantor, by a day that
the price authority gives, or that the platform's own parameter gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, select
from sqlmodel import col

from pricing.errors import Conflict, Refusal
from pricing.period import Span
from registry.cap_tables import Duty, RevenueEvaluation
from registry.lookup import code_of, missing, party_of_kind
from registry.price_authorities import require_price_authority
from registry.price_rules import hold_prices
from registry.relations import operators_overseen
from registry.tables import Authorisation, Party, Product, RevenueCap
from store.ids import new_id
from store.unit import Unit

DUTY_DAYS: Final = "platform.deviation_duty_days"


class MaximumMissing(Refusal):
    """An evaluation of a year for which no maximum is determined."""

    code = "maximum_missing"


class YearNotEnded(Conflict):
    """A year is evaluated when its days are over."""

    code = "year_not_ended"


class YearEvaluated(Conflict):
    """A year is evaluated once: what is recorded later is counted as the reports say."""

    code = "year_evaluated"


class DeadlinePassed(Refusal):
    """A duty that would be due before it is raised."""

    code = "deadline_passed"


@dataclass(frozen=True)
class YearCompared:
    """A year of a cap, its days, and its revenue against the maximum in wire form as of a moment.

    ``duty`` is None where there is no deviation at all.
    """

    cap_id: str
    days: Span
    as_of: datetime
    duty: str | None
    document: Mapping[str, Any]


def evaluate_year(unit: Unit, given: Mapping[str, Any], compared: YearCompared | None) -> RevenueEvaluation:
    """Record the calling price authority's evaluation of an operator's year, and raise the duties that follow.

    Raises NotFound, MaximumMissing, NotPriceAuthority, YearNotEnded, YearEvaluated, DeadlinePassed.
    """
    operator = party_of_kind(unit, given["operator"], "operator", "operator")
    if operator.id not in (operators_overseen(unit) or []):
        raise missing("operator", given["operator"], "operator")
    if compared is None:
        message = f"no maximum is determined for {operator.code} and {given['year']}; determine it first"
        raise MaximumMissing(message, errors={"year": [message]})
    hold_prices(unit, operator.id)
    cap = unit.session.get_one(RevenueCap, compared.cap_id)
    require_price_authority(unit, operator, cap.registration_level, unit.principal.party)
    _require_ended(unit, compared)
    _require_first(unit, cap, given["year"])
    row = RevenueEvaluation(
        id=new_id("rve"),
        operator_id=operator.id,
        regulator_id=unit.principal.party,
        cap_id=cap.id,
        year=given["year"],
        as_of=compared.as_of,
        finding=given["finding"],
        compared=dict(compared.document),
        rule_set={"rule_set_version": unit.law.version, "rule_set_sha256": unit.law.digest()},
        recorded_at=unit.now,
        recorded_by=unit.principal.party,
    )
    unit.session.add(row)
    unit.session.flush()
    unit.object_id = row.id
    if compared.duty is not None:
        _raise_duties(unit, row, _grantors(unit, cap, compared.days), compared.duty, given["due_on"])
    return row


def find_evaluation(unit: Unit, evaluation_id: str) -> RevenueEvaluation:
    """Return an evaluation of an operator that the caller is or oversees; raises NotFound."""
    query = visible_evaluations(unit).where(col(RevenueEvaluation.id) == evaluation_id)
    row: RevenueEvaluation | None = unit.session.execute(query).scalar_one_or_none()
    if row is None:
        raise missing("evaluation", evaluation_id)
    return row


def visible_evaluations(unit: Unit, operator: str | None = None) -> Select[Any]:
    """Return the query of the evaluations of operators that the caller is or oversees, of one if named."""
    query: Select[Any] = select(RevenueEvaluation)
    overseen = operators_overseen(unit)
    if overseen is not None:
        query = query.where(col(RevenueEvaluation.operator_id).in_(overseen))
    if operator is not None:
        party = party_of_kind(unit, operator, "operator", "operator")
        query = query.where(col(RevenueEvaluation.operator_id) == party.id)
    return query


def evaluation_document(unit: Unit, row: RevenueEvaluation) -> dict[str, Any]:
    """Return an evaluation as the wire says it, before formatting."""
    return {
        **row.model_dump(include={"id", "year", "as_of", "finding", "recorded_at"}),
        **row.compared,
        **row.rule_set,
        "operator": code_of(unit, Party, row.operator_id),
        "regulator": code_of(unit, Party, row.regulator_id),
        "revenue_cap": row.cap_id,
        "duties": [_raised(unit, duty) for duty in _duties_of(unit, row.id)],
        "currency": "CNY",
        "sandbox": unit.sandbox,
    }


def _duties_of(unit: Unit, evaluation_id: str) -> Sequence[Duty]:
    query = select(Duty).where(col(Duty.evaluation_id) == evaluation_id).order_by(col(Duty.id))
    return unit.session.execute(query).scalars().all()


def _raised(unit: Unit, duty: Duty) -> dict[str, Any]:
    return {
        **duty.model_dump(include={"id", "party_role", "kind", "due_on"}),
        "party": code_of(unit, Party, duty.party_id),
    }


def _require_ended(unit: Unit, compared: YearCompared) -> None:
    until = compared.days.end
    if until is not None and unit.today < until:
        raise YearNotEnded(f"the days of the year that the cap holds end before {until}; evaluate it then")


def _require_first(unit: Unit, cap: RevenueCap, year: int) -> None:
    query = select(col(RevenueEvaluation.id)).where(
        col(RevenueEvaluation.cap_id) == cap.id, col(RevenueEvaluation.year) == year
    )
    found = unit.session.execute(query).scalar_one_or_none()
    if found is not None:
        raise YearEvaluated(f"{year} was evaluated already, by {found}", evaluation=found)


def _raise_duties(
    unit: Unit, row: RevenueEvaluation, grantor_ids: Iterable[str], kind: str, wanted: date | None
) -> None:
    due_on = _due_on(unit, wanted)
    bearers = [(row.operator_id, "operator")]
    bearers += [(grantor_id, "grantor") for grantor_id in grantor_ids]
    for party_id, role in bearers:
        unit.session.add(
            Duty(
                id=new_id("dty"),
                evaluation_id=row.id,
                operator_id=row.operator_id,
                party_id=party_id,
                party_role=role,
                kind=kind,
                due_on=due_on,
                due_given=wanted is not None,
                recorded_at=unit.now,
                recorded_by=unit.principal.party,
            )
        )
    unit.session.flush()


def _due_on(unit: Unit, wanted: date | None) -> date:
    if wanted is None:
        parameter = unit.law.parameter(DUTY_DAYS)
        return unit.today + timedelta(days=parameter.whole(parameter.known_day(unit.today)))
    if wanted < unit.today:
        message = f"a duty that is raised on {unit.today} cannot be due on {wanted}; give that day or a later one"
        raise DeadlinePassed(message, errors={"due_on": [message]}, today=unit.today.isoformat())
    return wanted


def _grantors(unit: Unit, cap: RevenueCap, days: Span) -> list[str]:
    """The grantors of the authorisations that the year's revenue was earned under, in the order of their ids."""
    query = select(col(Authorisation.grantor_id)).where(
        col(Authorisation.operator_id) == cap.operator_id,
        col(Authorisation.effective_until) > days.start,
        col(Authorisation.effective_from) < (days.end or date.max),
    )
    if cap.registration_level is not None:
        of_level = select(col(Product.authorisation_id)).where(
            col(Product.operator_id) == cap.operator_id, col(Product.registration_level) == cap.registration_level
        )
        query = query.where(col(Authorisation.id).in_(of_level))
    return sorted(set(unit.session.execute(query).scalars()))
