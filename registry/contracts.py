"""Contracts: what usage events name, however they came about, and who may see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, false, select, true
from sqlmodel import col

from registry.lookup import code_of, missing
from registry.redevelopment import END_USE
from registry.relations import SEES_EVERYTHING, contracts_under, operators_overseen
from registry.tables import Contract, ContractOffering, GrantDecision, Offering, Party
from store.ids import new_id
from store.unit import Unit


@dataclass(frozen=True)
class Terms:
    """What a contract says of one offering.

    ``tariff`` is the document of the frozen price and ``tariff_id`` the version it was taken from; without them the
    contract follows the public tariff. ``quantity_limit`` is in millionths of the unit.
    """

    offering_id: str
    category: str
    tariff_id: str | None = None
    tariff: Any = None
    quantity_limit: int | None = None


def open_contract(  # noqa: PLR0913 - a contract is its facts, each given by name
    unit: Unit,
    *,
    kind: str,
    operator_id: str,
    buyer_id: str,
    effective_from: date,
    effective_until: date | None,
    terms: Sequence[Terms],
    price_basis: str | None,
    quote_id: str | None = None,
    grant_id: str | None = None,
    consent_reference: str | None = None,
    use: str = END_USE,
    accepted: bool,
) -> Contract:
    """Write a contract with its offerings; it is pending until its buyer accepts, unless ``accepted`` already."""
    contract = Contract(
        id=new_id("ctr"),
        kind=kind,
        operator_id=operator_id,
        buyer_id=buyer_id,
        effective_from=effective_from,
        effective_until=effective_until,
        price_basis=price_basis,
        consent_reference=consent_reference,
        quote_id=quote_id,
        grant_id=grant_id,
        use=use,
        accepted_at=unit.now if accepted else None,
        recorded_at=unit.now,
        recorded_by=unit.principal.party_id,
    )
    unit.session.add(contract)
    unit.session.flush()
    unit.session.add_all(
        ContractOffering(
            contract_id=contract.id,
            offering_id=term.offering_id,
            category=term.category,
            tariff_id=term.tariff_id,
            tariff=term.tariff,
            quantity_limit=term.quantity_limit,
        )
        for term in terms
    )
    unit.session.flush()
    return contract


def find_contract(unit: Unit, ref: str, field: str | None = None) -> Contract:
    """Return a contract that the caller may see; raises NotFound, naming ``field`` where the body said it."""
    query = visible_contracts(unit).where(col(Contract.id) == ref)
    contract: Contract | None = unit.session.execute(query).scalar_one_or_none()
    if contract is None:
        raise missing("contract", ref, field)
    return contract


def visible_contracts(unit: Unit) -> Select[Contract]:
    """Return the query of the contracts that the caller is a party to or oversees."""
    return select(Contract).where(_seen(unit))


def contract_offerings(unit: Unit, contract_id: str) -> list[ContractOffering]:
    """Return what a contract says of each of its offerings, in the order of their ids."""
    query = select(ContractOffering).where(col(ContractOffering.contract_id) == contract_id)
    return list(unit.session.execute(query.order_by(col(ContractOffering.offering_id))).scalars())


def contract_status(unit: Unit, contract: Contract) -> str:
    """Return ``pending`` until the buyer has accepted, ``ended`` after the term or a revocation, else ``active``."""
    if contract.effective_until is not None and contract.effective_until <= unit.today:
        return "ended"
    if contract.grant_id is not None and _is_revoked(unit, contract.grant_id):
        return "ended"
    return "active" if contract.accepted_at is not None else "pending"


def contract_document(unit: Unit, contract: Contract) -> dict[str, Any]:
    """Return a contract as the wire says it, before formatting."""
    terms = [_terms_document(unit, row) for row in contract_offerings(unit, contract.id)]
    return {
        **contract.model_dump(exclude={"recorded_by", "quote_id", "grant_id"}),
        "operator": code_of(unit, Party, contract.operator_id),
        "buyer": code_of(unit, Party, contract.buyer_id),
        "quote": contract.quote_id,
        "grant": contract.grant_id,
        "status": contract_status(unit, contract),
        "offerings": [term["offering"] for term in terms],
        "terms": terms,
        "sandbox": unit.sandbox,
    }


def _terms_document(unit: Unit, row: ContractOffering) -> dict[str, Any]:
    return {
        **row.model_dump(include={"category", "tariff_id", "tariff", "quantity_limit"}),
        "offering": code_of(unit, Offering, row.offering_id),
    }


def _is_revoked(unit: Unit, grant_id: str) -> bool:
    """A revocation is final, so one that has taken effect says it all."""
    revocation = select(col(GrantDecision.id)).where(
        col(GrantDecision.grant_id) == grant_id,
        col(GrantDecision.action) == "revoke",
        col(GrantDecision.effective_at) <= unit.now,
    )
    return unit.session.execute(revocation.limit(1)).first() is not None


def _seen(unit: Unit) -> ColumnElement[bool]:
    role = unit.principal.role
    if role in SEES_EVERYTHING:
        return true()
    if role == "buyer":
        return col(Contract.buyer_id) == unit.principal.party
    if role == "grantor":
        return col(Contract.id).in_(contracts_under(unit))
    if role in ("operator", "regulator"):
        return col(Contract.operator_id).in_(operators_overseen(unit) or [])
    return false()
