"""Routes of yearly evaluations, and of the duties that a deviation raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from registry.cap_tables import Duty, RevenueEvaluation
from registry.duties import confirm_duty, duty_document, find_duty, fulfil_duty, visible_duties
from registry.revenue_evaluations import (
    YearCompared,
    evaluate_year,
    evaluation_document,
    find_evaluation,
    visible_evaluations,
)
from reports.cap_cycle import compared_year
from schemas.revenue_caps import (
    CapQuery,
    DeviationDutyOut,
    DeviationDutyQuery,
    DutyConfirmationIn,
    FulfilmentIn,
    RevenueEvaluationIn,
    RevenueEvaluationOut,
)
from store.unit import Unit
from web.door import Door, lists, reads, writes

READERS = ("regulator", "operator", "grantor", "auditor", "admin")

door = Door(
    "revenue evaluations", __name__, url_prefix="/revenue-evaluations", description="A year's revenue and its maximum"
)
duties_door = Door("duties", __name__, url_prefix="/duties", description="What a deviation obliges to")


@writes(door, "", roles=("regulator",), body=RevenueEvaluationIn, answer=RevenueEvaluationOut, prepare=compared_year)
def evaluate_revenue(unit: Unit, body: Mapping[str, Any], compared: YearCompared | None) -> dict[str, Any]:
    """Evaluate a year that is over, once: its comparison is frozen, and a deviation raises its duties."""
    return evaluation_document(unit, evaluate_year(unit, body, compared))


@lists(
    door,
    "",
    roles=READERS,
    item=RevenueEvaluationOut,
    key=col(RevenueEvaluation.id),
    document=evaluation_document,
    query=CapQuery,
)
def list_revenue_evaluations(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List the evaluations of operators that the caller is or oversees."""
    return visible_evaluations(unit, query["operator"])


@reads(door, "/<evaluation_id>", roles=READERS, answer=RevenueEvaluationOut)
def get_revenue_evaluation(unit: Unit, _query: Mapping[str, Any], evaluation_id: str) -> dict[str, Any]:
    """Show an evaluation."""
    return evaluation_document(unit, find_evaluation(unit, evaluation_id))


@lists(
    duties_door,
    "",
    roles=READERS,
    item=DeviationDutyOut,
    key=col(Duty.id),
    document=duty_document,
    query=DeviationDutyQuery,
)
def list_duties(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List the duties that the caller has, oversees, or guides another about."""
    return visible_duties(unit, query["party"], query["status"], query["evaluation"])


@reads(duties_door, "/<duty_id>", roles=READERS, answer=DeviationDutyOut)
def get_duty(unit: Unit, _query: Mapping[str, Any], duty_id: str) -> dict[str, Any]:
    """Show a duty with its steps."""
    return duty_document(unit, find_duty(unit, duty_id))


@writes(
    duties_door,
    "/<duty_id>/fulfil",
    roles=("operator", "grantor"),
    body=FulfilmentIn,
    answer=DeviationDutyOut,
    status=200,
)
def fulfil(unit: Unit, body: Mapping[str, Any], duty_id: str) -> dict[str, Any]:
    """Say what was done about one's own duty, and which tariffs and ceilings were decided for it."""
    return duty_document(unit, fulfil_duty(unit, duty_id, body))


@writes(
    duties_door,
    "/<duty_id>/confirm",
    roles=("regulator",),
    body=DutyConfirmationIn,
    answer=DeviationDutyOut,
    status=200,
)
def confirm(unit: Unit, body: Mapping[str, Any], duty_id: str) -> dict[str, Any]:
    """Close a duty that was fulfilled."""
    return duty_document(unit, confirm_duty(unit, duty_id, body))
