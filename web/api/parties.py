"""Routes of parties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from registry.lookup import find
from registry.parties import party_document, register_party, visible_parties
from registry.tables import Party
from schemas.registry import ROLES, PartyIn, PartyOut
from store.unit import Unit
from web.door import Door, lists, reads, writes

door = Door("parties", __name__, url_prefix="/parties", description="Who takes part")


@writes(door, "", roles=("admin",), body=PartyIn, answer=PartyOut)
def create_party(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Register a party."""
    return party_document(unit, register_party(unit, body))


@lists(door, "", roles=ROLES, item=PartyOut, key=col(Party.id), document=party_document)
def list_parties(unit: Unit, _query: Mapping[str, Any]) -> Select[Any]:
    """List the parties."""
    return visible_parties(unit)


@reads(door, "/<ref>", roles=ROLES, answer=PartyOut)
def get_party(unit: Unit, _query: Mapping[str, Any], ref: str) -> dict[str, Any]:
    """Show a party."""
    return party_document(unit, find(unit, Party, ref))
