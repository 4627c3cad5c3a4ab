"""Duties that a deviation raised: the party that has one says what it did, the price authority confirms it.

Price Notice 四. Nothing of a duty changes: its steps are added. Whether it is overdue follows from the day alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, exists, false, not_, or_, select, true
from sqlmodel import col

from pricing.errors import Conflict, Refusal
from pricing.period import format_instant
from registry.cap_tables import Duty, DutyStep, RevenueEvaluation
from registry.lookup import code_of, find, missing
from registry.price_authorities import require_price_authority
from registry.price_rules import hold_prices
from registry.relations import SEES_EVERYTHING, operators_overseen
from registry.tables import CeilingVersion, Offering, Party, TariffVersion
from store.ids import new_id
from store.unit import Unit

STATUSES: Final = ("open", "overdue", "fulfilled", "confirmed")
_FOLLOWS: Final = {"open": "fulfil", "fulfilled": "confirm"}


class DutyState(Conflict):
    """A step that a duty's state does not allow."""

    code = "duty_state"


class DecisionBeforeDuty(Refusal):
    """A tariff or ceiling named as the fulfilment of a duty that was raised after it, or of another operator."""

    code = "decision_before_duty"


class FulfilmentEmpty(Refusal):
    """A fulfilment that names no tariff and no ceiling, nor the reason why none was changed."""

    code = "fulfilment_empty"


def fulfil_duty(unit: Unit, duty_id: str, given: Mapping[str, Any]) -> Duty:
    """Record what the calling party did about its duty; it may add to that until the price authority confirms.

    Raises NotFound, DutyState, DecisionBeforeDuty, FulfilmentEmpty.
    """
    duty = find_duty(unit, duty_id)
    if (duty.party_role, duty.party_id) != (unit.principal.role, unit.principal.party):
        raise missing("duty", duty_id)
    hold_prices(unit, duty.operator_id)
    if duty_status(steps_of(unit, duty.id)) == "confirmed":
        raise DutyState(f"duty {duty.id} is confirmed: nothing is added to it any more", state="confirmed")
    decisions = _decisions(unit, duty, given)
    if not decisions and given["no_change_reason"] is None:
        message = "name the tariffs or ceilings that were decided for it, or state the no_change_reason"
        raise FulfilmentEmpty(message, errors={"no_change_reason": [message]})
    _add_step(unit, duty, "fulfil", given["statement"], decisions, given["no_change_reason"])
    return duty


def confirm_duty(unit: Unit, duty_id: str, given: Mapping[str, Any]) -> Duty:
    """Close a duty that was fulfilled, as the price authority that raised it, or the one of today.

    Raises NotFound, NotPriceAuthority, DutyState.
    """
    duty = find_duty(unit, duty_id)
    hold_prices(unit, duty.operator_id)
    evaluation = unit.session.get_one(RevenueEvaluation, duty.evaluation_id)
    if evaluation.regulator_id != unit.principal.party:
        operator, level = unit.session.get_one(Party, duty.operator_id), evaluation.compared["registration_level"]
        require_price_authority(unit, operator, level, unit.principal.party)
    state = duty_status(steps_of(unit, duty.id))
    if state != "fulfilled":
        allowed = _FOLLOWS.get(state, "nothing more")
        raise DutyState(f"duty {duty.id} is {state}, which allows {allowed}, not confirm", state=state)
    _add_step(unit, duty, "confirm", given["statement"], [], None)
    return duty


def duty_status(steps: Sequence[DutyStep]) -> str:
    """Return ``open``, ``fulfilled`` or ``confirmed``, by the steps in their order."""
    actions = {step.action for step in steps}
    if "confirm" in actions:
        return "confirmed"
    return "fulfilled" if "fulfil" in actions else "open"


def is_overdue(duty: Duty, steps: Sequence[DutyStep], day: date) -> bool:
    """Say whether a duty is due before a day, and nothing was done about it."""
    return duty_status(steps) == "open" and duty.due_on < day


def steps_of(unit: Unit, duty_id: str, as_of: datetime | None = None) -> Sequence[DutyStep]:
    """Return the steps on a duty in their order, without those recorded after ``as_of``."""
    query = select(DutyStep).where(col(DutyStep.duty_id) == duty_id)
    if as_of is not None:
        query = query.where(col(DutyStep.recorded_at) <= as_of)
    return unit.session.execute(query.order_by(col(DutyStep.recorded_at), col(DutyStep.id))).scalars().all()


def find_duty(unit: Unit, duty_id: str) -> Duty:
    """Return a duty that the caller may see; raises NotFound."""
    row: Duty | None = unit.session.execute(visible_duties(unit).where(col(Duty.id) == duty_id)).scalar_one_or_none()
    if row is None:
        raise missing("duty", duty_id)
    return row


def visible_duties(
    unit: Unit, party: str | None = None, status: str | None = None, evaluation: str | None = None
) -> Select[Any]:
    """Return the query of the duties that the caller may see, of a party, in a state, of an evaluation.

    A price authority sees those about the operators that it oversees, an operator those about itself, a grantor its
    own and those of the operators that it authorised.
    """
    query: Select[Any] = select(Duty).where(_seen(unit))
    if party is not None:
        query = query.where(col(Duty.party_id) == find(unit, Party, party, "party").id)
    if evaluation is not None:
        query = query.where(col(Duty.evaluation_id) == evaluation)
    return query if status is None else query.where(_in_state(unit, status))


def duty_document(unit: Unit, duty: Duty) -> dict[str, Any]:
    """Return a duty as the wire says it, before formatting, with its steps and how it stands today."""
    evaluation = unit.session.get_one(RevenueEvaluation, duty.evaluation_id)
    steps = steps_of(unit, duty.id)
    return {
        **duty.model_dump(include={"id", "party_role", "kind", "due_on"}),
        "evaluation": evaluation.id,
        "year": evaluation.year,
        "registration_level": evaluation.compared["registration_level"],
        "deviation": evaluation.compared["deviation"],
        "deviation_percent": evaluation.compared["deviation_percent"],
        "operator": code_of(unit, Party, duty.operator_id),
        "party": code_of(unit, Party, duty.party_id),
        "due_given_by": "regulator" if duty.due_given else "platform",
        "status": duty_status(steps),
        "is_overdue": is_overdue(duty, steps, unit.today),
        "steps": [
            step.model_dump(include={"action", "statement", "decisions", "no_change_reason", "recorded_at"})
            for step in steps
        ],
        "raised_at": duty.recorded_at,
        "sandbox": unit.sandbox,
    }


def _seen(unit: Unit) -> ColumnElement[bool]:
    role = unit.principal.role
    if role in SEES_EVERYTHING:
        return true()
    overseen = col(Duty.operator_id).in_(operators_overseen(unit) or [])
    if role == "grantor":
        own = and_(col(Duty.party_id) == unit.principal.party, col(Duty.party_role) == "grantor")
        return or_(own, and_(overseen, col(Duty.party_role) == "operator"))
    return overseen if role in ("regulator", "operator") else false()


def _in_state(unit: Unit, status: str) -> ColumnElement[bool]:
    fulfilled, confirmed = (_has_step(action) for action in ("fulfil", "confirm"))
    conditions: Mapping[str, ColumnElement[bool]] = {
        "open": not_(fulfilled),
        "overdue": and_(not_(fulfilled), col(Duty.due_on) < unit.today),
        "fulfilled": and_(fulfilled, not_(confirmed)),
        "confirmed": confirmed,
    }
    return conditions[status]


def _has_step(action: str) -> ColumnElement[bool]:
    return exists().where(col(DutyStep.duty_id) == col(Duty.id), col(DutyStep.action) == action)


def _decisions(unit: Unit, duty: Duty, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    session, named = unit.session, []
    for index, ref in enumerate(given["tariffs"]):
        named.append(_decision(unit, duty, session.get(TariffVersion, ref), "tariff", index, ref))
    for index, ref in enumerate(given["ceilings"]):
        named.append(_decision(unit, duty, session.get(CeilingVersion, ref), "ceiling", index, ref))
    return named


def _decision(
    unit: Unit, duty: Duty, row: TariffVersion | CeilingVersion | None, name: str, index: int, ref: str
) -> dict[str, Any]:
    """A tariff or ceiling as a step names it; it is the operator's, and was decided after the duty was raised."""
    field = f"{name}s.{index}"
    if row is None:
        raise missing(name, ref, field)
    offering = unit.session.get_one(Offering, row.offering_id)
    if offering.operator_id != duty.operator_id or row.recorded_at < duty.recorded_at:
        decided, raised = (format_instant(each.recorded_at, unit.zone) for each in (row, duty))
        message = (
            f"{name} {ref} of offering {offering.code} was decided at {decided}, and the duty about "
            f"{code_of(unit, Party, duty.operator_id)} was raised at {raised}: name what was decided for this operator "
            "after that"
        )
        raise DecisionBeforeDuty(message, errors={field: [message]})
    return {"kind": name, "id": row.id, "offering": offering.code, "effective_from": row.effective_from.isoformat()}


def _add_step(
    unit: Unit, duty: Duty, action: str, statement: str, decisions: list[dict[str, Any]], no_change_reason: str | None
) -> None:
    unit.session.add(
        DutyStep(
            id=new_id("dst"),
            duty_id=duty.id,
            action=action,
            statement=statement,
            decisions=decisions,
            no_change_reason=no_change_reason,
            recorded_at=unit.now,
            recorded_by=unit.principal.party,
        )
    )
    unit.session.flush()
    unit.object_id = duty.id
