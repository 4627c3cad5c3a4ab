"""Routes of contracts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from registry.contracts import contract_document, find_contract, visible_contracts
from registry.public_contracts import accept_contract, offer_public_contract
from registry.tables import Contract
from schemas.registry import ContractIn, ContractOut
from store.unit import Unit
from web.door import Door, lists, reads, writes

READERS = ("operator", "buyer", "grantor", "regulator", "auditor", "admin")

door = Door("contracts", __name__, url_prefix="/contracts", description="What usage events name")


@writes(door, "", roles=("operator",), body=ContractIn, answer=ContractOut)
def offer_contract(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Open a contract at the public tariff, without a quote; it is pending until the buyer accepts."""
    return contract_document(unit, offer_public_contract(unit, body))


@writes(door, "/<contract_id>/accept", roles=("buyer",), answer=ContractOut, status=200)
def accept_public_contract(unit: Unit, contract_id: str) -> dict[str, Any]:
    """Accept a pending contract."""
    return contract_document(unit, accept_contract(unit, contract_id))


@lists(door, "", roles=READERS, item=ContractOut, key=col(Contract.id), document=contract_document)
def list_contracts(unit: Unit, _query: Mapping[str, Any]) -> Select[Any]:
    """List the contracts that the caller is a party to or oversees."""
    return visible_contracts(unit)


@reads(door, "/<contract_id>", roles=READERS, answer=ContractOut)
def get_contract(unit: Unit, _query: Mapping[str, Any], contract_id: str) -> dict[str, Any]:
    """Show a contract."""
    return contract_document(unit, find_contract(unit, contract_id))
