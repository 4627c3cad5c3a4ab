"""Contracts at the public tariff: opened by an operator without a quote, in force once the buyer accepts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from pricing.classification import COMMERCIAL
from pricing.errors import Conflict, PriceBasisMismatch, Refusal
from registry.contracts import Terms, contract_offerings, contract_status, open_contract
from registry.lookup import missing, party_of_kind
from registry.offerings import own_offering, require_classified, require_offerable
from registry.prices import tariff_on, tariff_value
from registry.redevelopment import require_no_own_redevelopment
from registry.relations import product_of
from registry.spans import require_span
from registry.tables import Contract, Offering
from registry.tariffs import require_within_ceilings
from store.unit import Unit


class GrantRequired(Refusal):
    """Use of a public-interest offering needs an approved free-use grant (Opinion 六, 七)."""

    code = "grant_required"


class TariffMissing(Refusal):
    """No tariff of the offering is in force on a day."""

    code = "tariff_missing"


class ContractNotPending(Conflict):
    """A contract that waits for nobody's acceptance, or no longer."""

    code = "contract_not_pending"


def offer_public_contract(unit: Unit, given: Mapping[str, Any]) -> Contract:
    """Open a contract at the public tariff; it is pending until its buyer accepts, unless a consent is named.

    Raises NotFound, RedevelopmentByAffiliate, DatesReversed, ClassificationUnconfirmed, GrantRequired, TariffMissing,
    PriceAboveCeiling, PriceBasisMismatch and what ``require_offerable`` raises.
    """
    buyer = party_of_kind(unit, given["buyer"], "buyer", "buyer")
    require_no_own_redevelopment(unit, given["use"], buyer, unit.principal.party)
    require_span(given)
    named = [own_offering(unit, ref, f"offerings.{number}") for number, ref in enumerate(given["offerings"])]
    offerings = list({offering.id: offering for offering in named}.values())
    contract = open_contract(
        unit,
        kind="public_tariff",
        operator_id=unit.principal.party,
        buyer_id=buyer.id,
        effective_from=given["effective_from"],
        effective_until=given["effective_until"],
        terms=[Terms(offering.id, COMMERCIAL) for offering in offerings],
        price_basis=_require_sellable(unit, offerings, given["effective_from"]),
        consent_reference=given["consent_reference"],
        use=given["use"],
        accepted=given["consent_reference"] is not None,
    )
    unit.object_id = contract.id
    return contract


def accept_contract(unit: Unit, contract_id: str) -> Contract:
    """Accept a pending contract as its buyer; raises NotFound, ContractNotPending, and what opening it raises."""
    contract = unit.session.get(Contract, contract_id, with_for_update=True)
    if contract is None or contract.buyer_id != unit.principal.party:
        raise missing("contract", contract_id)
    unit.object_id = contract.id
    status = contract_status(unit, contract)
    if status != "pending":
        message = f"contract {contract.id} is {status} and waits for no acceptance"
        raise ContractNotPending(message, state=status)
    rows = contract_offerings(unit, contract.id)
    offerings = [unit.session.get_one(Offering, row.offering_id) for row in rows]
    basis = _require_sellable(unit, offerings, contract.effective_from)
    _require_one_basis({basis: "the tariffs of today", str(contract.price_basis): "the contract"})
    contract.accepted_at = unit.now
    unit.session.flush()
    return contract


def _require_sellable(unit: Unit, offerings: Iterable[Offering], first: date) -> str:
    """Require that each offering can be sold on the contract's first day and today; return their one price basis."""
    days = sorted({first, max(first, unit.today)})
    bases: dict[str, str] = {}
    for offering in offerings:
        require_offerable(unit, offering, days[-1])
        _require_within_ceiling(unit, offering, days[-1])
        for day in days:
            _require_commercial(unit, offering, day)
            bases.setdefault(_price_basis(unit, offering, day), f"{offering.code} on {day}")
    _require_one_basis(bases)
    return next(iter(bases))


def _require_within_ceiling(unit: Unit, offering: Offering, day: date) -> None:
    """Refuse a tariff that a lowered ceiling has left above it, as a quote would be (Price Notice 三)."""
    tariff = tariff_on(unit, offering.id, day)
    if tariff is not None:
        require_within_ceilings(unit, offering, product_of(unit, offering.id), tariff_value(tariff), day)


def _require_one_basis(found: Mapping[str, str]) -> None:
    if len(found) > 1:
        said = "; ".join(f"{basis} by {where}" for basis, where in sorted(found.items()))
        message = f"one contract has one price basis, and these differ: {said}; make a contract of each"
        raise PriceBasisMismatch(message, errors={"offerings": [message]})


def _require_commercial(unit: Unit, offering: Offering, day: date) -> None:
    category = require_classified(unit, offering, day)
    if category != COMMERCIAL:
        message = (
            f"offering {offering.code} is classified as {category} on {day}: its use is free and needs an approved "
            "free-use grant, which is its contract"
        )
        raise GrantRequired(message, errors={"offerings": [message]})


def _price_basis(unit: Unit, offering: Offering, day: date) -> str:
    tariff = tariff_on(unit, offering.id, day)
    if tariff is None:
        message = f"no tariff of offering {offering.code} is in force on {day}: publish one first"
        raise TariffMissing(message, errors={"offerings": [message]})
    return tariff.price_basis
