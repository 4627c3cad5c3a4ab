"""The prices of a set of offerings over time, read in a fixed number of statements however many offerings there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from pricing.ceiling import Ceiling
from pricing.parameters import load_law, vat_rate_percent
from pricing.segments import CeilingSpan, PriceVersion
from registry.prices import ceiling_value, tariff_value, version_spans
from registry.tables import CeilingVersion, Offering, Product, TariffVersion
from store.unit import Unit


@dataclass(frozen=True)
class Priced:
    """An offering as quotes and bills see it: what it is called and counted in, and its prices over time.

    ``ceilings`` are those of the product's own charging form, each over the days on which it really holds.
    """

    offering_id: str
    code: str
    name: str
    unit: str
    asset: str
    tariffs: tuple[PriceVersion, ...]
    ceilings: tuple[CeilingSpan, ...]

    def tariff_on(self, day: date) -> PriceVersion | None:
        """Return the public tariff in force on a day."""
        return next((version for version in self.tariffs if version.span.contains(day)), None)

    def tariff_of(self, tariff_id: str | None) -> PriceVersion | None:
        """Return the tariff version of an id."""
        return next((version for version in self.tariffs if version.id == tariff_id), None)

    def ceiling_on(self, day: date) -> Ceiling | None:
        """Return the ceiling in force on a day."""
        return next((held.ceiling for held in self.ceilings if held.span.contains(day)), None)


def price_book(unit: Unit, offering_ids: Iterable[str]) -> dict[str, Priced]:
    """Return offerings with their tariffs and ceilings, by id."""
    wanted = sorted(set(offering_ids))
    things = unit.connection.execute(
        select(
            col(Offering.id),
            col(Offering.code),
            col(Offering.scenario),
            col(Product.name),
            col(Product.unit),
            col(Product.asset),
            col(Product.charging_basis),
        )
        .join(Product, col(Product.id) == col(Offering.product_id))
        .where(col(Offering.id).in_(wanted))
    ).all()
    tariffs = _versions(unit, TariffVersion, wanted)
    ceilings = _versions(unit, CeilingVersion, wanted)
    return {
        thing.id: Priced(
            offering_id=thing.id,
            code=thing.code,
            name=f"{thing.name} · {thing.scenario['name']}",
            unit=thing.unit,
            asset=thing.asset,
            tariffs=_tariff_spans(tariffs[thing.id]),
            ceilings=_ceiling_spans([row for row in ceilings[thing.id] if row.charging_form == thing.charging_basis]),
        )
        for thing in things
    }


def vat_rate(day: date) -> Decimal:
    """Return the rate of value-added tax in force on a day as a fraction: 0.06 for 6 % (VAT Law)."""
    return vat_rate_percent(load_law(), day).scaleb(-2)


def _versions(unit: Unit, table: Any, offering_ids: Sequence[str]) -> dict[str, list[Any]]:
    query = select(table).where(col(table.offering_id).in_(offering_ids)).order_by(col(table.effective_from))
    found: dict[str, list[Any]] = defaultdict(list)
    for row in unit.session.execute(query).scalars():
        found[row.offering_id].append(row)
    return found


def _tariff_spans(rows: Sequence[TariffVersion]) -> tuple[PriceVersion, ...]:
    return tuple(
        PriceVersion(span, row.id, tariff_value(row), row.trial)
        for row, span in zip(rows, version_spans(rows), strict=True)
    )


def _ceiling_spans(rows: Sequence[CeilingVersion]) -> tuple[CeilingSpan, ...]:
    return tuple(CeilingSpan(span, ceiling_value(row)) for row, span in zip(rows, version_spans(rows), strict=True))
