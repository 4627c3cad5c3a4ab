"""The ceiling price (上限收费标准) of an offering: what it allows, and the refusal of a price above it.

Source of the rule: Price Notice 二 and 三: the grantor sets the ceiling, and the operator's actual price may
not be above it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

from pricing.errors import Malformed, PriceAboveCeiling, PriceBasisMismatch
from pricing.fees import FeePeriod
from pricing.money import (
    FEN_PER_YUAN,
    MICRO_PER_UNIT,
    PriceBasis,
    format_money,
    format_quantity,
    format_unit_price,
)

if TYPE_CHECKING:
    from pricing.tariff import Tariff


class ChargingForm(StrEnum):
    """What a ceiling counts: products, calls, time, data volume, or periods for the fixed part of a price."""

    ITEM = "item"
    CALL = "call"
    DURATION = "duration"
    VOLUME = "volume"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True)
class Ceiling:
    """A ceiling as the grantor decided it: ``unit_price`` yuan per ``per_quantity`` (millionths of a unit).

    ``effective_from`` and ``effective_until`` are business days, half-open. Raises ``Malformed`` for a
    negative price or a quantity that is not above zero.
    """

    id: str
    decision_no: str
    unit_price: Decimal
    per_quantity: int
    price_basis: PriceBasis
    charging_form: ChargingForm
    effective_from: date
    effective_until: date | None = None

    def __post_init__(self) -> None:
        errors: dict[str, list[str]] = {}
        if self.unit_price < 0:
            errors["unit_price"] = [f"A ceiling is never negative, and this is {self.unit_price}."]
        if self.per_quantity <= 0:
            errors["per_quantity"] = [f"A ceiling is for more than {format_quantity(self.per_quantity)} units."]
        if errors:
            raise Malformed(f"The ceiling of decision {self.decision_no} cannot be read.", errors=errors)

    @property
    def per_unit(self) -> Fraction:
        """The ceiling in yuan for one unit, exact: 0.80 per 1,000 calls is 1/1250."""
        return Fraction(self.unit_price) * MICRO_PER_UNIT / self.per_quantity

    def allows(self, price: Decimal | Fraction) -> bool:
        """Whether ``price`` (yuan for one unit) is not above the ceiling, by exact cross multiplication."""
        return Fraction(price) * self.per_quantity <= Fraction(self.unit_price) * MICRO_PER_UNIT

    def at(self, quantity_micro: int) -> Fraction:
        """Quantity × ceiling in fen, exact."""
        return Fraction(self.unit_price) * FEN_PER_YUAN * quantity_micro / self.per_quantity

    def in_basis(self, price_basis: PriceBasis, vat_rate: Decimal) -> Ceiling:
        """The same ceiling for prices of a tax basis, exact; ``vat_rate`` is a fraction (0.06 for 6 %).

        What was agreed in one basis is still capped when the grantor decides in the other: 1.06 with tax is 1.00
        without, kept in whole numbers as 53.00 per 53 units.

        >>> from datetime import date
        >>> ceiling = Ceiling(
        ...     "c", "D-1", Decimal("1.06"), 10**6, PriceBasis.TAX_INCLUSIVE, ChargingForm.CALL, date(2026, 1, 1)
        ... )
        >>> str(ceiling.in_basis(PriceBasis.TAX_EXCLUSIVE, Decimal("0.06")))
        '53.00 per 53'
        """
        if price_basis is self.price_basis:
            return self
        factor = 1 + Fraction(vat_rate)
        if price_basis is PriceBasis.TAX_EXCLUSIVE:
            factor = 1 / factor
        return replace(
            self,
            unit_price=self.unit_price * factor.numerator,
            per_quantity=self.per_quantity * factor.denominator,
            price_basis=price_basis,
        )

    def __str__(self) -> str:
        return f"{format_unit_price(self.unit_price)} per {format_quantity(self.per_quantity)}"

    def as_wire(self) -> dict[str, str]:
        """The three members by which quotes and bills name a ceiling."""
        return {
            "unit_price": format_unit_price(self.unit_price),
            "per_quantity": format_quantity(self.per_quantity),
            "decision_no": self.decision_no,
        }


@dataclass(frozen=True)
class FixedCeiling:
    """What a ceiling allows for the fixed part of a price: ``per_month`` fen, exact, however it was stated.

    ``stated`` is yuan for one ``period``, as the grantor decided it; ``id`` is the ceiling's.
    """

    id: str
    decision_no: str
    stated: Decimal | Fraction
    period: FeePeriod
    price_basis: PriceBasis

    @property
    def per_month(self) -> Fraction:
        """Fen for one month: a year is exactly twelve."""
        return Fraction(self.stated) * FEN_PER_YUAN / self.period.months

    def limit(self, period: FeePeriod) -> Fraction:
        """Fen for one period, exact."""
        return self.per_month * period.months

    def in_basis(self, price_basis: PriceBasis, vat_rate: Decimal) -> FixedCeiling:
        """The same ceiling for prices of a tax basis, exact; ``vat_rate`` is a fraction."""
        if price_basis is self.price_basis:
            return self
        factor = 1 + Fraction(vat_rate)
        stated = Fraction(self.stated)
        stated = stated * factor if price_basis is PriceBasis.TAX_INCLUSIVE else stated / factor
        return replace(self, stated=stated, price_basis=price_basis)

    def __str__(self) -> str:
        return f"{format_unit_price(self.stated)} a {self.period}"

    def as_wire(self) -> dict[str, str]:
        """The members by which quotes name it."""
        return {
            "price": format_unit_price(self.stated),
            "period": self.period.value,
            "decision_no": self.decision_no,
        }


def strictest(ceilings: Iterable[FixedCeiling]) -> FixedCeiling | None:
    """Return the lowest of the ceilings of a fixed part, all of one tax basis; None of none."""
    return min(ceilings, key=lambda ceiling: (ceiling.per_month, ceiling.id), default=None)


def require_same_basis(tariff: Tariff, ceiling: Ceiling | FixedCeiling) -> None:
    """Refuse, with ``PriceBasisMismatch``, to hold prices of one tax basis against a ceiling of the other."""
    if tariff.price_basis is not ceiling.price_basis:
        raise PriceBasisMismatch(
            f"The prices are {tariff.price_basis} and the ceiling of decision {ceiling.decision_no} is "
            f"{ceiling.price_basis}: state the prices in the ceiling's basis.",
            errors={"price_basis": [f"Must be {ceiling.price_basis}, as the ceiling's."]},
            price_basis=tariff.price_basis.value,
            ceiling_price_basis=ceiling.price_basis.value,
            decision_no=ceiling.decision_no,
        )


@dataclass(frozen=True)
class Above:
    """One price of a tariff that is above its ceiling, and how a refusal names the two; texts are wire text.

    ``value`` is the price in yuan, by which the highest of several is found.
    """

    field: str
    value: Decimal | Fraction
    price: str
    ceiling: str
    unit: str
    per_quantity: str
    decision_no: str
    told: str


def prices_above(
    tariff: Tariff, ceiling: Ceiling | None, fixed: Sequence[FixedCeiling] = (), unit: str | None = None
) -> list[Above]:
    """Return every nominal price of a tariff above the ceilings, in the order of its fields.

    ``unit`` names the product's unit (the charging form, unless given). Only prices for one unit, and the fixed part
    where a ceiling has one, are judged here; what minimums, packages and fees add at low use is relieved when it is
    billed. Raises PriceBasisMismatch.
    """
    if ceiling is not None:
        require_same_basis(tariff, ceiling)
    for limit in fixed if tariff.fixed else ():
        require_same_basis(tariff, limit)
    return [*_unit_prices_above(tariff, ceiling, unit), *_fixed_price_above(tariff, fixed)]


def require_within(
    tariff: Tariff,
    ceiling: Ceiling | None,
    fixed: Sequence[FixedCeiling] = (),
    unit: str | None = None,
    **facts: object,
) -> None:
    """Refuse a tariff of which any price that a buyer can meet is above its ceiling (Price Notice 三).

    ``facts`` are added to those of the refusal, so that the log can say what the price was for; the rest is as in
    ``prices_above``. Raises ``PriceBasisMismatch`` and ``PriceAboveCeiling``; the latter names the highest price that
    is too high and lists the field of each.
    """
    above = prices_above(tariff, ceiling, fixed, unit)
    if not above:
        return
    first = max((each for each in above if each.field != _fixed_field(tariff)), key=_value, default=above[-1])
    raise PriceAboveCeiling(
        f"{first.told}: lower it to the ceiling, or ask the grantor for a new decision.",
        errors={
            each.field: [f"{each.price} is above the ceiling of {each.ceiling} per {_amount(each)}."] for each in above
        },
        price=first.price,
        ceiling=first.ceiling,
        unit=first.unit,
        per_quantity=first.per_quantity,
        decision_no=first.decision_no,
        **facts,
    )


def _amount(above: Above) -> str:
    return f"{above.per_quantity} {above.unit}"


def _value(above: Above) -> Fraction:
    return Fraction(above.value)


def _fixed_field(tariff: Tariff) -> str | None:
    return tariff.fixed.field if tariff.fixed else None


def _unit_prices_above(tariff: Tariff, ceiling: Ceiling | None, unit: str | None) -> Iterator[Above]:
    if ceiling is None:
        return
    unit = unit or ceiling.charging_form.value
    per_quantity = format_quantity(ceiling.per_quantity)
    for field, price in tariff.priced_fields():
        if ceiling.allows(price):
            continue
        scaled = format_unit_price(Fraction(price) * ceiling.per_quantity / MICRO_PER_UNIT)
        yield Above(
            field=field,
            value=price,
            price=format_unit_price(price),
            ceiling=format_unit_price(ceiling.unit_price),
            unit=unit,
            per_quantity=per_quantity,
            decision_no=ceiling.decision_no,
            told=f"The price {format_unit_price(price)} per {unit} ({scaled} per {per_quantity}) is above the ceiling "
            f"of {ceiling} {unit} by decision {ceiling.decision_no}",
        )


def _fixed_price_above(tariff: Tariff, fixed: Sequence[FixedCeiling]) -> Iterator[Above]:
    price, ceiling = tariff.fixed, strictest(fixed)
    if price is None or ceiling is None or price.price <= ceiling.limit(price.period):
        return
    limit = format_unit_price(ceiling.limit(price.period) / FEN_PER_YUAN)
    yield Above(
        field=price.field,
        value=Fraction(price.price, FEN_PER_YUAN),
        price=format_money(price.price),
        ceiling=limit,
        unit=price.period.value,
        per_quantity="1",
        decision_no=ceiling.decision_no,
        told=f"The fixed price {format_money(price.price)} a {price.period} is above the {limit} a {price.period} that "
        f"the ceiling of {ceiling} by decision {ceiling.decision_no} allows",
    )
