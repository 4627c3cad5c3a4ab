"""Routes of free-use grants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from registry.grants import apply_for_grant, decide_grant, find_grant, grant_document, visible_grants
from registry.tables import FreeUseGrant
from schemas.registry import ApprovalIn, GrantIn, GrantOut, WithdrawalIn
from store.unit import Unit
from web.door import Door, lists, reads, writes

READERS = ("buyer", "grantor", "operator", "regulator", "auditor", "admin")

door = Door("free-use-grants", __name__, url_prefix="/free-use-grants", description="Conditional free use")


@writes(door, "", roles=("buyer",), body=GrantIn, answer=GrantOut)
def apply_for_free_use(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Apply for free use of a public-interest offering."""
    return grant_document(unit, apply_for_grant(unit, body))


@writes(door, "/<grant_id>/approve", roles=("grantor",), body=ApprovalIn, answer=GrantOut, status=200)
def approve_grant(unit: Unit, body: Mapping[str, Any], grant_id: str) -> dict[str, Any]:
    """Approve a grant: its contract is what usage events name. A suspended grant is resumed from now on."""
    return grant_document(unit, decide_grant(unit, grant_id, "approve", body))


@writes(door, "/<grant_id>/suspend", roles=("grantor",), body=WithdrawalIn, answer=GrantOut, status=200)
def suspend_grant(unit: Unit, body: Mapping[str, Any], grant_id: str) -> dict[str, Any]:
    """Suspend a grant; use before that stays free."""
    return grant_document(unit, decide_grant(unit, grant_id, "suspend", body))


@writes(door, "/<grant_id>/revoke", roles=("grantor",), body=WithdrawalIn, answer=GrantOut, status=200)
def revoke_grant(unit: Unit, body: Mapping[str, Any], grant_id: str) -> dict[str, Any]:
    """Revoke a grant for good, or refuse a pending one; use before that stays free."""
    return grant_document(unit, decide_grant(unit, grant_id, "revoke", body))


@lists(door, "", roles=READERS, item=GrantOut, key=col(FreeUseGrant.id), document=grant_document)
def list_grants(unit: Unit, _query: Mapping[str, Any]) -> Select[Any]:
    """List the grants that the caller applied for, decides on or oversees."""
    return visible_grants(unit)


@reads(door, "/<grant_id>", roles=READERS, answer=GrantOut)
def get_grant(unit: Unit, _query: Mapping[str, Any], grant_id: str) -> dict[str, Any]:
    """Show a grant."""
    return grant_document(unit, find_grant(unit, grant_id))
