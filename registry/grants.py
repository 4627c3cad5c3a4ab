"""Free-use grants: a buyer applies, the grantor decides from an instant on, and what follows for each use.

An approved grant is itself the contract that usage events name. The conditions that every grant carries are the
platform's own and not law (``platform.free_use_conditions``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, false, select, true
from sqlmodel import col

from pricing.classification import PUBLIC_INTEREST
from pricing.errors import Conflict, Refusal
from pricing.period import day_of, instant_of
from registry.contracts import Terms, open_contract
from registry.grant_plans import due_before, plan_of, plan_review, review_documents
from registry.grant_reratings import rerating_document, reratings_of
from registry.lookup import code_of, find, missing
from registry.offerings import require_classified, require_offerable
from registry.redevelopment import require_no_own_redevelopment
from registry.relations import SEES_EVERYTHING, authorisation_of, offerings_under, require_grantor
from registry.spans import require_span
from registry.tables import Contract, FreeUseGrant, GrantDecision, Offering, Party
from store.ids import new_id
from store.unit import Unit

FREE_USE_CONDITIONS = "platform.free_use_conditions"
CLOCK_DIFFERENCE_MAX: Final = timedelta(minutes=1)
"""How far the caller's clock may be behind ours: an instant that far back is taken as the present."""

TRANSITIONS: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("pending", "approve"): "approved",
        ("pending", "revoke"): "revoked",
        ("approved", "suspend"): "suspended",
        ("approved", "revoke"): "revoked",
        ("suspended", "approve"): "approved",
        ("suspended", "revoke"): "revoked",
    }
)
"""The state that follows on a state and an action; what is not here is not allowed."""

_REFUSALS: Final[Mapping[str, str]] = {
    "pending": "grant_pending",
    "suspended": "grant_suspended",
    "revoked": "grant_revoked",
}


class UndertakingsMissing(Refusal):
    """Free use is asked for without the undertakings that it is given under (Opinion 六, 七)."""

    code = "undertakings_missing"


class NotPublicInterest(Refusal):
    """A grant of free use for an offering that is not classified as public interest (Price Notice 一)."""

    code = "not_public_interest"


class GrantState(Conflict):
    """The grant's state does not allow this action."""

    code = "grant_state"


class GrantExpired(Refusal):
    """A grant is asked for, or approved, when its term is over."""

    code = "grant_expired"


class EffectiveInThePast(Refusal):
    """A decision that would take effect before it is made."""

    code = "effective_in_the_past"


def next_state(state: str, action: str) -> str | None:
    """Return the state that an action leads to; None where the state does not allow it.

    >>> next_state("suspended", "approve"), next_state("revoked", "approve")
    ('approved', None)
    """
    return TRANSITIONS.get((state, action))


def grant_status(decisions: Iterable[GrantDecision], at: datetime) -> str:
    """Return ``pending``, ``approved``, ``suspended`` or ``revoked`` as of an instant.

    ``decisions`` are in the order in which they take effect; one that its state no longer allows (a suspension that
    was planned for after a revocation) changes nothing.
    """
    state = "pending"
    for decision in decisions:
        if decision.effective_at <= at:
            state = next_state(state, decision.action) or state
    return state


def grant_refusal(
    grant: FreeUseGrant, decisions: Sequence[GrantDecision], instant: datetime, zone: ZoneInfo
) -> str | None:
    """Return why use at an instant is not covered by a grant, as a code; None where it is."""
    day = day_of(instant, zone)
    if day < grant.effective_from:
        return "grant_not_begun"
    if day >= grant.effective_until:
        return "grant_expired"
    return _REFUSALS.get(grant_status(decisions, instant))


def decisions_of(unit: Unit, grant_id: str) -> list[GrantDecision]:
    """Return the decisions on a grant in the order in which they take effect."""
    query = select(GrantDecision).where(col(GrantDecision.grant_id) == grant_id)
    order = (col(GrantDecision.effective_at), col(GrantDecision.id))
    return list(unit.session.execute(query.order_by(*order)).scalars())


def apply_for_grant(unit: Unit, given: Mapping[str, Any]) -> FreeUseGrant:
    """Record the caller's application for free use.

    Raises NotFound, RedevelopmentByAffiliate, DatesReversed, UndertakingsMissing, NotPublicInterest,
    ClassificationUnconfirmed, GrantExpired and what ``require_offerable`` raises.
    """
    offering = find(unit, Offering, given["offering"], "offering")
    buyer = unit.session.get_one(Party, unit.principal.party)
    require_no_own_redevelopment(unit, given["use"], buyer, offering.operator_id)
    require_span(given)
    _require_undertakings(given["undertakings"])
    grant = FreeUseGrant(
        id=new_id("grt"),
        offering_id=offering.id,
        buyer_id=buyer.id,
        purpose_statement=given["purpose_statement"],
        effective_from=given["effective_from"],
        effective_until=given["effective_until"],
        undertakings=dict(given["undertakings"]),
        quantity_limit=given["quantity_limit"],
        evidence=given["evidence"],
        conditions=_conditions(unit),
        use=given["use"],
        recorded_at=unit.now,
        recorded_by=unit.principal.party,
    )
    _require_grantable(unit, grant, offering)
    unit.session.add(grant)
    unit.object_id = grant.id
    return grant


def decide_grant(unit: Unit, grant_id: str, action: str, given: Mapping[str, Any]) -> FreeUseGrant:
    """Decide on a grant as the grantor: ``approve`` (again, after a suspension), ``suspend`` or ``revoke``.

    The first approval opens the contract, and holds from the start of the grant's term; every other decision holds
    from ``effective_at``, or from now on. An approval may say when the grant is reviewed. Raises NotFound, GrantState,
    GrantExpired, EffectiveInThePast, ReviewInThePast.
    """
    grant = held_grant(unit, grant_id)
    unit.object_id = grant.id
    contract_id = contract_of(unit, grant.id)
    decisions = decisions_of(unit, grant.id)
    effective_at = _effective_at(unit, given.get("effective_at"))
    _require_allowed(grant, grant_status(decisions, effective_at), action)
    if action == "approve":
        _require_grantable(unit, grant, unit.session.get_one(Offering, grant.offering_id))
        if contract_id is None:
            _open_contract(unit, grant)
            effective_at = min(effective_at, instant_of(grant.effective_from, unit.zone))
    unit.session.add(
        GrantDecision(
            id=new_id("gdc"),
            grant_id=grant.id,
            action=action,
            reason=given["reason"],
            effective_at=effective_at,
            recorded_at=unit.now,
            recorded_by=unit.principal.party,
        )
    )
    unit.session.flush()
    _plan_review(unit, grant, action, given)
    return grant


def held_grant(unit: Unit, grant_id: str) -> FreeUseGrant:
    """Return a grant that the caller decides on, its contract locked; raises NotFound."""
    grant = unit.session.get(FreeUseGrant, grant_id)
    if grant is None:
        raise missing("free-use grant", grant_id)
    require_grantor(unit, authorisation_of(unit, grant.offering_id), "free-use grant", grant_id)
    contract_id = contract_of(unit, grant.id)
    if contract_id is not None:
        unit.session.get(Contract, contract_id, with_for_update=True)
    return grant


def contract_of(unit: Unit, grant_id: str) -> str | None:
    """Return the id of the contract that an approved grant is; None before its first approval."""
    query = select(col(Contract.id)).where(col(Contract.grant_id) == grant_id)
    found: str | None = unit.session.execute(query).scalar_one_or_none()
    return found


def find_grant(unit: Unit, grant_id: str) -> FreeUseGrant:
    """Return a grant that the caller may see; raises NotFound."""
    query = visible_grants(unit).where(col(FreeUseGrant.id) == grant_id)
    grant: FreeUseGrant | None = unit.session.execute(query).scalar_one_or_none()
    if grant is None:
        raise missing("free-use grant", grant_id)
    return grant


def visible_grants(unit: Unit, review_due_before: date | None = None) -> Select[FreeUseGrant]:
    """Return the query of the grants that the caller asked for, or that lie under its authorisations.

    ``review_due_before`` leaves those of which a review is due before a day.
    """
    query = select(FreeUseGrant).where(_seen(unit))
    return query if review_due_before is None else query.where(due_before(review_due_before))


def grant_document(unit: Unit, grant: FreeUseGrant) -> dict[str, Any]:
    """Return a grant as the wire says it, before formatting, with its decisions, reviews, conditions and contract."""
    decisions = decisions_of(unit, grant.id)
    plan = plan_of(unit, grant.id)
    due_on = plan.due_on if plan else None
    return {
        **grant.model_dump(exclude={"recorded_by"}),
        "offering": code_of(unit, Offering, grant.offering_id),
        "buyer": code_of(unit, Party, grant.buyer_id),
        "status": grant_status(decisions, unit.now),
        "contract": contract_of(unit, grant.id),
        "decisions": [row.model_dump(include={"action", "reason", "effective_at", "recorded_at"}) for row in decisions],
        "review_due_on": due_on,
        "review_every_months": plan.every_months if plan else None,
        "review_overdue": due_on is not None and due_on < unit.today,
        "reviews": review_documents(unit, grant.id),
        "reratings": [rerating_document(unit, row) for row in reratings_of(unit, [grant.id])],
        "sandbox": unit.sandbox,
    }


def _conditions(unit: Unit) -> dict[str, Any]:
    """Return the platform's template as it stands today: what is kept with a grant that is asked for under it."""
    parameter = unit.law.parameter(FREE_USE_CONDITIONS)
    version = parameter.entry_at(unit.today)
    return {
        "parameter": FREE_USE_CONDITIONS,
        "version": version.effective_from.isoformat(),
        "origin": "law" if parameter.is_law else "platform",
        "entries": [
            {"code": entry.code, "en": entry.wording.en, "zh": entry.wording.zh}
            for entry in parameter.entries(unit.today)
        ],
    }


def _require_undertakings(undertakings: Mapping[str, bool]) -> None:
    absent = [name for name, given in sorted(undertakings.items()) if not given]
    if absent:
        message = f"free use is granted to those who undertake both: {', '.join(absent)} is not undertaken"
        raise UndertakingsMissing(message, errors={f"undertakings.{name}": [message] for name in absent})


def _require_grantable(unit: Unit, grant: FreeUseGrant, offering: Offering) -> None:
    """Free use is of public-interest offerings only, while they may be offered, and of days to come."""
    if grant.effective_until <= unit.today:
        message = f"the term ends on {grant.effective_until}, and today is {unit.today}; apply for days to come"
        raise GrantExpired(message, errors={"effective_until": [message]})
    day = max(grant.effective_from, unit.today)
    category = require_classified(unit, offering, day)
    if category != PUBLIC_INTEREST:
        message = f"offering {offering.code} is classified as {category}: ask for a quote instead of a grant"
        raise NotPublicInterest(message, errors={"offering": [message]})
    require_offerable(unit, offering, day)


def _plan_review(unit: Unit, grant: FreeUseGrant, action: str, given: Mapping[str, Any]) -> None:
    """Plan the review that an approval orders; a revoked grant is not reviewed any more."""
    due_on, every_months = given.get("review_due_on"), given.get("review_every_months")
    if action == "approve" and (due_on is not None or every_months is not None):
        plan_review(unit, grant.id, due_on, every_months)
    elif action == "revoke" and plan_of(unit, grant.id) is not None:
        plan_review(unit, grant.id, None, None)


def _effective_at(unit: Unit, wanted: datetime | None) -> datetime:
    if wanted is None:
        return unit.now
    if wanted < unit.now - CLOCK_DIFFERENCE_MAX:
        message = (
            f"effective_at {wanted.isoformat()} lies in the past, and use until {unit.now.isoformat()} was lawful; "
            "leave it out to decide from now on"
        )
        raise EffectiveInThePast(message, errors={"effective_at": [message]})
    return max(wanted, unit.now)


def _require_allowed(grant: FreeUseGrant, state: str, action: str) -> None:
    if next_state(state, action) is None:
        allowed = ", ".join(sorted(verb for source, verb in TRANSITIONS if source == state)) or "nothing more"
        message = f"grant {grant.id} is {state}, which allows {allowed}, not {action}"
        raise GrantState(message, state=state)


def _open_contract(unit: Unit, grant: FreeUseGrant) -> None:
    offering = unit.session.get_one(Offering, grant.offering_id)
    open_contract(
        unit,
        kind="grant",
        operator_id=offering.operator_id,
        buyer_id=grant.buyer_id,
        effective_from=grant.effective_from,
        effective_until=grant.effective_until,
        terms=[Terms(offering.id, PUBLIC_INTEREST, quantity_limit=grant.quantity_limit)],
        price_basis=None,
        grant_id=grant.id,
        use=grant.use,
        accepted=True,
    )


def _seen(unit: Unit) -> ColumnElement[bool]:
    role = unit.principal.role
    if role in SEES_EVERYTHING:
        return true()
    if role == "buyer":
        return col(FreeUseGrant.buyer_id) == unit.principal.party
    if role in ("operator", "grantor", "regulator"):
        return col(FreeUseGrant.offering_id).in_(offerings_under(unit))
    return false()
