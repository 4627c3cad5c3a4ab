"""Routes of authorisations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from registry.authorisations import authorisation_document, authorise, find_authorisation, visible_authorisations
from registry.tables import Authorisation
from schemas.registry import AuthorisationIn, AuthorisationOut
from store.unit import Unit
from web.door import Door, lists, reads, writes

READERS = ("grantor", "operator", "regulator", "auditor", "admin")

door = Door("authorisations", __name__, url_prefix="/authorisations", description="Who may operate what, until when")


@writes(door, "", roles=("grantor",), body=AuthorisationIn, answer=AuthorisationOut)
def create_authorisation(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Record an agreement by which the caller authorises an operator."""
    return authorisation_document(unit, authorise(unit, body))


@lists(door, "", roles=READERS, item=AuthorisationOut, key=col(Authorisation.id), document=authorisation_document)
def list_authorisations(unit: Unit, _query: Mapping[str, Any]) -> Select[Any]:
    """List the authorisations to which the caller is a party."""
    return visible_authorisations(unit)


@reads(door, "/<ref>", roles=READERS, answer=AuthorisationOut)
def get_authorisation(unit: Unit, _query: Mapping[str, Any], ref: str) -> dict[str, Any]:
    """Show an authorisation."""
    return authorisation_document(unit, find_authorisation(unit, ref))
