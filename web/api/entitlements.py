"""The route of entitlement: one call of a data gateway before it serves a use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.entitlement import EntitlementIn, EntitlementOut
from settlement.entitlement import check_use
from store.unit import Unit
from web.door import Door, asks

door = Door(
    "entitlements", __name__, url_prefix="/entitlements", description="May a use happen, and what would it cost"
)


@asks(door, "/check", roles=("operator", "buyer"), body=EntitlementIn, answer=EntitlementOut)
def check_entitlement(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Say whether a use may happen, by which right, what is left, and what it would cost.

    It is **no reservation**: nothing is set aside, and what is left may be used by others before the event comes. So it
    needs no Idempotency-Key, and answers 200 also where the use is not allowed (`allowed: false`), with the `code` and
    `detail` by which the event itself would be refused: `time_too_old`, `time_too_far_ahead`, `contract_not_accepted`,
    `contract_not_in_force`, `offering_not_in_contract`, `authorisation_lapsed`, `grant_required`, `grant_not_begun`,
    `grant_suspended`, `grant_revoked`, `grant_expired`, `grant_exhausted`, `quantity_limit_exceeded`. A contract that
    is not the caller's is 404.
    """
    return check_use(unit, body)
