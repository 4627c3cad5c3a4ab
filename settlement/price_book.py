"""The prices of a set of offerings over time, read in a fixed number of statements however many offerings there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import select, text
from sqlmodel import col

from pricing.ceiling import Ceiling, FixedCeiling
from pricing.money import PriceBasis
from pricing.parameters import load_law, vat_rate_percent
from pricing.segments import CeilingSpan, FixedSpan, PriceVersion
from registry.prices import PERIOD_FORMS, ceiling_value, fixed_ceiling_value, tariff_value, version_spans
from registry.tables import CeilingVersion, Offering, Product, TariffVersion
from store.unit import Unit

_VERSIONS: Final = text(
    "SELECT (SELECT count(*) FROM tariff_version WHERE offering_id = :offering_id), "
    "(SELECT count(*) FROM ceiling_version WHERE offering_id = :offering_id)"
)


@dataclass(frozen=True)
class Named:
    """An offering as papers name it, and what its use is counted in: on paper (``unit``) and in the books."""

    offering_id: str
    code: str
    name: str
    unit: str
    asset: str
    charging_form: str


@dataclass(frozen=True)
class Priced:
    """An offering with its prices over time.

    ``ceilings`` are those of the product's own charging form, each over the days on which it really holds; ``fixed``
    what they and the ceilings by month and by year allow for the fixed part of a price.
    """

    named: Named
    tariffs: tuple[PriceVersion, ...]
    ceilings: tuple[CeilingSpan, ...]
    fixed: tuple[FixedSpan, ...] = ()

    def tariff_on(self, day: date) -> PriceVersion | None:
        """Return the public tariff in force on a day."""
        return next((version for version in self.tariffs if version.span.contains(day)), None)

    def tariff_of(self, tariff_id: str | None) -> PriceVersion | None:
        """Return the tariff version of an id."""
        return next((version for version in self.tariffs if version.id == tariff_id), None)

    def ceiling_on(self, day: date) -> Ceiling | None:
        """Return the ceiling in force on a day."""
        return next((held.ceiling for held in self.ceilings if held.span.contains(day)), None)

    def fixed_on(self, day: date) -> list[FixedCeiling]:
        """Return the ceilings in force on a day for the fixed part of a price."""
        return [held.ceiling for held in self.fixed if held.span.contains(day)]

    def in_basis(self, basis: PriceBasis, rate: Decimal) -> Priced:
        """Return the same with its ceilings as they hold for prices of a tax basis; ``rate`` is a fraction."""
        bases = {held.ceiling.price_basis for held in self.ceilings} | {part.ceiling.price_basis for part in self.fixed}
        if bases <= {basis}:
            return self
        return replace(
            self,
            ceilings=tuple(CeilingSpan(held.span, held.ceiling.in_basis(basis, rate)) for held in self.ceilings),
            fixed=tuple(FixedSpan(held.span, held.ceiling.in_basis(basis, rate)) for held in self.fixed),
        )


def price_book(unit: Unit, offering_ids: Iterable[str], as_of: datetime | None = None) -> dict[str, Priced]:
    """Return offerings with their tariffs and ceilings, by id; ``as_of`` leaves out versions recorded later."""
    named = offerings_named(unit, offering_ids)
    tariffs = _versions(unit, TariffVersion, list(named), as_of)
    ceilings = _versions(unit, CeilingVersion, list(named), as_of)
    return {
        offering_id: Priced(
            named=thing,
            tariffs=_tariff_spans(tariffs[offering_id]),
            ceilings=_ceiling_spans([row for row in ceilings[offering_id] if row.charging_form == thing.charging_form]),
            fixed=_fixed_spans(ceilings[offering_id], thing.charging_form),
        )
        for offering_id, thing in named.items()
    }


def remembered_prices(unit: Unit, offering_id: str) -> Priced:
    """Return an offering with its prices from memory, read again once a version was added; none is ever changed."""
    versions = tuple(unit.connection.execute(_VERSIONS, {"offering_id": offering_id}).one())
    remembered: dict[str, tuple[tuple[int, ...], Priced]] = unit.cache.setdefault("settlement.prices", {})
    found = remembered.get(offering_id)
    if found is None or found[0] != versions:
        found = remembered[offering_id] = (versions, price_book(unit, [offering_id])[offering_id])
    return found[1]


def offerings_named(unit: Unit, offering_ids: Iterable[str]) -> dict[str, Named]:
    """Return what offerings are called and counted in, by id; what never changes is remembered."""
    remembered: dict[str, Named] = unit.cache.setdefault("settlement.offerings", {})
    wanted = sorted(set(offering_ids))
    unknown = [offering_id for offering_id in wanted if offering_id not in remembered]
    if unknown:
        query = (
            select(Offering, Product)
            .join(Product, col(Product.id) == col(Offering.product_id))
            .where(col(Offering.id).in_(unknown))
        )
        for offering, product in unit.session.execute(query):
            remembered[offering.id] = Named(
                offering_id=offering.id,
                code=offering.code,
                name=f"{product.name} · {offering.scenario['name']}",
                unit=product.unit,
                asset=product.asset,
                charging_form=product.charging_basis,
            )
    return {offering_id: remembered[offering_id] for offering_id in wanted}


def vat_rate(day: date) -> Decimal:
    """Return the rate of value-added tax in force on a day as a fraction: 0.06 for 6 % (VAT Law, so national)."""
    return vat_rate_percent(load_law(), day).scaleb(-2)


def _versions(unit: Unit, table: Any, offering_ids: Sequence[str], as_of: datetime | None) -> dict[str, list[Any]]:
    query = select(table).where(col(table.offering_id).in_(offering_ids)).order_by(col(table.effective_from))
    if as_of is not None:
        query = query.where(col(table.recorded_at) <= as_of)
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


def _fixed_spans(rows: Sequence[CeilingVersion], charging_form: str) -> tuple[FixedSpan, ...]:
    """Return what allows a fixed part over time: versions of one form succeed each other, forms stand side by side."""
    found = []
    for form in (charging_form, *sorted(PERIOD_FORMS)):
        series = [row for row in rows if row.charging_form == form]
        for row, span in zip(series, version_spans(series), strict=True):
            ceiling = fixed_ceiling_value(row)
            if ceiling is not None:
                found.append(FixedSpan(span, ceiling))
    return tuple(found)
