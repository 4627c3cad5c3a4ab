"""Offerings: a product in one application scenario, its dated category, and whether it may be offered on a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import col

from pricing.classification import COMMERCIAL
from pricing.errors import Refusal
from registry.authorisations import require_in_scope, require_in_term, require_not_ended
from registry.classification import propose, require_resources_offerable, resources_of
from registry.lookup import code_of, find
from registry.parties import require_free
from registry.products import RegistrationLapsed, require_registered
from registry.relations import authorisation_of, product_of, require_operator
from registry.tables import Authorisation, ClassificationDecision, Offering, Party, Product
from store.ids import new_id
from store.unit import Unit


class ClassificationUnconfirmed(Refusal):
    """No decision of the grantor says yet what the offering is on that day."""

    code = "classification_unconfirmed"


class ReferenceUnfit(Refusal):
    """A reference offering at whose price free use cannot be reckoned."""

    code = "reference_unfit"


def create_offering(unit: Unit, given: Mapping[str, Any]) -> Offering:
    """Make an offering of the caller's product, with the category that the rules propose.

    Raises CodeTaken, NotFound, OutOfScope, AuthorisationLapsed, RegistrationLapsed, ResourceNotOfferable,
    ReferenceUnfit, and what ``classification.propose`` raises.
    """
    require_free(unit, col(Offering.code), given["code"])
    product = find(unit, Product, given["product"], "product")
    require_operator(unit, product.operator_id, "product", given["product"], "product")
    authorisation = unit.session.get_one(Authorisation, product.authorisation_id)
    require_not_ended(authorisation, unit.today, "product")
    scenario = given["scenario"]
    require_in_scope(authorisation, "scenarios", {scenario["code"]: scenario["code"]}, "scenario.code")
    require_resources_offerable(unit, product)
    _require_registrations(unit, product, unit.today)
    proposed = propose(unit, product, scenario, given["charge_reason"])
    offering = Offering(
        id=new_id("off"),
        code=given["code"],
        product_id=product.id,
        operator_id=product.operator_id,
        scenario=dict(scenario),
        charge_reason=given["charge_reason"],
        reference_offering_id=_reference(unit, product, given["reference_offering"]),
        proposed_category=proposed.category,
        reasons=[reason.document() for reason in proposed.reasons],
        recorded_at=unit.now,
        recorded_by=unit.principal.party,
    )
    unit.session.add(offering)
    unit.object_id = offering.id
    return offering


def category_on(unit: Unit, offering_id: str, day: date, as_of: datetime | None = None) -> str | None:
    """Return the confirmed category of an offering on a day; None where no decision is in force.

    ``as_of`` leaves out decisions recorded later.
    """
    decision = _in_force(decisions_of(unit, offering_id, as_of), day)
    return decision.category if decision else None


def category_expected(unit: Unit, offering: Offering) -> str:
    """Return the category of the latest decision, or the proposed one where there is none."""
    decisions = decisions_of(unit, offering.id)
    return decisions[-1].category if decisions else offering.proposed_category


def require_classified(unit: Unit, offering: Offering, day: date) -> str:
    """Return the confirmed category of an offering on a day; raises ClassificationUnconfirmed."""
    category = category_on(unit, offering.id, day)
    if category is None:
        message = (
            f"no classification of offering {offering.code} is in force on {day}: its grantor has to confirm "
            f"the proposed one, {offering.proposed_category}, first"
        )
        raise ClassificationUnconfirmed(message, offering=offering.code, proposed=offering.proposed_category)
    return category


def require_offerable(unit: Unit, offering: Offering, day: date) -> None:
    """Refuse an offering that may not be offered on a day.

    Opinion 十二; Operation Rules 21; Registration Rules 15. Raises ResourceNotOfferable, OutOfScope,
    AuthorisationLapsed or RegistrationLapsed.
    """
    product, authorisation = product_of(unit, offering.id), authorisation_of(unit, offering.id)
    require_in_term(authorisation, day)
    resources = {row.id: row.code for row in resources_of(unit, product)}
    require_in_scope(authorisation, "resources", resources, "offering")
    require_in_scope(authorisation, "fields", {name: name for name in product.fields}, "offering")
    scenario = offering.scenario["code"]
    require_in_scope(authorisation, "scenarios", {scenario: scenario}, "offering")
    require_resources_offerable(unit, product)
    _require_registrations(unit, product, day)


def decisions_of(unit: Unit, offering_id: str, as_of: datetime | None = None) -> Sequence[ClassificationDecision]:
    """Return the decisions on an offering's category in the order in which they take effect."""
    query = select(ClassificationDecision).where(col(ClassificationDecision.offering_id) == offering_id)
    if as_of is not None:
        query = query.where(col(ClassificationDecision.recorded_at) <= as_of)
    return unit.session.execute(query.order_by(col(ClassificationDecision.effective_from))).scalars().all()


def own_offering(unit: Unit, ref: str, field: str | None = None) -> Offering:
    """Return an offering of the operator that calls; raises NotFound, naming ``field`` where the body said it."""
    offering = find(unit, Offering, ref, field)
    require_operator(unit, offering.operator_id, "offering", ref, field)
    return offering


def visible_offerings(_unit: Unit) -> Select[Offering]:
    """Return the query of all offerings: the catalogue is open to whoever holds a key."""
    return select(Offering)


def offering_document(unit: Unit, offering: Offering) -> dict[str, Any]:
    """Return an offering as the wire says it, before formatting, with its classification as it stands today."""
    product = unit.session.get_one(Product, offering.product_id)
    reference = offering.reference_offering_id
    decisions = decisions_of(unit, offering.id)
    return {
        **offering.model_dump(exclude={"recorded_by"}),
        "operator": code_of(unit, Party, offering.operator_id),
        "product": product.code,
        "charging_basis": product.charging_basis,
        "unit": product.unit,
        "reference_offering": code_of(unit, Offering, reference) if reference else None,
        "classification": _classification(unit, offering, decisions),
        "decisions": [_decision_document(decision) for decision in decisions],
    }


def _in_force(decisions: Sequence[ClassificationDecision], day: date) -> ClassificationDecision | None:
    return next((row for row in reversed(decisions) if row.effective_from <= day), None)


def _classification(unit: Unit, offering: Offering, decisions: Sequence[ClassificationDecision]) -> dict[str, Any]:
    """The decision in force, else the first one to come, else the proposal."""
    decision = _in_force(decisions, unit.today) or next(iter(decisions), None)
    if decision is None:
        return {"category": offering.proposed_category, "reasons": offering.reasons, "status": "proposed"}
    return _decision_document(decision)


def _decision_document(decision: ClassificationDecision) -> dict[str, Any]:
    return {**decision.model_dump(exclude={"id", "offering_id", "recorded_by"}), "status": "confirmed"}


def _require_registrations(unit: Unit, product: Product, day: date) -> None:
    """Neither the product nor a resource that it is made from may have lapsed in its register."""
    require_registered(unit, product, day)
    for resource in resources_of(unit, product):
        if day >= resource.registration_expires_on:
            message = (
                f"the registration of resource {resource.code}, from which product {product.code} is made, was valid "
                f"until {resource.registration_expires_on}: its provider has to renew it"
            )
            raise RegistrationLapsed(message, resource=resource.code)


def _reference(unit: Unit, product: Product, ref: str | None) -> str | None:
    """The commercial offering at whose price free use of this one is reckoned: of the same operator and unit."""
    if ref is None:
        return None
    reference = own_offering(unit, ref, "reference_offering")
    found = product_of(unit, reference.id)
    if category_expected(unit, reference) != COMMERCIAL or found.asset != product.asset:
        message = (
            f"offering {reference.code} is {category_expected(unit, reference)} and counted by {found.unit}; "
            f"a reference is a commercial offering counted by {product.unit}"
        )
        raise ReferenceUnfit(message, errors={"reference_offering": [message]})
    return reference.id
