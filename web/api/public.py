"""Routes that need no key: what is published."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from flask import Response
from marshmallow import Schema
from sqlalchemy import Select
from sqlmodel import col

from ledger.deliveries import DeliveredUse, delivered_by_month
from papers.public import public_csv
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
from schemas.public import (
    CatalogueOut,
    OfferingTableQuery,
    PriceOut,
    PublishedAuthorisationOut,
    PublishedCeilingOut,
    UseOut,
    UsePage,
    UseQuery,
    UseTableQuery,
)
from schemas.wire import NoQuery
from store.paging import CursorInvalid
from store.unit import Unit
from web.door import Door, describe, guard, lists, long_call, reads, store
from web.files import BYTES, MEDIA_TYPES

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
    rows = _delivered(unit, query, _opened(query["cursor"]))
    shown = list(islice(rows, query["limit"] + 1))
    following = _sealed(shown[query["limit"] - 1]) if len(shown) > query["limit"] else None
    return {"items": [_use(unit, row) for row in shown[: query["limit"]]], "next_cursor": following}


def _delivered(unit: Unit, query: Mapping[str, Any], after: tuple[str, str] | None) -> Iterator[DeliveredUse]:
    offerings = [find(unit, Offering, query["offering"], "offering").id] if query["offering"] else None
    return delivered_by_month(unit, offerings, str(query["month"]) if query["month"] else None, after)


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


Rows = Callable[[Unit, Mapping[str, Any]], Iterable[Any]]


def _tabulates(name: str, item: type[Schema], query: type[Schema]) -> Callable[[Rows], Rows]:
    """Make the route that gives all of a list at once, as CSV."""

    def decorate(rows: Rows) -> Rows:
        def view(wanted: Mapping[str, Any]) -> Response:
            writer = item()
            with store().reading(long_call(f"table_{name}")) as unit:
                content = public_csv(name, (writer.dump(row) for row in rows(unit, wanted)))
            disposition = f'inline; filename="{name}.csv"'
            return Response(content, content_type=MEDIA_TYPES["csv"], headers={"Content-Disposition": disposition})

        view.__name__, view.__doc__ = f"table_{name}", rows.__doc__
        documented = door.arguments(query, location="query")(view)
        documented = door.response(200, BYTES, content_type=MEDIA_TYPES["csv"], description="The table")(documented)
        door.route(f"/{name}.csv", methods=["GET"])(guard(describe(door, documented, PUBLIC), PUBLIC))
        return rows

    return decorate


def _all(unit: Unit, query: Select[Any], key: Any, document: Callable[[Unit, Any], Any]) -> Iterator[Any]:
    return (document(unit, row) for row in unit.session.execute(query.order_by(key)).scalars())


@_tabulates("catalogue", CatalogueOut, NoQuery)
def table_catalogue(unit: Unit, _query: Mapping[str, Any]) -> Iterable[Any]:
    """Give the whole catalogue as CSV."""
    return _all(unit, visible_offerings(unit), col(Offering.id), catalogue_document)


@_tabulates("prices", PriceOut, OfferingTableQuery)
def table_prices(unit: Unit, query: Mapping[str, Any]) -> Iterable[Any]:
    """Give the published prices as CSV, of one offering if named."""
    return _all(unit, visible_tariffs(unit, query["offering"]), col(TariffVersion.id), price_document)


@_tabulates("ceilings", PublishedCeilingOut, OfferingTableQuery)
def table_ceilings(unit: Unit, query: Mapping[str, Any]) -> Iterable[Any]:
    """Give the published ceiling prices as CSV, of one offering if named."""
    ceilings = visible_ceilings(unit, query["offering"])
    return _all(unit, ceilings, col(CeilingVersion.id), published_ceiling_document)


@_tabulates("authorisations", PublishedAuthorisationOut, NoQuery)
def table_authorisations(unit: Unit, _query: Mapping[str, Any]) -> Iterable[Any]:
    """Give the authorisations as CSV."""
    return _all(unit, published_authorisations(), col(Authorisation.id), published_authorisation_document)


@_tabulates("usage", UseOut, UseTableQuery)
def table_usage(unit: Unit, query: Mapping[str, Any]) -> Iterable[Any]:
    """Give the accepted use of each offering and month as CSV."""
    return (_use(unit, row) for row in _delivered(unit, query, None))
