"""Prices of many items in one call: each as a quote of it alone would say at the public tariff, and nothing is kept.

A bad item costs its neighbours nothing: it gets a code and a sentence of its own. What all items of one offering have
in common is looked up once.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from sqlalchemy import or_, select
from sqlmodel import col

from pricing.classification import COMMERCIAL
from pricing.errors import Malformed, Problem
from pricing.money import (
    PriceBasis,
    Tax,
    format_money,
    format_quantity,
    format_unit_price,
    parse_quantity,
    tax_of_document,
    within_money_limit,
)
from pricing.rating import Rating, Segment, rate_period
from pricing.segments import PriceVersion
from registry.lookup import find, missing
from registry.offerings import require_classified, require_offerable
from registry.tables import Offering
from settlement.price_book import Priced, price_book, vat_rate
from settlement.quote_lines import price_in_force
from store.unit import Unit

_MEMBERS: Final = {"offering", "quantity"}
_REF_LENGTH_MAX: Final = 128
_REFS_MAX: Final = 500
"""So many offerings are sought by one statement."""
_NOTHING: Final = Tax(0, 0, 0)


@dataclass(frozen=True)
class _Offer:
    """What every item of an offering is priced by; without a tariff it is free."""

    priced: Priced
    category: str
    version: PriceVersion | None = None
    segment: Segment | None = None


def rate_batch(unit: Unit, given: Mapping[str, Any]) -> bytes:
    """Return the prices of the items as the bytes of their JSON, in the order given; ``on`` is the day of the prices.

    No item raises: what is wrong with it stands in its place. A quantity may be zero.
    """
    rater = _Rater(unit, given["on"] or unit.today, _known(unit, given["items"]))
    results = [rater.result(index, item) for index, item in enumerate(given["items"])]
    refused = sum("code" in result for result in results)
    document = {
        "on": rater.day.isoformat(),
        "currency": "CNY",
        "rated": len(results) - refused,
        "refused": refused,
        "results": results,
        "sandbox": unit.sandbox,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


class _Rater:
    """Prices items of one day; remembers the offerings, and why one has no price."""

    def __init__(self, unit: Unit, day: date, known: Collection[str]) -> None:
        self.unit, self.day, self._known = unit, day, known
        self._vat = vat_rate(day)
        self._offers: dict[str, _Offer | Problem] = {}

    def result(self, index: int, item: object) -> dict[str, Any]:
        try:
            return {"index": index, **self._priced(item)}
        except Problem as problem:
            return {"index": index, "code": problem.code, "detail": problem.detail}

    def _priced(self, item: object) -> dict[str, Any]:
        if not isinstance(item, dict) or set(item) != _MEMBERS or not isinstance(item["offering"], str):
            raise Malformed("an item has exactly the members offering (a code or id) and quantity, both text")
        offer, quantity = self._offer(item["offering"]), parse_quantity(item["quantity"])
        named = offer.priced.named
        told = {
            "offering": named.code,
            "category": offer.category,
            "quantity": format_quantity(quantity),
            "unit": named.unit,
        }
        if offer.segment is None or offer.version is None:
            return {**told, **_amounts(_NOTHING), "nominal_unit_price": "0.00", "effective_unit_price": "0.00"}
        rating = rate_period([replace(offer.segment, quantity_micro=quantity)])
        tax, _ = tax_of_document([rating.total], rating.price_basis, self._vat)
        within_money_limit(tax.gross, "item")
        return {**told, **_amounts(tax), **_prices(rating), "tariff_id": offer.version.id, "trial": offer.version.trial}

    def _offer(self, ref: str) -> _Offer:
        found = self._offers.get(ref)
        if found is None:
            try:
                found = self._looked_up(ref)
            except Problem as problem:
                found = problem
            self._offers[ref] = found
        if isinstance(found, Problem):
            raise found
        return found

    def _looked_up(self, ref: str) -> _Offer:
        if not 0 < len(ref) <= _REF_LENGTH_MAX or not ref.isprintable():
            raise Malformed(f"an offering is named by its code or id, of up to {_REF_LENGTH_MAX} printable characters")
        if ref not in self._known:
            raise missing("offering", ref, "offering")
        offering = find(self.unit, Offering, ref, "offering")
        require_offerable(self.unit, offering, self.day)
        category = require_classified(self.unit, offering, self.day)
        priced = price_book(self.unit, [offering.id])[offering.id]
        if category != COMMERCIAL:
            return _Offer(priced, category)
        return _Offer(priced, category, *price_in_force(priced, self.day))


def _known(unit: Unit, items: Sequence[object]) -> set[str]:
    """Return those codes and ids of the items that name an offering: each that does not would cost a query."""
    named = {item["offering"] for item in items if isinstance(item, dict) and isinstance(item.get("offering"), str)}
    refs = sorted(ref for ref in named if 0 < len(ref) <= _REF_LENGTH_MAX and ref.isprintable())
    found: set[str] = set()
    for start in range(0, len(refs), _REFS_MAX):
        part = refs[start : start + _REFS_MAX]
        query: Any = select(col(Offering.id), col(Offering.code)).where(
            or_(col(Offering.id).in_(part), col(Offering.code).in_(part))
        )
        found |= {ref for row in unit.connection.execute(query) for ref in row}
    return found


def _amounts(tax: Tax) -> dict[str, str]:
    return {"net": format_money(tax.net), "tax": format_money(tax.tax), "gross": format_money(tax.gross)}


def _prices(rating: Rating) -> dict[str, Any]:
    nominal, effective = rating.nominal_unit_price, rating.effective_unit_price
    return {
        "price_basis": PriceBasis(rating.price_basis).value,
        "nominal_unit_price": None if nominal is None else format_unit_price(nominal),
        "effective_unit_price": None if effective is None else format_unit_price(effective),
    }
