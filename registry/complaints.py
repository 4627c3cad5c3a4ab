"""Complaints about offerings: anybody who holds a key may complain, the operator answers, those who oversee it close.

They are counted into the compliance report, which tells a price that many find too high.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, or_, select, true
from sqlmodel import col

from pricing.errors import Conflict
from registry.complaint_tables import Complaint, ComplaintStep
from registry.lookup import code_of, find, missing
from registry.relations import SEES_EVERYTHING, offerings_under, require_operator
from registry.tables import Offering, Party
from store.ids import new_id
from store.unit import Unit

KINDS: Final = ("price_too_high", "unfair_terms", "quality", "other")


class ComplaintClosed(Conflict):
    """A complaint that was closed."""

    code = "complaint_closed"


def complain(unit: Unit, given: Mapping[str, Any]) -> Complaint:
    """Record the caller's complaint about an offering; raises NotFound."""
    offering = find(unit, Offering, given["offering"], "offering")
    complaint = Complaint(
        id=new_id("cmp"),
        offering_id=offering.id,
        operator_id=offering.operator_id,
        kind=given["kind"],
        text=given["text"],
        recorded_at=unit.now,
        recorded_by=unit.principal.party,
    )
    unit.session.add(complaint)
    unit.object_id = complaint.id
    return complaint


def answer_complaint(unit: Unit, complaint_id: str, text: str) -> Complaint:
    """Answer a complaint as the operator of its offering, also again; raises NotFound, ComplaintClosed."""
    complaint = _open(unit, complaint_id)
    require_operator(unit, complaint.operator_id, "complaint", complaint_id)
    return _add_step(unit, complaint, "answer", text)


def close_complaint(unit: Unit, complaint_id: str, text: str) -> Complaint:
    """Close a complaint about an offering that the caller oversees as grantor or price authority.

    ``text`` says what was found. Raises NotFound, ComplaintClosed.
    """
    complaint = _open(unit, complaint_id)
    if unit.session.execute(offerings_under(unit).where(col(Offering.id) == complaint.offering_id)).first() is None:
        raise missing("complaint", complaint_id)
    return _add_step(unit, complaint, "close", text)


def complaint_status(steps: Sequence[ComplaintStep]) -> str:
    """Return ``open``, ``answered`` or ``closed``."""
    return {"answer": "answered", "close": "closed"}[steps[-1].action] if steps else "open"


def visible_complaints(unit: Unit) -> Select[Any]:
    """Return the query of the caller's own complaints, and of those about offerings that it offers or oversees."""
    return select(Complaint).where(_seen(unit))


def find_complaint(unit: Unit, complaint_id: str) -> Complaint:
    """Return a complaint that the caller may see; raises NotFound."""
    query = visible_complaints(unit).where(col(Complaint.id) == complaint_id)
    complaint: Complaint | None = unit.session.execute(query).scalar_one_or_none()
    if complaint is None:
        raise missing("complaint", complaint_id)
    return complaint


def complaint_document(unit: Unit, complaint: Complaint) -> dict[str, Any]:
    """Return a complaint as the wire says it, before formatting, with what followed."""
    steps = steps_of(unit, complaint.id)
    return {
        **complaint.model_dump(include={"id", "kind", "text", "recorded_at"}),
        "offering": code_of(unit, Offering, complaint.offering_id),
        "operator": code_of(unit, Party, complaint.operator_id),
        "complainant": code_of(unit, Party, str(complaint.recorded_by)),
        "status": complaint_status(steps),
        "steps": [step.model_dump(include={"action", "text", "recorded_at"}) for step in steps],
        "sandbox": unit.sandbox,
    }


def steps_of(unit: Unit, complaint_id: str) -> Sequence[ComplaintStep]:
    """Return what followed on a complaint, in its order."""
    query = select(ComplaintStep).where(col(ComplaintStep.complaint_id) == complaint_id)
    return unit.session.execute(query.order_by(col(ComplaintStep.id))).scalars().all()


def _open(unit: Unit, complaint_id: str) -> Complaint:
    """Return a complaint that the caller may see, locked and not closed."""
    find_complaint(unit, complaint_id)
    complaint = unit.session.get_one(Complaint, complaint_id, with_for_update=True)
    unit.object_id = complaint.id
    if complaint_status(steps_of(unit, complaint_id)) == "closed":
        message = f"complaint {complaint_id} was closed"
        raise ComplaintClosed(message, state="closed")
    return complaint


def _add_step(unit: Unit, complaint: Complaint, action: str, text: str) -> Complaint:
    unit.session.add(
        ComplaintStep(
            id=new_id("cms"),
            complaint_id=complaint.id,
            action=action,
            text=text,
            recorded_at=unit.now,
            recorded_by=unit.principal.party,
        )
    )
    unit.session.flush()
    return complaint


def _seen(unit: Unit) -> ColumnElement[bool]:
    if unit.principal.role in SEES_EVERYTHING:
        return true()
    own = col(Complaint.recorded_by) == unit.principal.party
    if unit.principal.role in ("operator", "grantor", "regulator"):
        return or_(own, col(Complaint.offering_id).in_(offerings_under(unit)))
    return own
