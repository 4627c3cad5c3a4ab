"""The rules of classification applied to the registry: what an offering is, and whether it may be offered at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from pricing.classification import Classification, OfferingFacts, ResourceFacts, classify, not_offerable
from pricing.errors import Refusal
from registry.tables import Product, Resource
from store.unit import Unit


class ResourceNotOfferable(Refusal):
    """A product of resources that must never be offered (Opinion 十二; Operation Rules 21)."""

    code = "resource_not_offerable"


def propose(unit: Unit, product: Product, scenario: Mapping[str, str], charge_reason: str | None) -> Classification:
    """Return the category that the rules of today give to a product's use in a scenario, with the reasons.

    Price Notice 一. Raises ClassificationConflict or ClassificationUndetermined where the rules give no single answer.
    """
    facts = OfferingFacts(
        scenario_code=scenario["code"],
        scenario_name=scenario["name"],
        scenario_description=scenario["description"],
        scenario_purpose=scenario["purpose"],
        product_form=product.form,
        charge_reason=charge_reason,
    )
    return classify(facts, unit.today, unit.law)


def require_resources_offerable(unit: Unit, product: Product) -> None:
    """Refuse a product made from what must never be offered; raises ResourceNotOfferable with every reason."""
    facts = [ResourceFacts(row.code, row.confidentiality, row.is_raw) for row in resources_of(unit, product)]
    reasons = not_offerable(product.form, facts, unit.today, unit.law)
    if not reasons:
        return
    said = "; ".join(f"{reason.fact} ({reason.source}, {reason.article})" for reason in reasons)
    message = f"product {product.code} may not be offered: {said}"
    documents = [reason.document() for reason in reasons]
    raise ResourceNotOfferable(message, errors={"product": [message]}, reasons=documents)


def resources_of(unit: Unit, product: Product) -> list[Any]:
    """Return the resources that a product is made from, by code."""
    query = select(Resource).where(col(Resource.id).in_(product.resources)).order_by(col(Resource.code))
    return list(unit.session.execute(query).scalars())
