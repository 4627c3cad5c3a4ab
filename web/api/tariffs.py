"""Routes of tariffs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlmodel import col

from ledger.deliveries import delivered_since
from registry.tables import TariffVersion
from registry.tariffs import find_tariff, publish_tariff, tariff_document, visible_tariffs
from reports.above_ceiling import list_above_ceiling
from reports.what_if import try_tariff
from schemas.prices import OfferingQuery, TariffIn, TariffOut
from schemas.registry import ROLES
from schemas.reports import AboveCeilingOut, AboveCeilingQuery
from schemas.what_if import TariffTriedIn, TriedOut
from store.unit import Unit
from web.door import Door, asks, lists, reads, writes

door = Door("tariffs", __name__, url_prefix="/tariffs", description="Actual prices, by the operator")


@writes(door, "", roles=("operator",), body=TariffIn, answer=TariffOut)
def make_tariff(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Publish the tariff of an offering from a day on, at or under its ceiling."""
    return tariff_document(unit, publish_tariff(unit, body, delivered_since))


@lists(door, "", roles=ROLES, item=TariffOut, key=col(TariffVersion.id), document=tariff_document, query=OfferingQuery)
def list_tariffs(unit: Unit, query: Mapping[str, Any]) -> Select[Any]:
    """List the tariffs, all versions; they are published."""
    return visible_tariffs(unit, query["offering"])


@asks(
    door,
    "/what-if",
    roles=("operator", "grantor", "regulator", "auditor"),
    body=TariffTriedIn,
    answer=TriedOut,
    is_long=True,
)
def try_tariff_on_past_use(unit: Unit, body: Mapping[str, Any]) -> dict[str, Any]:
    """Try a tariff on the use of some past months, without publishing it: revenue, buyers affected, headroom."""
    return try_tariff(unit, body)


@reads(
    door,
    "/above-ceiling",
    roles=("operator", "grantor", "regulator", "auditor"),
    answer=AboveCeilingOut,
    query=AboveCeilingQuery,
)
def list_prices_above_ceiling(unit: Unit, query: Mapping[str, Any]) -> dict[str, Any]:
    """List the prices of an operator that a ceiling has come to lie below: published, and those of contracts."""
    return list_above_ceiling(unit, query)


@reads(door, "/<tariff_id>", roles=ROLES, answer=TariffOut)
def get_tariff(unit: Unit, _query: Mapping[str, Any], tariff_id: str) -> dict[str, Any]:
    """Show a tariff."""
    return tariff_document(unit, find_tariff(unit, tariff_id))
