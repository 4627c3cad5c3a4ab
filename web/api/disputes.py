"""Routes of disputes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from schemas.settlement import DisputeAcceptIn, DisputeIn, DisputeOut, DisputeRejectIn
from settlement.disputes import (
    accept_dispute,
    dispute_document,
    find_dispute,
    open_dispute,
    reject_dispute,
    visible_disputes,
)
from settlement.tables import Dispute
from store.unit import Unit
from web.door import Door, lists, reads, writes

READERS = ("operator", "buyer", "regulator", "auditor", "admin")

door = Door("disputes", __name__, url_prefix="/disputes", description="Objections of buyers")


@writes(door, "", roles=("buyer",), body=DisputeIn, answer=DisputeOut)
def create_dispute(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Object to a bill or a contract."""
    return dispute_document(unit, open_dispute(unit, body))


@writes(door, "/<dispute_id>/accept", roles=("operator",), body=DisputeAcceptIn, answer=DisputeOut, status=200)
def accept(unit: Unit, body: Mapping[str, Any], dispute_id: str) -> dict[str, Any]:
    """Accept a dispute; its credit note is made at once."""
    return dispute_document(unit, accept_dispute(unit, dispute_id, body))


@writes(door, "/<dispute_id>/reject", roles=("operator",), body=DisputeRejectIn, answer=DisputeOut, status=200)
def reject(unit: Unit, body: Mapping[str, Any], dispute_id: str) -> dict[str, Any]:
    """Reject a dispute with the reason."""
    return dispute_document(unit, reject_dispute(unit, dispute_id, body))


@lists(door, "", roles=READERS, item=DisputeOut, key=col(Dispute.id), document=dispute_document)
def list_disputes(unit: Unit, _query: Mapping[str, Any]) -> Select[Any]:
    """List the disputes that the caller is a party to or oversees."""
    return visible_disputes(unit)


@reads(door, "/<dispute_id>", roles=READERS, answer=DisputeOut)
def get_dispute(unit: Unit, _query: Mapping[str, Any], dispute_id: str) -> dict[str, Any]:
    """Show a dispute and the answer to it."""
    return dispute_document(unit, find_dispute(unit, dispute_id))
