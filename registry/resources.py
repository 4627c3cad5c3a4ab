"""Resources: the registered public data resources of the providers, from which products are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import col

from registry.lookup import code_of, find, missing, party_of_kind
from registry.parties import require_free
from registry.spans import require_span
from registry.tables import Party, Resource
from store.ids import new_id
from store.unit import Unit


def register_resource(unit: Unit, given: Mapping[str, Any]) -> Resource:
    """Register a resource: a provider its own ones, an administrator any; raises CodeTaken, NotFound, DatesReversed."""
    require_free(unit, col(Resource.code), given["code"])
    provider = party_of_kind(unit, given["provider"], "provider", "provider")
    if unit.principal.role == "provider" and provider.id != unit.principal.party:
        raise missing("provider", given["provider"], "provider")
    require_span(given, "registered_on", "registration_expires_on")
    resource = Resource(
        id=new_id("res"),
        code=given["code"],
        name=given["name"],
        provider_id=provider.id,
        grade=given["grade"],
        confidentiality=given["confidentiality"],
        is_raw=given["is_raw"],
        registered_on=given["registered_on"],
        registration_expires_on=given["registration_expires_on"],
        recorded_at=unit.now,
        recorded_by=unit.principal.party_id,
    )
    unit.session.add(resource)
    unit.object_id = resource.id
    return resource


def find_resource(unit: Unit, ref: str) -> Resource:
    """Return a resource that the caller may see; raises NotFound."""
    resource = find(unit, Resource, ref)
    if unit.principal.role == "provider" and resource.provider_id != unit.principal.party:
        raise missing("resource", ref)
    return resource


def visible_resources(unit: Unit) -> Select[Resource]:
    """Return the query of the resources that the caller may see.

    A provider sees its own; those who authorise, use and oversee resources see the register as a whole.
    """
    if unit.principal.role == "provider":
        return select(Resource).where(col(Resource.provider_id) == unit.principal.party)
    return select(Resource)


def resource_document(unit: Unit, resource: Resource) -> dict[str, Any]:
    """Return a resource as the wire says it, before formatting."""
    return {
        **resource.model_dump(exclude={"recorded_by"}),
        "provider": code_of(unit, Party, resource.provider_id),
    }
