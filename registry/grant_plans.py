"""When free-use grants are to be reviewed: the newest plan of each holds. A review that is overdue stops nothing."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from pricing.errors import Refusal
from registry.grant_tables import GrantReview, GrantReviewPlan
from registry.spans import months_after
from registry.tables import FreeUseGrant
from store.ids import new_id
from store.unit import Unit


class ReviewInThePast(Refusal):
    """A review that would have been due before it was ordered."""

    code = "review_in_the_past"


def plan_review(unit: Unit, grant_id: str, due_on: date | None, every_months: int | None) -> None:
    """Plan the next review: on a day, or so many months from today; without both there is none.

    Raises ReviewInThePast.
    """
    if due_on is not None and due_on <= unit.today:
        message = f"the next review on {due_on} is not after today, {unit.today}; name a day to come"
        raise ReviewInThePast(message, errors={"next_review_on": [message]})
    unit.session.add(
        GrantReviewPlan(
            id=new_id("grp"),
            grant_id=grant_id,
            due_on=due_on or (months_after(unit.today, every_months) if every_months else None),
            every_months=every_months,
            recorded_at=unit.now,
            recorded_by=unit.principal.party_id,
        )
    )
    unit.session.flush()


def plan_of(unit: Unit, grant_id: str) -> GrantReviewPlan | None:
    """Return the plan that holds for a grant; None where none was ever made."""
    query = select(GrantReviewPlan).where(col(GrantReviewPlan.grant_id) == grant_id)
    newest: GrantReviewPlan | None = unit.session.execute(
        query.order_by(col(GrantReviewPlan.id).desc()).limit(1)
    ).scalar_one_or_none()
    return newest


def due_before(day: date) -> ColumnElement[bool]:
    """Return the condition that picks the grants whose next review is due before a day."""
    newest: Any = aliased(GrantReviewPlan)
    last: ScalarSelect[Any] = (
        select(newest.id)
        .where(newest.grant_id == col(FreeUseGrant.id))
        .order_by(newest.id.desc())
        .limit(1)
        .correlate(FreeUseGrant)
        .scalar_subquery()
    )
    due = select(col(GrantReviewPlan.grant_id)).where(
        col(GrantReviewPlan.id) == last, col(GrantReviewPlan.due_on) < day
    )
    return due.correlate(FreeUseGrant).exists()


def review_documents(unit: Unit, grant_id: str) -> list[dict[str, Any]]:
    """Return the reviews of a grant as the wire says them, before formatting, the first at the head."""
    query = select(GrantReview).where(col(GrantReview.grant_id) == grant_id).order_by(col(GrantReview.id))
    return [row.model_dump(exclude={"grant_id", "recorded_by"}) for row in unit.session.execute(query).scalars()]
