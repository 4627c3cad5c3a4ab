"""The ways to charge: six models, each an exact charge of any quantity, band by band, and a fixed part if it has one.

``per_unit`` has one price; ``graduated`` charges each band at its own price (分档累加, Fujian Trial);
``volume`` charges the whole quantity at the price of the band that it ends in; ``package`` charges whole
packages. ``flat_period`` has a fixed price for a month or year, whatever is used; ``two_part`` a fixed price and one
for every unit. The bound of a tier belongs to the tier: with ``up_to`` 100 the hundredth unit is still in it, and 100.5
units are in the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import ClassVar, Final

from pricing.errors import Malformed
from pricing.fees import FeePeriod, FixedPrice, Proration
from pricing.money import FEN_PER_YUAN, MICRO_PER_UNIT, format_money, format_quantity, format_unit_price

TIERS_MAX: Final = 100

UnitPrice = Decimal | Fraction
"""Yuan for one unit: as published a ``Decimal``; a ``Fraction`` where a package or a ceiling divides it."""

Faults = Iterator[tuple[str, str]]
"""Pairs of a field's path and what is wrong there."""


class ModelName(StrEnum):
    """The models by their name on the wire."""

    PER_UNIT = "per_unit"
    GRADUATED = "graduated"
    VOLUME = "volume"
    PACKAGE = "package"
    FLAT_PERIOD = "flat_period"
    TWO_PART = "two_part"


class Band(StrEnum):
    """How a part of a charge was reckoned; the value is the rule of its step."""

    UNIT_PRICE = "tariff.unit_price"
    GRADUATED = "tariff.graduated_band"
    VOLUME = "tariff.volume_band"
    PACKAGE = "tariff.package"
    INCLUDED = "tariff.included_use"


@dataclass(frozen=True)
class BandCharge:
    """What one price of a tariff contributes to a charge.

    ``price_field`` is the field that states the price (``tiers.1.unit_price``). In the difference of two
    charges quantity, flat fee (fen), packages and amount (fen, exact) are differences too, and may be
    negative.
    """

    kind: Band
    price_field: str
    unit_price: UnitPrice
    quantity_micro: int
    amount: Fraction
    flat_fee: int = 0
    lower_micro: int = 0
    upper_micro: int | None = None
    packages: int = 0

    @property
    def moves(self) -> bool:
        """Whether there is anything in it: use, a fee, or packages."""
        return bool(self.quantity_micro or self.flat_fee or self.packages)

    def less(self, other: BandCharge) -> BandCharge:
        """What is left of the charge without what ``other``, of the same band, had of it."""
        return replace(
            self,
            quantity_micro=self.quantity_micro - other.quantity_micro,
            amount=self.amount - other.amount,
            flat_fee=self.flat_fee - other.flat_fee,
            packages=self.packages - other.packages,
        )

    def taken_back(self) -> BandCharge:
        """The same charge with the other sign."""
        return replace(self, quantity_micro=0, amount=Fraction(0), flat_fee=0, packages=0).less(self)


@dataclass(frozen=True)
class Tier:
    """A band that ends with ``up_to`` (millionths of a unit, inclusive; None: open); its fee is in fen."""

    up_to: int | None
    unit_price: UnitPrice
    flat_fee: int = 0

    def charge(self, kind: Band, index: int, lower_micro: int, quantity_micro: int) -> BandCharge:
        """``quantity_micro`` at the price of this tier, the one at ``index``, plus its flat fee."""
        return BandCharge(
            kind=kind,
            price_field=f"tiers.{index}.unit_price",
            unit_price=self.unit_price,
            quantity_micro=quantity_micro,
            amount=_at_price(self.unit_price, quantity_micro) + self.flat_fee,
            flat_fee=self.flat_fee,
            lower_micro=lower_micro,
            upper_micro=self.up_to,
        )

    def document(self) -> dict[str, object]:
        """The tier in wire form."""
        return {
            "up_to": None if self.up_to is None else format_quantity(self.up_to),
            "unit_price": _published(self.unit_price),
            "flat_fee": format_money(self.flat_fee),
        }


class _WithoutFee:
    """What models have in common that charge for use alone."""

    @property
    def fixed(self) -> FixedPrice | None:
        """The fixed part: none."""
        return None


@dataclass(frozen=True)
class PerUnit(_WithoutFee):
    """One price for every unit. Raises ``Malformed`` where it is negative."""

    name: ClassVar[ModelName] = ModelName.PER_UNIT

    unit_price: UnitPrice

    def __post_init__(self) -> None:
        refuse_faults(_price_fault("unit_price", self.unit_price))

    def bands(self, quantity_micro: int) -> list[BandCharge]:
        """The charge for a quantity, in one part."""
        amount = _at_price(self.unit_price, quantity_micro)
        return [BandCharge(Band.UNIT_PRICE, "unit_price", self.unit_price, quantity_micro, amount)]

    def priced_fields(self) -> list[tuple[str, UnitPrice]]:
        """The one price."""
        return [("unit_price", self.unit_price)]

    def clipped(self, limit: Fraction) -> PerUnit:
        """The model at the lower of its price and ``limit``."""
        return PerUnit(min(self.unit_price, limit))

    def document(self) -> dict[str, object]:
        """The model's fields in wire form."""
        return {"unit_price": _published(self.unit_price)}


@dataclass(frozen=True)
class _Tiered(_WithoutFee):
    """What graduated and volume have in common: ascending tiers, the last one open. Raises ``Malformed``."""

    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        refuse_faults(_tier_faults(self.tiers))

    def priced_fields(self) -> list[tuple[str, UnitPrice]]:
        """The price of each tier."""
        return [(f"tiers.{index}.unit_price", tier.unit_price) for index, tier in enumerate(self.tiers)]

    def document(self) -> dict[str, object]:
        """The model's fields in wire form."""
        return {"tiers": [tier.document() for tier in self.tiers]}

    def _clipped_tiers(self, limit: Fraction) -> tuple[Tier, ...]:
        return tuple(replace(tier, unit_price=min(tier.unit_price, limit)) for tier in self.tiers)

    def _reached(self, quantity_micro: int) -> Iterator[tuple[int, int, Tier]]:
        """Each tier that a quantity enters: its index, the bound that it begins above, and itself."""
        lower_micro = 0
        for index, tier in enumerate(self.tiers):
            if quantity_micro <= lower_micro:
                return
            yield index, lower_micro, tier
            lower_micro = quantity_micro if tier.up_to is None else tier.up_to


@dataclass(frozen=True)
class Graduated(_Tiered):
    """Each band at its own price; a tier's flat fee is charged once, when use enters the tier."""

    name: ClassVar[ModelName] = ModelName.GRADUATED

    def bands(self, quantity_micro: int) -> list[BandCharge]:
        """The charge for a quantity, one part for each tier that it enters."""
        return [
            tier.charge(
                Band.GRADUATED,
                index,
                lower_micro,
                (quantity_micro if tier.up_to is None else min(quantity_micro, tier.up_to)) - lower_micro,
            )
            for index, lower_micro, tier in self._reached(quantity_micro)
        ]

    def clipped(self, limit: Fraction) -> Graduated:
        """The model with each tier at the lower of its price and ``limit``."""
        return Graduated(self._clipped_tiers(limit))


@dataclass(frozen=True)
class Volume(_Tiered):
    """The whole quantity at the price and flat fee of the tier that it ends in."""

    name: ClassVar[ModelName] = ModelName.VOLUME

    def bands(self, quantity_micro: int) -> list[BandCharge]:
        """The charge for a quantity, in one part; none without use."""
        last = list(self._reached(quantity_micro))[-1:]
        return [tier.charge(Band.VOLUME, index, lower_micro, quantity_micro) for index, lower_micro, tier in last]

    def clipped(self, limit: Fraction) -> Volume:
        """The model with each tier at the lower of its price and ``limit``."""
        return Volume(self._clipped_tiers(limit))


@dataclass(frozen=True)
class Package(_WithoutFee):
    """Whole packages of ``size_micro`` (millionths of a unit) at ``price`` (fen); a package begun is charged.

    Raises ``Malformed`` where the size is not above zero or the price is negative.
    """

    name: ClassVar[ModelName] = ModelName.PACKAGE

    size_micro: int
    price: int | Fraction

    def __post_init__(self) -> None:
        refuse_faults(package_faults(self.size_micro, self.price))

    @property
    def unit_price(self) -> Fraction:
        """Price ÷ size, in yuan for one unit."""
        return Fraction(self.price) * MICRO_PER_UNIT / (FEN_PER_YUAN * self.size_micro)

    def bands(self, quantity_micro: int) -> list[BandCharge]:
        """The charge for a quantity, in one part."""
        packages = -(-quantity_micro // self.size_micro)
        return [
            BandCharge(
                kind=Band.PACKAGE,
                price_field="package_price",
                unit_price=self.unit_price,
                quantity_micro=quantity_micro,
                amount=Fraction(packages * self.price),
                packages=packages,
            )
        ]

    def priced_fields(self) -> list[tuple[str, UnitPrice]]:
        """The one price, for one unit."""
        return [("package_price", self.unit_price)]

    def clipped(self, limit: Fraction) -> Package:
        """The model at the lower of its price and ``limit`` for each unit of the package."""
        return replace(self, price=min(self.price, limit * FEN_PER_YUAN * self.size_micro / MICRO_PER_UNIT))

    def document(self) -> dict[str, object]:
        """The model's fields in wire form."""
        if isinstance(self.price, Fraction):
            raise _clipped_price(self.price)
        return {"package_size": format_quantity(self.size_micro), "package_price": format_money(self.price)}


@dataclass(frozen=True)
class FlatPeriod:
    """A fixed price (fen) for each month or year, use included. Raises ``Malformed`` where it is negative."""

    name: ClassVar[ModelName] = ModelName.FLAT_PERIOD

    period: FeePeriod
    price: int
    proration: Proration = Proration.BY_DAY

    def __post_init__(self) -> None:
        refuse_faults(fee_faults("price", self.price))

    @property
    def fixed(self) -> FixedPrice:
        """The fixed part, which is all of it."""
        return FixedPrice("price", self.price, self.period, self.proration)

    def bands(self, quantity_micro: int) -> list[BandCharge]:
        """The charge for a quantity: nothing, in one part."""
        return [BandCharge(Band.INCLUDED, "price", Decimal(0), quantity_micro, Fraction(0))]

    def priced_fields(self) -> list[tuple[str, UnitPrice]]:
        """No unit has a price."""
        return []

    def clipped(self, _limit: Fraction) -> FlatPeriod:
        """The model itself: there is no price for a unit to lower."""
        return self

    def document(self) -> dict[str, object]:
        """The model's fields in wire form."""
        return {
            "period": self.period.value,
            "price": format_money(self.price),
            "proration": self.proration.value,
        }


@dataclass(frozen=True)
class TwoPart:
    """A fixed price (fen) for each month or year, and one price for every unit. Raises ``Malformed``."""

    name: ClassVar[ModelName] = ModelName.TWO_PART

    period: FeePeriod
    base_price: int
    unit_price: UnitPrice
    proration: Proration = Proration.BY_DAY

    def __post_init__(self) -> None:
        refuse_faults(_two_part_faults(self.base_price, self.unit_price))

    @property
    def fixed(self) -> FixedPrice:
        """The fixed part."""
        return FixedPrice("base_price", self.base_price, self.period, self.proration)

    def bands(self, quantity_micro: int) -> list[BandCharge]:
        """The charge for a quantity, in one part, without the fixed one."""
        return PerUnit(self.unit_price).bands(quantity_micro)

    def priced_fields(self) -> list[tuple[str, UnitPrice]]:
        """The price for one unit."""
        return [("unit_price", self.unit_price)]

    def clipped(self, limit: Fraction) -> TwoPart:
        """The model with its unit price at the lower of it and ``limit``."""
        return replace(self, unit_price=min(self.unit_price, limit))

    def document(self) -> dict[str, object]:
        """The model's fields in wire form."""
        return {
            "period": self.period.value,
            "base_price": format_money(self.base_price),
            "unit_price": _published(self.unit_price),
            "proration": self.proration.value,
        }


Model = PerUnit | Graduated | Volume | Package | FlatPeriod | TwoPart


def _at_price(price: UnitPrice, quantity_micro: int) -> Fraction:
    """Quantity × price in fen, exact."""
    numerator, denominator = price.as_integer_ratio()
    return Fraction(numerator * FEN_PER_YUAN * quantity_micro, denominator * MICRO_PER_UNIT)


def _published(price: UnitPrice) -> str:
    if isinstance(price, Fraction):
        raise _clipped_price(price)
    return format_unit_price(price)


def _clipped_price(price: Fraction) -> TypeError:
    return TypeError(f"{price} is a price clipped to a ceiling: it charges, but no document states it")


def refuse_faults(faults: Faults) -> None:
    """Raise one ``Malformed`` that carries all faults by field, where there are any."""
    errors: dict[str, list[str]] = {}
    for name, message in faults:
        errors.setdefault(name, []).append(message)
    if errors:
        told = "; ".join(f"{name}: {message}" for name, messages in errors.items() for message in messages)
        raise Malformed(f"The tariff cannot be read. {told}", errors=errors)


def _price_fault(name: str, price: UnitPrice) -> Faults:
    if price < 0:
        yield name, f"A price is never negative, and here it is {format_unit_price(price)}."


def package_faults(size_micro: int, price: int | Fraction) -> Faults:
    """The faults of a package."""
    if size_micro <= 0:
        yield "package_size", "A package holds more than 0 units."
    if price < 0:
        yield "package_price", "A price is never negative."


def fee_faults(name: str, price: int) -> Faults:
    """The faults of a fixed price, in fen."""
    if price < 0:
        yield name, f"A price is never negative, and here it is {format_money(price)}."


def _two_part_faults(base_price: int, unit_price: UnitPrice) -> Faults:
    yield from fee_faults("base_price", base_price)
    yield from _price_fault("unit_price", unit_price)


def _tier_faults(tiers: Sequence[Tier]) -> Faults:
    yield from bound_faults([tier.up_to for tier in tiers])
    for index, tier in enumerate(tiers):
        yield from _price_fault(f"tiers.{index}.unit_price", tier.unit_price)
        if tier.flat_fee < 0:
            yield f"tiers.{index}.flat_fee", f"A flat fee is never negative: {format_money(tier.flat_fee)}."


def bound_faults(bounds: Sequence[int | None]) -> Faults:
    """The faults of the bounds of tiers, in their order."""
    if not 1 <= len(bounds) <= TIERS_MAX:
        yield "tiers", f"A tariff has 1 to {TIERS_MAX} tiers, and this one has {len(bounds)}."
    reached = 0
    for index, up_to in enumerate(bounds):
        name = f"tiers.{index}.up_to"
        if up_to is None:
            if index < len(bounds) - 1:
                yield name, "Only the last tier is open (null): say where this one ends."
            continue
        if index == len(bounds) - 1:
            yield name, "The last tier must be open (null), so that every quantity has a price."
        if up_to <= reached:
            begins = format_quantity(reached)
            yield name, f"{format_quantity(up_to)} must be above {begins}, where this tier begins."
        reached = max(reached, up_to)
