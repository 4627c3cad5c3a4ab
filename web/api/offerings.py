"""Routes of offerings and their classification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from ledger.deliveries import delivered_since
from registry.confirmation import confirm_classification
from registry.lookup import find
from registry.offerings import create_offering, offering_document, visible_offerings
from registry.tables import Offering
from schemas.registry import ROLES, ConfirmationIn, OfferingIn, OfferingOut
from store.unit import Unit
from web.door import Door, lists, reads, writes

door = Door("offerings", __name__, url_prefix="/offerings", description="Products in application scenarios")


@writes(door, "", roles=("operator",), body=OfferingIn, answer=OfferingOut)
def make_offering(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Offer a product in a scenario; the answer proposes its category with the reasons."""
    return offering_document(unit, create_offering(unit, body))


@writes(door, "/<ref>/classification/confirm", roles=("grantor",), body=ConfirmationIn, answer=OfferingOut, status=200)
def confirm(unit: Unit, body: Mapping[str, Any], ref: str) -> dict[str, Any]:
    """Confirm the proposed category of an offering from a day on, or overrule it with a reason."""
    return offering_document(unit, confirm_classification(unit, ref, body, delivered_since))


@lists(door, "", roles=ROLES, item=OfferingOut, key=col(Offering.id), document=offering_document)
def list_offerings(unit: Unit, _query: Mapping[str, Any]) -> Select[Any]:
    """List the offerings of all operators."""
    return visible_offerings(unit)


@reads(door, "/<ref>", roles=ROLES, answer=OfferingOut)
def get_offering(unit: Unit, _query: Mapping[str, Any], ref: str) -> dict[str, Any]:
    """Show an offering."""
    return offering_document(unit, find(unit, Offering, ref))
