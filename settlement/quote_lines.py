"""The lines of a quote: each offering rated once on the use of one tier period, and frozen as it was shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from pricing.ceiling import Ceiling, FixedCeiling, require_within, strictest
from pricing.classification import COMMERCIAL
from pricing.errors import PriceAboveCeiling, PriceBasisMismatch
from pricing.explanation import Step
from pricing.inversions import inversions
from pricing.money import (
    PriceBasis,
    Tax,
    format_money,
    format_quantity,
    format_rate,
    format_unit_price,
    tax_of_document,
    within_money_limit,
)
from pricing.parameters import Law
from pricing.period import Month
from pricing.rating import Rating, Segment, free_line, rate_period
from pricing.segments import PriceVersion
from pricing.tariff import Tariff, TierPeriod
from registry.public_contracts import TariffMissing
from registry.tariffs import CeilingMissing
from settlement.price_book import Priced, vat_rate


@dataclass(frozen=True)
class Asked:
    """One item of a quote: the field of the request, the offering, its category, and use in millionths."""

    field: str
    priced: Priced
    category: str
    quantity: int


@dataclass(frozen=True)
class Offered:
    """One item priced; without a rating it is free."""

    asked: Asked
    day: date
    tariff: PriceVersion | None = None
    ceiling: Ceiling | None = None
    fixed_ceiling: FixedCeiling | None = None
    rating: Rating | None = None

    @property
    def amount(self) -> int:
        """The charge in fen, in the tariff's basis."""
        return self.rating.total if self.rating else 0

    def document(self, tax: Tax) -> dict[str, Any]:
        """Return the line as it is frozen: all numbers as text."""
        named = self.asked.priced.named
        return {
            "offering": named.code,
            "offering_id": named.offering_id,
            "offering_name": named.name,
            "category": self.asked.category,
            "quantity": format_quantity(self.asked.quantity),
            "unit": named.unit,
            "net": format_money(tax.net),
            "tax": format_money(tax.tax),
            "gross": format_money(tax.gross),
            **self._prices(),
            "explanation": [step.as_wire() for step in self._steps()],
        }

    def _prices(self) -> dict[str, Any]:
        if self.tariff is None or self.rating is None:
            return {
                "tier_period": TierPeriod.MONTH.value,
                "charge": format_money(0),
                "relief": format_money(0),
                "nominal_unit_price": format_unit_price(Decimal(0)),
                "effective_unit_price": format_unit_price(Decimal(0)),
                "ceiling": None,
                "fixed_price": None,
                "fixed_ceiling": None,
                "warnings": [],
                "tariff_id": None,
                "tariff": None,
                "trial": False,
            }
        nominal, effective = self.rating.nominal_unit_price, self.rating.effective_unit_price
        return {
            "tier_period": self.tariff.tariff.tier_period.value,
            "charge": format_money(self.rating.charge),
            "relief": format_money(self.rating.total - self.rating.charge),
            "nominal_unit_price": None if nominal is None else format_unit_price(nominal),
            "effective_unit_price": None if effective is None else format_unit_price(effective),
            "ceiling": None if self.ceiling is None else {**self.ceiling.as_wire(), "id": self.ceiling.id},
            **self._fixed(),
            "warnings": [warning.as_wire() for warning in inversions(self.tariff.tariff, self.asked.quantity)],
            "tariff_id": self.tariff.id,
            "tariff": self.tariff.tariff.document(),
            "trial": self.tariff.trial,
        }

    def _fixed(self) -> dict[str, Any]:
        price = self.tariff.tariff.fixed if self.tariff else None
        ceiling = self.fixed_ceiling if price else None
        stated = {} if price is None else {"price": format_money(price.price), "period": price.period.value}
        return {
            "fixed_price": {**stated, "proration": price.proration.value} if price else None,
            "fixed_ceiling": {**ceiling.as_wire(), "id": ceiling.id} if ceiling else None,
        }

    def _steps(self) -> Sequence[Step]:
        if self.rating is not None:
            return self.rating.explain()
        free = free_line(self.day, Month.from_date(self.day).until, self.asked.quantity)
        return (*free.steps, _GRANT_STEP)


@dataclass(frozen=True)
class Offer:
    """All items of a quote priced, with their taxes; a quote of free items alone has no price basis."""

    price_basis: str | None
    items: tuple[Offered, ...]
    taxes: tuple[Tax, ...]
    vat_rate: Decimal
    law: Law

    def document(self) -> dict[str, Any]:
        """Return what is frozen of it: the lines, the sums, the rate of tax and the rules that were applied."""
        return {
            "currency": "CNY",
            "price_basis": self.price_basis,
            "lines": [item.document(tax) for item, tax in zip(self.items, self.taxes, strict=True)],
            "net": format_money(sum(tax.net for tax in self.taxes)),
            "tax": format_money(sum(tax.tax for tax in self.taxes)),
            "gross": format_money(sum(tax.gross for tax in self.taxes)),
            "vat_rate_percent": format_rate(self.vat_rate.scaleb(2)),
            "rule_set": {
                "jurisdiction": self.law.jurisdiction.code,
                "version": self.law.version,
                "hash": self.law.digest(),
            },
        }


def make_offer(asked: Sequence[Asked], day: date, law: Law) -> Offer:
    """Price the items of a quote by the tariffs and ceilings in force on a day.

    Raises TariffMissing, CeilingMissing, PriceAboveCeiling, PriceBasisMismatch, AmountTooLarge.
    """
    items = tuple(_offered(item, day) for item in asked)
    basis = _one_basis(items)
    rate = vat_rate(day)
    amounts = [item.amount for item in items]
    document, taxes = tax_of_document(amounts, basis or PriceBasis.TAX_EXCLUSIVE, rate)
    within_money_limit(document.gross, "quote")
    return Offer(None if basis is None else basis.value, items, tuple(taxes), rate, law)


def require_price_allowed(priced: Priced, tariff: Tariff, day: date, *, trial: bool) -> None:
    """Refuse prices above the ceilings of a day, or formal ones without any (Price Notice 三).

    Raises PriceAboveCeiling, PriceBasisMismatch, CeilingMissing.
    """
    ceiling, fixed = priced.ceiling_on(day), priced.fixed_on(day)
    require_within(tariff, ceiling, fixed, priced.named.unit, offering=priced.named.code)
    is_limited = ceiling is not None or (tariff.fixed is not None and not tariff.priced_fields() and fixed)
    if not is_limited and not trial:
        message = (
            f"no ceiling of offering {priced.named.code} is in force on {day}, so that its price cannot be offered; "
            "its grantor sets one"
        )
        raise CeilingMissing(message, offering=priced.named.code)


def price_in_force(priced: Priced, day: date) -> tuple[PriceVersion, Segment]:
    """Return the public tariff in force on a day, and the rest of its month under the ceilings that hold.

    The segment has no use yet. Raises TariffMissing, PriceAboveCeiling, PriceBasisMismatch, CeilingMissing.
    """
    tariff = priced.tariff_on(day)
    if tariff is None:
        message = f"no tariff of offering {priced.named.code} is in force on {day}: publish one first"
        raise TariffMissing(message, errors={"offering": [message]})
    require_price_allowed(priced, tariff.tariff, day, trial=tariff.trial)
    until, fixed = Month.from_date(day).until, strictest(priced.fixed_on(day))
    return tariff, Segment(day, until, tariff.id, tariff.tariff, priced.ceiling_on(day), 0, fixed)


def _offered(asked: Asked, day: date) -> Offered:
    if asked.category != COMMERCIAL:
        return Offered(asked, day)
    try:
        tariff, segment = price_in_force(asked.priced, day)
    except (TariffMissing, PriceAboveCeiling, PriceBasisMismatch, CeilingMissing) as refused:
        # The fields at fault are those of the tariff; what this request named is the offering.
        refused.errors = {f"{asked.field}.offering": [refused.detail]}
        raise
    rating = rate_period([replace(segment, quantity_micro=asked.quantity)])
    return Offered(asked, day, tariff, segment.ceiling, segment.fixed_ceiling, rating)


def _one_basis(items: Sequence[Offered]) -> PriceBasis | None:
    bases = {item.rating.price_basis: item.asked for item in items if item.rating is not None}
    if len(bases) > 1:
        said = "; ".join(f"{asked.priced.named.code} {basis.value}" for basis, asked in bases.items())
        message = f"one contract has one price basis, and these differ: {said}; ask for a quote of each"
        raise PriceBasisMismatch(message, errors={f"{asked.field}.offering": [message] for asked in bases.values()})
    return next(iter(bases), None)


_GRANT_STEP = Step(
    rule="free_use.grant_required",
    text_en="Free use is conditional: it needs an approved free-use grant, which is the contract that its use names",
    text_zh="公益使用有条件无偿：须经批准的无偿使用授权，用量以该授权为合同上报",
    source="中办国办《关于加快公共数据资源开发利用的意见》",
    article="六、七",
)
