"""The duties that deviations of the period's years raised, as they stand at the moment (Price Notice 四)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from pricing.period import format_instant, year_bounds
from registry.cap_tables import Duty, DutyStep, RevenueEvaluation
from registry.duties import duty_status, is_overdue, steps_of
from registry.lookup import code_of
from registry.tables import Party
from reports.frame import Frame
from store.unit import Unit


def duty_rows(unit: Unit, frame: Frame) -> list[dict[str, Any]]:
    """Return every duty about the operator from years that the period touches, as wire rows, oldest first.

    A grantor that asks is shown its own and the operator's.
    """
    query = (
        select(Duty, RevenueEvaluation)
        .join(RevenueEvaluation, col(RevenueEvaluation.id) == col(Duty.evaluation_id))
        .where(col(Duty.operator_id) == frame.operator.id, col(Duty.recorded_at) <= frame.as_of)
        .order_by(col(RevenueEvaluation.year), col(Duty.recorded_at), col(Duty.id))
    )
    return [
        _row(unit, frame, duty, evaluation)
        for duty, evaluation in unit.session.execute(query)
        if year_bounds(evaluation.year).overlaps(frame.period) and _is_shown(unit, frame, duty)
    ]


def _is_shown(unit: Unit, frame: Frame, duty: Duty) -> bool:
    return not frame.is_partial or duty.party_role == "operator" or duty.party_id == unit.principal.party


def _row(unit: Unit, frame: Frame, duty: Duty, evaluation: RevenueEvaluation) -> dict[str, Any]:
    steps = steps_of(unit, duty.id, frame.as_of)
    return {
        "duty": duty.id,
        "year": str(evaluation.year),
        "registration_level": evaluation.compared["registration_level"],
        "deviation": evaluation.compared["deviation"],
        "deviation_percent": evaluation.compared["deviation_percent"],
        "kind": duty.kind,
        "party": code_of(unit, Party, duty.party_id),
        "party_role": duty.party_role,
        "raised_at": format_instant(duty.recorded_at, frame.zone),
        "due_on": duty.due_on.isoformat(),
        "due_given_by": "regulator" if duty.due_given else "platform",
        "status": duty_status(steps),
        "is_overdue": is_overdue(duty, steps, frame.today),
        "statements": [step.statement for step in _of(steps, "fulfil")],
        "decisions": [_said(decision) for step in steps for decision in step.decisions],
        "fulfilled_at": _moment(frame, _of(steps, "fulfil")),
        "confirmed_at": _moment(frame, _of(steps, "confirm")),
        "links": {"duty": frame.link(f"/duties/{duty.id}")},
    }


def _of(steps: Iterable[DutyStep], action: str) -> list[DutyStep]:
    return [step for step in steps if step.action == action]


def _moment(frame: Frame, steps: Sequence[DutyStep]) -> str | None:
    return format_instant(steps[-1].recorded_at, frame.zone) if steps else None


def _said(decision: dict[str, Any]) -> str:
    return f"{decision['kind']} {decision['offering']} {decision['effective_from']}"
