"""Routes of maximum permitted revenue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from registry.revenue_caps import cap_document, determine_cap, find_cap, visible_caps
from registry.tables import RevenueCap
from schemas.prices import CapQuery, RevenueCapIn, RevenueCapOut
from store.unit import Unit
from web.door import Door, lists, reads, writes

READERS = ("regulator", "operator", "grantor", "auditor", "admin")

door = Door("revenue caps", __name__, url_prefix="/revenue-caps", description="Maximum permitted revenue by cycle")


@writes(door, "", roles=("regulator",), body=RevenueCapIn, answer=RevenueCapOut)
def determine_revenue_cap(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Determine the maximum permitted revenue of an operator for a cycle; the answer reckons it year by year."""
    return cap_document(unit, determine_cap(unit, body))


@lists(door, "", roles=READERS, item=RevenueCapOut, key=col(RevenueCap.id), document=cap_document, query=CapQuery)
def list_revenue_caps(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List the determinations about operators that the caller is or oversees."""
    return visible_caps(unit, query["operator"])


@reads(door, "/<cap_id>", roles=READERS, answer=RevenueCapOut)
def get_revenue_cap(unit: Unit, _query: Mapping[str, Any], cap_id: str) -> dict[str, Any]:
    """Show a determination."""
    return cap_document(unit, find_cap(unit, cap_id))
