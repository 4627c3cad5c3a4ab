"""Quotes: a binding offer, frozen with its hash, accepted once and in time, or withdrawn.

A quote names the tariffs and ceilings in force on the later of today and the first day of its contract. Whoever asks,
it is made at the public tariff, so that the same case costs the same for all (Price Notice 三).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import col

from pricing.canonical import canonical_json, sha256_of
from pricing.classification import COMMERCIAL
from pricing.errors import Conflict, Refusal
from pricing.money import parse_money, parse_quantity
from pricing.tariff import tariff_from_document
from registry.contracts import Terms, open_contract
from registry.lookup import code_of, find, missing, party_of_kind
from registry.offerings import require_classified, require_offerable
from registry.redevelopment import require_no_own_redevelopment
from registry.relations import require_operator
from registry.spans import DatesReversed, require_span
from registry.tables import Contract, Offering, Party
from settlement.price_book import price_book
from settlement.quote_lines import Asked, Offer, make_offer, require_price_allowed
from settlement.standing import traded
from settlement.tables import Quote
from store.counters import next_number
from store.ids import new_id
from store.unit import Unit


class ValidityTooLong(Refusal):
    """A buyer's quote that would bind the operator for longer than the platform allows."""

    code = "validity_too_long"


class ValidityInThePast(Refusal):
    """A quote that would have expired before it was made."""

    code = "validity_in_the_past"


class OfferingRepeated(Refusal):
    """One offering in two items: their tiers would accumulate together, so that neither could be priced alone."""

    code = "offering_repeated"


class SeveralOperators(Refusal):
    """Offerings of several operators in one quote: a contract is with one."""

    code = "several_operators"


class QuoteExpired(Conflict):
    """The last day on which a quote could be accepted has passed."""

    code = "quote_expired"


class QuoteNotOpen(Conflict):
    """A quote that was accepted or withdrawn already."""

    code = "quote_not_open"


class ClassificationChanged(Conflict):
    """An offering whose category is no longer the one that was quoted."""

    code = "classification_changed"


def create_quote(unit: Unit, given: Mapping[str, Any]) -> Quote:
    """Make a quote, as the operator of the offerings or as the buyer.

    Raises NotFound, DatesReversed, ValidityInThePast, ValidityTooLong, OfferingRepeated, SeveralOperators,
    RedevelopmentByAffiliate, TariffMissing, CeilingMissing, PriceAboveCeiling, PriceBasisMismatch,
    ClassificationUnconfirmed and what ``require_offerable`` raises.
    """
    buyer = _buyer(unit, given["buyer"])
    priced_on = max(unit.today, given["effective_from"])
    _require_dates(unit, given, priced_on)
    offerings = _offerings(unit, given["items"])
    operator_id = offerings[0].operator_id
    require_no_own_redevelopment(unit, given["use"], buyer, operator_id)
    book = price_book(unit, (offering.id for offering in offerings))
    asked = []
    for number, (offering, item) in enumerate(zip(offerings, given["items"], strict=True)):
        require_offerable(unit, offering, priced_on)
        category = require_classified(unit, offering, priced_on)
        asked.append(Asked(f"items.{number}", book[offering.id], category, item["quantity"]))
    offer = make_offer(asked, priced_on, unit.law)
    quote = _write(unit, given, buyer, operator_id, priced_on, offer)
    unit.object_id = quote.id
    return quote


def accept_quote(unit: Unit, quote_id: str) -> Quote:
    """Accept a quote as its buyer: once, and until the end of its last day. Its contract is opened with its prices.

    Raises NotFound, QuoteNotOpen, QuoteExpired, ClassificationChanged, PriceAboveCeiling, CeilingMissing and what
    ``require_offerable`` raises.
    """
    quote = _locked(unit, quote_id)
    if quote.buyer_id != unit.principal.party:
        raise missing("quote", quote_id)
    _require_open(unit, quote)
    lines = quote.snapshot["lines"]
    _require_still_allowed(unit, lines, max(unit.today, quote.effective_from))
    contract = open_contract(
        unit,
        kind="quote",
        operator_id=quote.operator_id,
        buyer_id=quote.buyer_id,
        effective_from=quote.effective_from,
        effective_until=quote.effective_until,
        terms=[_terms(line, quote.snapshot["quantity_is"]) for line in lines],
        price_basis=quote.price_basis,
        quote_id=quote.id,
        use=quote.snapshot["use"],
        accepted=True,
    )
    quote.accepted_at, quote.contract_id = unit.now, contract.id
    unit.session.flush()
    return quote


def withdraw_quote(unit: Unit, quote_id: str) -> Quote:
    """Withdraw an open quote as its operator; raises NotFound, QuoteNotOpen, QuoteExpired."""
    quote = _locked(unit, quote_id)
    require_operator(unit, quote.operator_id, "quote", quote_id)
    _require_open(unit, quote)
    quote.withdrawn_at = unit.now
    unit.session.flush()
    return quote


def quote_status(quote: Quote, today: date) -> str:
    """Return ``accepted``, ``withdrawn``, ``expired`` from the day after the last on which it holds, or ``open``."""
    if quote.accepted_at is not None:
        return "accepted"
    if quote.withdrawn_at is not None:
        return "withdrawn"
    return "expired" if today > quote.valid_until else "open"


def visible_quotes(unit: Unit) -> Select[Any]:
    """Return the query of the quotes that the caller is a party to or oversees."""
    return select(Quote).where(traded(unit, Quote))


def find_quote(unit: Unit, quote_id: str) -> Quote:
    """Return a quote that the caller may see; raises NotFound."""
    quote: Quote | None = unit.session.execute(
        visible_quotes(unit).where(col(Quote.id) == quote_id)
    ).scalar_one_or_none()
    if quote is None:
        raise missing("quote", quote_id)
    return quote


def quote_document(unit: Unit, quote: Quote) -> dict[str, Any]:
    """Return a quote as the wire says it: what was frozen, and its fate."""
    frozen = quote.snapshot
    return {
        **quote.model_dump(exclude={"recorded_by", "snapshot", "contract_id"}),
        "status": quote_status(quote, unit.today),
        "operator": code_of(unit, Party, quote.operator_id),
        "buyer": code_of(unit, Party, quote.buyer_id),
        "items": [{"offering": line["offering"], "quantity": line["quantity"]} for line in frozen["lines"]],
        "quantity_is": frozen["quantity_is"],
        "use": frozen["use"],
        "priced_on": frozen["priced_on"],
        "vat_rate_percent": frozen["vat_rate_percent"],
        "lines": frozen["lines"],
        "currency": frozen["currency"],
        "contract": {"id": quote.contract_id} if quote.contract_id else None,
        "sandbox": unit.sandbox,
    }


def quoted_contract(unit: Unit, quote: Quote) -> Contract:
    """Return the contract of an accepted quote."""
    return unit.session.get_one(Contract, quote.contract_id)


def _buyer(unit: Unit, ref: str) -> Party:
    buyer = party_of_kind(unit, ref, "buyer", "buyer")
    if unit.principal.role == "buyer" and buyer.id != unit.principal.party:
        raise missing("buyer", ref, "buyer")
    return buyer


def _require_dates(unit: Unit, given: Mapping[str, Any], priced_on: date) -> None:
    term = require_span(given)
    if term.end is not None and term.end <= priced_on:
        message = f"the contract would have ended on {term.end}, before it could be used; today is {unit.today}"
        raise DatesReversed(message, errors={"effective_until": [message]})
    valid_until: date = given["valid_until"]
    if valid_until < unit.today:
        message = f"valid_until {valid_until} has passed; today is {unit.today}"
        raise ValidityInThePast(message, errors={"valid_until": [message]})
    days_max = unit.settings.buyer_quote_days_max
    latest = unit.today + timedelta(days=days_max)
    if unit.principal.role == "buyer" and valid_until > latest:
        message = f"a quote that a buyer asks for holds at most {days_max} days, until {latest}, not {valid_until}"
        raise ValidityTooLong(message, errors={"valid_until": [message]}, latest=latest.isoformat())


def _offerings(unit: Unit, items: Sequence[Mapping[str, Any]]) -> list[Offering]:
    """Return the offerings of the items: each once, all of one operator, which is the caller where it is one."""
    offerings: list[Offering] = []
    for number, item in enumerate(items):
        field = f"items.{number}.offering"
        offering = find(unit, Offering, item["offering"], field)
        if unit.principal.role == "operator":
            require_operator(unit, offering.operator_id, "offering", item["offering"], field)
        if offering in offerings:
            message = f"{offering.code} is in two items; add their quantities up in one"
            raise OfferingRepeated(message, errors={field: [message]})
        if offerings and offering.operator_id != offerings[0].operator_id:
            message = f"{offering.code} is another operator's than {offerings[0].code}; ask each for a quote"
            raise SeveralOperators(message, errors={field: [message]})
        offerings.append(offering)
    return offerings


def _write(
    unit: Unit, given: Mapping[str, Any], buyer: Party, operator_id: str, priced_on: date, offer: Offer
) -> Quote:
    number = next_number(unit, operator_id, "quote")
    frozen = {
        "number": number,
        "operator": code_of(unit, Party, operator_id),
        "operator_id": operator_id,
        "buyer": buyer.code,
        "buyer_id": buyer.id,
        **{name: _text(given[name]) for name in ("valid_until", "effective_from", "effective_until")},
        "quantity_is": given["quantity_is"],
        "use": given["use"],
        "priced_on": priced_on.isoformat(),
        **offer.document(),
    }
    # As it will be read back: what the first answer shows is, to the byte, what later ones show.
    snapshot = json.loads(canonical_json(frozen))
    quote = Quote(
        id=new_id("qt"),
        number=number,
        operator_id=operator_id,
        buyer_id=buyer.id,
        valid_until=given["valid_until"],
        effective_from=given["effective_from"],
        effective_until=given["effective_until"],
        price_basis=offer.price_basis,
        net=parse_money(snapshot["net"]),
        tax=parse_money(snapshot["tax"]),
        gross=parse_money(snapshot["gross"]),
        snapshot=snapshot,
        snapshot_hash=sha256_of(snapshot),
        recorded_at=unit.now,
        recorded_by=unit.principal.party,
    )
    unit.session.add(quote)
    unit.session.flush()
    return quote


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _locked(unit: Unit, quote_id: str) -> Quote:
    quote = unit.session.get(Quote, quote_id, with_for_update=True)
    if quote is None:
        raise missing("quote", quote_id)
    unit.object_id = quote.id
    return quote


def _require_open(unit: Unit, quote: Quote) -> None:
    status = quote_status(quote, unit.today)
    if status == "expired":
        message = f"quote {quote.number} held until the end of {quote.valid_until}; ask for a new one"
        raise QuoteExpired(message, valid_until=quote.valid_until.isoformat())
    if status != "open":
        message = f"quote {quote.number} was {status} already"
        raise QuoteNotOpen(message, state=status)


def _require_still_allowed(unit: Unit, lines: Sequence[Mapping[str, Any]], day: date) -> None:
    """Judge a quote's offerings and prices anew on the day it is accepted: the ceiling may have been lowered."""
    book = price_book(unit, (line["offering_id"] for line in lines))
    for line in lines:
        offering = unit.session.get_one(Offering, line["offering_id"])
        require_offerable(unit, offering, day)
        category = require_classified(unit, offering, day)
        if category != line["category"]:
            message = (
                f"offering {offering.code} was quoted as {line['category']} and is {category} now; ask for a new quote"
            )
            raise ClassificationChanged(message, offering=offering.code)
        if category == COMMERCIAL:
            priced = book[offering.id]
            require_price_allowed(priced, tariff_from_document(line["tariff"]), day, trial=line["trial"])


def _terms(line: Mapping[str, Any], quantity_is: str) -> Terms:
    return Terms(
        line["offering_id"],
        line["category"],
        line["tariff_id"],
        line["tariff"],
        parse_quantity(line["quantity"]) if quantity_is == "limit" else None,
    )
