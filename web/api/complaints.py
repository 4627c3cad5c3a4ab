"""Routes of complaints about offerings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from registry.complaint_tables import Complaint
from registry.complaints import (
    answer_complaint,
    close_complaint,
    complain,
    complaint_document,
    find_complaint,
    visible_complaints,
)
from registry.lookup import find
from registry.tables import Offering
from schemas.fairness import ComplaintIn, ComplaintOut, ComplaintsQuery, TextIn
from store.unit import Unit
from web.door import Door, lists, reads, writes

COMPLAINANTS = ("buyer", "provider", "operator", "grantor", "regulator")
READERS = (*COMPLAINANTS, "auditor", "admin")

door = Door("complaints", __name__, url_prefix="/complaints", description="Complaints about offerings")


@writes(door, "", roles=COMPLAINANTS, body=ComplaintIn, answer=ComplaintOut)
def make_complaint(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Complain of an offering: of its price, its terms, its quality."""
    return complaint_document(unit, complain(unit, body))


@writes(door, "/<complaint_id>/answer", roles=("operator",), body=TextIn, answer=ComplaintOut, status=200)
def answer_a_complaint(unit: Unit, body: Mapping[str, Any], complaint_id: str) -> dict[str, Any]:
    """Answer a complaint about an offering of the caller's."""
    return complaint_document(unit, answer_complaint(unit, complaint_id, body["text"]))


@writes(door, "/<complaint_id>/close", roles=("grantor", "regulator"), body=TextIn, answer=ComplaintOut, status=200)
def close_a_complaint(unit: Unit, body: Mapping[str, Any], complaint_id: str) -> dict[str, Any]:
    """Close a complaint about an offering that the caller oversees, with what was found."""
    return complaint_document(unit, close_complaint(unit, complaint_id, body["text"]))


@lists(
    door,
    "",
    roles=READERS,
    item=ComplaintOut,
    key=col(Complaint.id),
    document=complaint_document,
    query=ComplaintsQuery,
)
def list_complaints(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List the caller's complaints, and those about offerings that it offers or oversees."""
    wanted = visible_complaints(unit)
    if query["offering"] is not None:
        offering = find(unit, Offering, query["offering"], "offering")
        wanted = wanted.where(col(Complaint.offering_id) == offering.id)
    return wanted


@reads(door, "/<complaint_id>", roles=READERS, answer=ComplaintOut)
def get_complaint(unit: Unit, _query: Mapping[str, Any], complaint_id: str) -> dict[str, Any]:
    """Show a complaint and what followed."""
    return complaint_document(unit, find_complaint(unit, complaint_id))
