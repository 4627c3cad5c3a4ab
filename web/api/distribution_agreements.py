"""Routes of distribution agreements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from schemas.distribution import AgreementIn, AgreementOut
from settlement.agreements import (
    agreement_document,
    find_agreement,
    propose_agreement,
    sign_agreement,
    visible_agreements,
)
from settlement.tables import DistributionAgreement
from store.unit import Unit
from web.door import Door, lists, reads, writes

SIDES = ("operator", "grantor")
READERS = (*SIDES, "regulator", "auditor", "admin")

door = Door(
    "distribution-agreements", __name__, url_prefix="/distribution-agreements", description="Who gets which share"
)


@writes(door, "", roles=SIDES, body=AgreementIn, answer=AgreementOut)
def propose_distribution(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Record an agreement on the distribution of revenue; it is proposed until operator and grantor have signed it."""
    return agreement_document(unit, propose_agreement(unit, body))


@writes(door, "/<agreement_id>/sign", roles=SIDES, answer=AgreementOut, status=200)
def sign_distribution(unit: Unit, agreement_id: str) -> dict[str, Any]:
    """Sign an agreement for the caller's side; with both signatures it is in force."""
    return agreement_document(unit, sign_agreement(unit, agreement_id))


@lists(door, "", roles=READERS, item=AgreementOut, key=col(DistributionAgreement.id), document=agreement_document)
def list_distributions(unit: Unit, _query: Mapping[str, Any]) -> Select[Any]:
    """List the agreements that the caller is a side of or oversees."""
    return visible_agreements(unit)


@reads(door, "/<agreement_id>", roles=READERS, answer=AgreementOut)
def get_distribution(unit: Unit, _query: Mapping[str, Any], agreement_id: str) -> dict[str, Any]:
    """Show an agreement."""
    return agreement_document(unit, find_agreement(unit, agreement_id))
