"""Routes of ceiling prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from ledger.deliveries import delivered_since
from registry.ceilings import ceiling_document, decide_ceiling, find_ceiling, visible_ceilings
from registry.tables import CeilingVersion
from reports.what_if import try_ceiling
from schemas.prices import CeilingIn, CeilingOut, OfferingQuery
from schemas.registry import ROLES
from schemas.what_if import CeilingTriedIn, TriedOut
from store.unit import Unit
from web.door import Door, asks, lists, reads, writes

door = Door("ceilings", __name__, url_prefix="/ceilings", description="Ceiling prices, by the grantor")


@writes(door, "", roles=("grantor",), body=CeilingIn, answer=CeilingOut)
def make_ceiling(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Decide the ceiling price of an offering from a day on; the answer holds the test of the ceilings' sum."""
    return ceiling_document(unit, decide_ceiling(unit, body, delivered_since))


@lists(
    door,
    "",
    roles=ROLES,
    item=CeilingOut,
    key=col(CeilingVersion.id),
    document=ceiling_document,
    query=OfferingQuery,
)
def list_ceilings(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List the ceilings, all versions; they are published."""
    return visible_ceilings(unit, query["offering"])


@asks(
    door,
    "/what-if",
    roles=("grantor", "regulator", "operator", "auditor"),
    body=CeilingTriedIn,
    answer=TriedOut,
    is_long=True,
)
def try_ceiling_on_past_use(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Try a ceiling on the use of some past months, without deciding it: revenue, buyers affected, headroom."""
    return try_ceiling(unit, body)


@reads(door, "/<ceiling_id>", roles=ROLES, answer=CeilingOut)
def get_ceiling(unit: Unit, _query: Mapping[str, Any], ceiling_id: str) -> dict[str, Any]:
    """Show a ceiling."""
    return ceiling_document(unit, find_ceiling(unit, ceiling_id))
