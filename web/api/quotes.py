"""Routes of quotes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response
from sqlalchemy import Select
from sqlmodel import col

from pricing.canonical import canonical_json
from registry.contracts import contract_document
from schemas.rated_batch import RatedBatchIn, RatedBatchOut
from schemas.registry import ROLES
from schemas.settlement import AcceptedQuoteOut, QuoteIn, QuoteOut
from schemas.wire import NoQuery
from settlement.quotes import (
    accept_quote,
    create_quote,
    find_quote,
    quote_document,
    quoted_contract,
    visible_quotes,
    withdraw_quote,
)
from settlement.rated_batch import rate_batch
from settlement.tables import Quote
from store.unit import Unit
from web.door import Door, asks, describe, guard, lists, long_call, reads, store, writes

READERS = ("operator", "buyer", "regulator", "auditor", "admin")

door = Door("quotes", __name__, url_prefix="/quotes", description="Binding offers")


@writes(door, "", roles=("operator", "buyer"), body=QuoteIn, answer=QuoteOut)
def make_quote(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Make a quote at the public tariff: a binding offer, whoever asks."""
    return quote_document(unit, create_quote(unit, body))


@asks(door, "/rate", roles=ROLES, body=RatedBatchIn, answer=RatedBatchOut, is_long=True)
def rate_items(unit: Unit, body: Mapping[str, Any]) -> bytes:
    """Say what many items would cost at the public tariff, each for itself; nothing is offered and nothing is kept."""
    return rate_batch(unit, body)


@writes(door, "/<quote_id>/accept", roles=("buyer",), answer=AcceptedQuoteOut, status=200)
def accept(unit: Unit, quote_id: str) -> dict[str, Any]:
    """Accept a quote: once, until the end of its last day. Its contract is opened with the prices quoted."""
    quote = accept_quote(unit, quote_id)
    return {**quote_document(unit, quote), "contract": contract_document(unit, quoted_contract(unit, quote))}


@writes(door, "/<quote_id>/withdraw", roles=("operator",), answer=QuoteOut, status=200)
def withdraw(unit: Unit, quote_id: str) -> dict[str, Any]:
    """Withdraw an open quote."""
    return quote_document(unit, withdraw_quote(unit, quote_id))


@lists(door, "", roles=READERS, item=QuoteOut, key=col(Quote.id), document=quote_document)
def list_quotes(unit: Unit, _query: Mapping[str, Any]) -> Select[Any]:
    """List the quotes that the caller is a party to or oversees."""
    return visible_quotes(unit)


@reads(door, "/<quote_id>", roles=READERS, answer=QuoteOut)
def get_quote(unit: Unit, _query: Mapping[str, Any], quote_id: str) -> dict[str, Any]:
    """Show a quote as it stands now."""
    return quote_document(unit, find_quote(unit, quote_id))


@door.arguments(NoQuery, location="query")
@door.response(200, {"type": "object"}, description="The snapshot, byte for byte")
def get_quote_snapshot(_query: Mapping[str, Any], quote_id: str) -> Response:
    """Give what a quote froze, prices, ceilings, tax and rules, in the bytes whose SHA-256 is its ``snapshot_hash``."""
    with store().reading(long_call("get_quote_snapshot")) as unit:
        snapshot = find_quote(unit, quote_id).snapshot
    return Response(canonical_json(snapshot), mimetype="application/json")


door.route("/<quote_id>/snapshot", methods=["GET"])(guard(describe(door, get_quote_snapshot, READERS), READERS))
