"""Reviews of free-use grants: what the grantor found, what follows, and when it looks again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pricing.errors import Refusal
from registry.grant_plans import plan_of, plan_review
from registry.grant_tables import GrantReview
from registry.grants import GrantState, decide_grant, decisions_of, grant_status, held_grant
from registry.tables import FreeUseGrant
from store.ids import new_id
from store.unit import Unit

REVIEWABLE = frozenset({"approved", "suspended"})


class ReviewUnneeded(Refusal):
    """A next review of a grant that is revoked for good."""

    code = "review_unneeded"


def review_grant(unit: Unit, grant_id: str, given: Mapping[str, Any]) -> FreeUseGrant:
    """Record a review of a grant as its grantor: it continues, or is suspended or revoked from now on.

    The next review is on ``next_review_on``, else in as many months as the plan says; after a revocation there is
    none. Raises NotFound, GrantState, ReviewInThePast, ReviewUnneeded.
    """
    grant = held_grant(unit, grant_id)
    unit.object_id = grant.id
    outcome, next_on = given["outcome"], given["next_review_on"]
    status = grant_status(decisions_of(unit, grant.id), unit.now)
    if status not in REVIEWABLE:
        message = f"grant {grant.id} is {status}, and only what is approved or suspended is reviewed"
        raise GrantState(message, state=status)
    if outcome == "revoke" and next_on is not None:
        message = "a revoked grant is not reviewed again; leave next_review_on out"
        raise ReviewUnneeded(message, errors={"next_review_on": [message]})
    unit.session.add(
        GrantReview(
            id=new_id("grv"),
            grant_id=grant.id,
            finding=given["finding"],
            outcome=outcome,
            next_review_on=next_on,
            recorded_at=unit.now,
            recorded_by=unit.principal.party,
        )
    )
    if outcome != "continue":
        decide_grant(unit, grant.id, outcome, {"reason": given["finding"], "effective_at": None})
    if outcome != "revoke":
        plan = plan_of(unit, grant.id)
        plan_review(unit, grant.id, next_on, plan.every_months if plan else None)
    return grant
