"""Routes that need no key: what is published."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from ledger.deliveries import DeliveredUse, delivered_by_month
from registry.ceilings import visible_ceilings
from registry.lookup import code_of, find
from registry.offerings import visible_offerings
from registry.published import (
    catalogue_document,
    price_document,
    published_authorisation_document,
    published_authorisations,
    published_ceiling_document,
)
from registry.relations import product_of
from registry.tables import Authorisation, CeilingVersion, Offering, TariffVersion
from registry.tariffs import visible_tariffs
from schemas.prices import OfferingQuery
from schemas.public import CatalogueOut, PriceOut, PublishedAuthorisationOut, PublishedCeilingOut, UsePage, UseQuery
from store.paging import CursorInvalid
from store.unit import Unit
from web.door import Door, lists, reads

PUBLIC = ("public",)

door = Door("public", __name__, url_prefix="/public", description="What anybody may read, without a key")


@lists(door, "/catalogue", roles=PUBLIC, item=CatalogueOut, key=col(Offering.id), document=catalogue_document)
def catalogue(unit: Unit, _query: Mapping[str, Any]) -> Select[Any]:
    """List the offerings: product, scenario, what the use is and why, under which agreement."""
    return visible_offerings(unit)


@lists(
    door,
    "/prices",
    roles=PUBLIC,
    item=PriceOut,
    key=col(TariffVersion.id),
    document=price_document,
    query=OfferingQuery,
)
def prices(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List the published prices, all versions."""
    return visible_tariffs(unit, query["offering"])


@lists(
    door,
    "/ceilings",
    roles=PUBLIC,
    item=PublishedCeilingOut,
    key=col(CeilingVersion.id),
    document=published_ceiling_document,
    query=OfferingQuery,
)
def ceilings(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List the published ceiling prices, all versions."""
    return visible_ceilings(unit, query["offering"])


@lists(
    door,
    "/authorisations",
    roles=PUBLIC,
    item=PublishedAuthorisationOut,
    key=col(Authorisation.id),
    document=published_authorisation_document,
)
def authorisations(_unit: Unit, _query: Mapping[str, Any]) -> Select[Any]:
    """List the authorisations."""
    return published_authorisations()


@reads(door, "/usage", roles=PUBLIC, answer=UsePage, query=UseQuery)
def usage(unit: Unit, query: Mapping[str, Any]) -> dict[str, Any]:
    """List the accepted use of each offering and month, of all buyers together."""
    offerings = [find(unit, Offering, query["offering"], "offering").id] if query["offering"] else None
    month = str(query["month"]) if query["month"] else None
    rows = delivered_by_month(unit, offerings, month, _opened(query["cursor"]))
    shown = list(islice(rows, query["limit"] + 1))
    following = _sealed(shown[query["limit"] - 1]) if len(shown) > query["limit"] else None
    return {"items": [_use(unit, row) for row in shown[: query["limit"]]], "next_cursor": following}


def _use(unit: Unit, row: DeliveredUse) -> dict[str, Any]:
    return {
        "offering": code_of(unit, Offering, row.offering_id),
        "month": row.month,
        "accepted": row.quantity,
        "unit": product_of(unit, row.offering_id).unit,
        "sandbox": unit.sandbox,
    }


def _sealed(row: DeliveredUse) -> str:
    return f"{row.offering_id}.{row.month}"


def _opened(cursor: str | None) -> tuple[str, str] | None:
    if cursor is None:
        return None
    offering_id, dot, month = cursor.partition(".")
    if not (offering_id and dot and month):
        message = f"{cursor!r} is no cursor of this list; use next_cursor of the page before, or none"
        raise CursorInvalid(message, errors={"cursor": [message]})
    return offering_id, month
