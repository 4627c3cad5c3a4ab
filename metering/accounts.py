"""The accounts that use is booked on: of a contract and offering, and of an operator's deliveries."""

from __future__ import annotations

from typing import Final

from ledger.books import AccountRef

UNBILLED: Final = "unbilled_use"
BILLED: Final = "billed_use"
FREE: Final = "free_use"
WRITTEN_OFF: Final = "written_off_use"
DELIVERED: Final = "delivered_use"

CONTRACT_KINDS: Final = (UNBILLED, BILLED, FREE, WRITTEN_OFF)
"""The accounts between which a contract's use moves; together they hold all that was accepted."""


def use_account(kind: str, operator_id: str, contract_id: str, offering_id: str, asset: str) -> AccountRef:
    """Return the account of one state of use (one of ``CONTRACT_KINDS``) of an offering under a contract."""
    return AccountRef(kind, operator_id, asset, contract_id=contract_id, offering_id=offering_id)


def delivered_account(operator_id: str, offering_id: str, asset: str) -> AccountRef:
    """Return the account that use comes from: what an operator delivered of an offering."""
    return AccountRef(DELIVERED, operator_id, asset, offering_id=offering_id)
