"""Routes of resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from registry.resources import find_resource, register_resource, resource_document, visible_resources
from registry.tables import Resource
from schemas.registry import ResourceIn, ResourceOut
from store.unit import Unit
from web.door import Door, lists, reads, writes

READERS = ("provider", "grantor", "operator", "regulator", "auditor", "admin")

door = Door("resources", __name__, url_prefix="/resources", description="Registered public data resources")


@writes(door, "", roles=("provider", "admin"), body=ResourceIn, answer=ResourceOut)
def create_resource(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Register a resource; a provider registers its own."""
    return resource_document(unit, register_resource(unit, body))


@lists(door, "", roles=READERS, item=ResourceOut, key=col(Resource.id), document=resource_document)
def list_resources(unit: Unit, _query: Mapping[str, Any]) -> Select[Any]:
    """List the resources; a provider sees its own."""
    return visible_resources(unit)


@reads(door, "/<ref>", roles=READERS, answer=ResourceOut)
def get_resource(unit: Unit, _query: Mapping[str, Any], ref: str) -> dict[str, Any]:
    """Show a resource."""
    return resource_document(unit, find_resource(unit, ref))
