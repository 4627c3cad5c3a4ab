"""Routes of free-use grants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from flask import Response
from sqlalchemy import Select
from sqlmodel import col

from registry.grant_evidence import add_evidence, evidence_document, evidence_of, find_evidence
from registry.grant_reratings import rerating_document
from registry.grant_reviews import review_grant
from registry.grant_tables import GrantEvidence, GrantRerating
from registry.grants import apply_for_grant, decide_grant, find_grant, grant_document, visible_grants
from registry.tables import FreeUseGrant
from schemas.registry import (
    ApprovalIn,
    EvidenceIn,
    EvidenceOut,
    GrantIn,
    GrantOut,
    GrantsQuery,
    RerateIn,
    ReratingOut,
    ReviewIn,
    WithdrawalIn,
)
from schemas.wire import NoQuery
from settlement.rerating import rerate_grant, visible_reratings
from store.unit import Unit
from web.door import Door, describe, guard, lists, long_call, reads, store, writes
from web.files import BYTES

READERS = ("buyer", "grantor", "operator", "regulator", "auditor", "admin")
EVIDENCE_READERS = ("buyer", "grantor", "regulator", "auditor")

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


@writes(door, "/<grant_id>/review", roles=("grantor",), body=ReviewIn, answer=GrantOut, status=200)
def review(unit: Unit, body: Mapping[str, Any], grant_id: str) -> dict[str, Any]:
    """Record a review of a grant: what was found, and whether it continues, is suspended or revoked."""
    return grant_document(unit, review_grant(unit, grant_id, body))


@writes(door, "/<grant_id>/rerate", roles=("grantor",), body=RerateIn, answer=ReratingOut)
def rerate(unit: Unit, body: Mapping[str, Any], grant_id: str) -> dict[str, Any]:
    """Decide that use under a grant was commercial from a day on; its bill is issued at once."""
    return rerating_document(unit, rerate_grant(unit, grant_id, body))


@lists(
    door,
    "/<grant_id>/reratings",
    roles=READERS,
    item=ReratingOut,
    key=col(GrantRerating.id),
    document=rerating_document,
)
def list_reratings(unit: Unit, _query: Mapping[str, Any], grant_id: str) -> Select[Any]:
    """List the decisions by which use under a grant was re-rated, each with its bill."""
    return visible_reratings(unit, grant_id)


@lists(door, "", roles=READERS, item=GrantOut, key=col(FreeUseGrant.id), document=grant_document, query=GrantsQuery)
def list_grants(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List the grants that the caller applied for, decides on or oversees; those due for review before a day."""
    return visible_grants(unit, query["review_due_before"])


@reads(door, "/<grant_id>", roles=READERS, answer=GrantOut)
def get_grant(unit: Unit, _query: Mapping[str, Any], grant_id: str) -> dict[str, Any]:
    """Show a grant."""
    return grant_document(unit, find_grant(unit, grant_id))


@writes(door, "/<grant_id>/evidence", roles=("buyer",), body=EvidenceIn, answer=EvidenceOut)
def send_evidence(unit: Unit, body: Mapping[str, Any], grant_id: str) -> dict[str, Any]:
    """Send a file as evidence of the task that the use serves."""
    return evidence_document(unit, add_evidence(unit, grant_id, body))


@lists(
    door,
    "/<grant_id>/evidence",
    roles=EVIDENCE_READERS,
    item=EvidenceOut,
    key=col(GrantEvidence.id),
    document=evidence_document,
)
def list_evidence(unit: Unit, _query: Mapping[str, Any], grant_id: str) -> Select[Any]:
    """List the files of evidence of a grant."""
    return evidence_of(unit, grant_id)


@reads(door, "/<grant_id>/evidence/<evidence_id>", roles=EVIDENCE_READERS, answer=EvidenceOut)
def get_evidence(unit: Unit, _query: Mapping[str, Any], grant_id: str, evidence_id: str) -> dict[str, Any]:
    """Say what a file of evidence is."""
    return evidence_document(unit, find_evidence(unit, grant_id, evidence_id))


def save_evidence(_query: Mapping[str, Any], grant_id: str, evidence_id: str) -> Response:
    """Give the bytes of a file of evidence as they came, to be saved and never shown in a page."""
    with store().reading(long_call(save_evidence.__name__)) as unit:
        row = find_evidence(unit, grant_id, evidence_id)
        response = Response(row.content, content_type="application/octet-stream")
        response.headers["X-Content-SHA256"] = row.sha256
        response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(row.name)}"
        response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


_saved = door.arguments(NoQuery, location="query")(save_evidence)
_saved = door.response(200, BYTES, content_type="application/octet-stream", description="The file")(_saved)
_saved = guard(describe(door, _saved, EVIDENCE_READERS), EVIDENCE_READERS)
door.route("/<grant_id>/evidence/<evidence_id>/content", methods=["GET"])(_saved)
