"""The grantor's decision on what an offering is: the proposed category confirmed, or overruled with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pricing.classification import Reason
from pricing.errors import Refusal
from registry.lookup import find
from registry.offerings import decisions_of
from registry.price_rules import Backdated, UsedSince
from registry.prices import OverlappingVersion
from registry.relations import authorisation_of, require_grantor
from registry.tables import ClassificationDecision, Offering
from store.ids import new_id
from store.unit import Unit


class ReasonNeeded(Refusal):
    """A category other than the proposed one, or than the one decided before, without a reason."""

    code = "reason_needed"


def confirm_classification(unit: Unit, ref: str, given: Mapping[str, Any], used_since: UsedSince) -> Offering:
    """Record the caller's decision on an offering's category, from a day on.

    Price Notice 一: what a use is decides whether it is free; a decision changes nothing that was accepted before it.
    Raises NotFound, ReasonNeeded, OverlappingVersion, Backdated.
    """
    offering = find(unit, Offering, ref)
    authorisation = authorisation_of(unit, offering.id)
    require_grantor(unit, authorisation, "offering", ref)
    unit.object_id = offering.id
    decisions = decisions_of(unit, offering.id)
    category = given["category"] or offering.proposed_category
    _require_reason(offering, decisions, category, given["reason"])
    _require_free_day(offering, decisions, given["effective_from"])
    _require_no_use_since(unit, offering, given["effective_from"], used_since)
    unit.session.add(
        ClassificationDecision(
            id=new_id("cls"),
            offering_id=offering.id,
            decision_no=given["decision_no"],
            category=category,
            effective_from=given["effective_from"],
            reason=given["reason"],
            reasons=_reasons(offering, category, given),
            recorded_at=unit.now,
            recorded_by=unit.principal.party,
        )
    )
    unit.session.flush()
    return offering


def _require_reason(
    offering: Offering, decisions: Sequence[ClassificationDecision], category: str, reason: str | None
) -> None:
    before = decisions[-1].category if decisions else offering.proposed_category
    if reason is None and {category} != {before, offering.proposed_category}:
        message = (
            f"offering {offering.code} was proposed as {offering.proposed_category} and stands as {before}: "
            f"state the reason to decide {category}"
        )
        raise ReasonNeeded(message, errors={"reason": [message]})


def _require_free_day(offering: Offering, decisions: Sequence[ClassificationDecision], day: date) -> None:
    held = next((row for row in decisions if row.effective_from == day), None)
    if held is not None:
        message = f"decision {held.decision_no} on offering {offering.code} takes effect on {day} already"
        raise OverlappingVersion(message, errors={"effective_from": [message]})


def _require_no_use_since(unit: Unit, offering: Offering, day: date, used_since: UsedSince) -> None:
    if day < unit.today and used_since(unit, offering.id, day):
        message = (
            f"use of offering {offering.code} on or after {day} has been accepted and stays what it was: "
            f"decide from {unit.today} or later"
        )
        raise Backdated(message, errors={"effective_from": [message]})


def _reasons(offering: Offering, category: str, given: Mapping[str, Any]) -> list[dict[str, str]]:
    """The rules behind the proposal; where it is overruled, the decision itself stands first."""
    proposed: list[dict[str, str]] = offering.reasons
    if category == offering.proposed_category:
        return proposed
    overruled = Reason(
        rule="decided_by_grantor",
        source=given["decision_no"],
        article="",
        fact=given["reason"],
        outcome=category,
    )
    return [overruled.document(), *proposed]
