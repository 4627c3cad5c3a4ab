"""Routes of payouts and remittances to the treasury."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from schemas.distribution import PayoutIn, PayoutOut, PayoutQuery
from schemas.registry import ROLES
from settlement.payouts import find_payout, pay_out, payout_document, visible_payouts
from settlement.tables import Payout
from store.unit import Unit
from web.door import Door, lists, reads, writes

door = Door("payouts", __name__, url_prefix="/payouts", description="Shares paid out")


@writes(door, "", roles=("operator",), body=PayoutIn, answer=PayoutOut)
def create_payout(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Record that the closing balance of a beneficiary's newest statement was paid, or remitted to the treasury."""
    return payout_document(unit, pay_out(unit, body))


@lists(door, "", roles=ROLES, item=PayoutOut, key=col(Payout.id), document=payout_document, query=PayoutQuery)
def list_payouts(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List the payouts of the statements that the caller may see."""
    return visible_payouts(unit, query["statement"])


@reads(door, "/<payout_id>", roles=ROLES, answer=PayoutOut)
def get_payout(unit: Unit, _query: Mapping[str, Any], payout_id: str) -> dict[str, Any]:
    """Show a payout."""
    return payout_document(unit, find_payout(unit, payout_id))
