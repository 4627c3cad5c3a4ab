"""What an operator charges for an offering: a validated value, read from and written to its wire form.

The exact charge comes from one of the models in ``tariff_models``; the options around it (minimum, discount,
relief) are applied to a whole period by ``rating``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import partial
from typing import Final, TypeVar

from pricing.ceiling import Ceiling, require_same_basis
from pricing.document import TEXT_LENGTH_MAX, Field
from pricing.explanation import FUJIAN_TRIAL, Step
from pricing.fees import FeePeriod, FixedPrice, Proration
from pricing.money import (
    PriceBasis,
    format_exact,
    format_money,
    format_quantity,
    format_rate,
    format_unit_price,
)
from pricing.tariff_models import (
    TIERS_MAX,
    Band,
    BandCharge,
    Faults,
    FlatPeriod,
    Graduated,
    Model,
    ModelName,
    Package,
    PerUnit,
    Tier,
    TwoPart,
    UnitPrice,
    Volume,
    bound_faults,
    package_faults,
    refuse_faults,
)

_HUNDRED_PERCENT: Final = Decimal(100)


class Relief(StrEnum):
    """What is taken off the charge: nothing, a percentage, or all of it (计费不收费)."""

    NONE = "none"
    DISCOUNT = "discount"
    CALCULATED_NOT_COLLECTED = "calculated_not_collected"


class TierPeriod(StrEnum):
    """The period over which tiers, minimums and packages accumulate."""

    MONTH = "month"


@dataclass(frozen=True)
class Tariff:
    """A price version of an offering.

    ``minimum_commitment`` is fen for one ``tier_period``; ``discount_percent`` goes with the relief
    ``discount``, and ``ground`` says for which supported scenario. Raises ``Malformed`` with every fault, by
    field.

    >>> tariff = Tariff(PerUnit(Decimal("0.0004")), PriceBasis.TAX_EXCLUSIVE)
    >>> tariff.charge(10_000 * 10**6)
    Fraction(400, 1)
    """

    model: Model
    price_basis: PriceBasis
    tier_period: TierPeriod = TierPeriod.MONTH
    relief: Relief = Relief.NONE
    discount_percent: Decimal | None = None
    ground: str | None = None
    minimum_commitment: int | None = None

    def __post_init__(self) -> None:
        refuse_faults(_option_faults(self.relief, self.discount_percent, self.ground, self.minimum_commitment))

    @property
    def fixed(self) -> FixedPrice | None:
        """The fixed part of the price; None where use alone is charged."""
        return self.model.fixed

    def charge(self, quantity_micro: int) -> Fraction:
        """The charge for a quantity in fen, exact, before minimum, discount and relief, and without the fixed part."""
        return sum((band.amount for band in self.model.bands(quantity_micro)), Fraction(0))

    def charge_between(self, start_micro: int, end_micro: int) -> list[BandCharge]:
        """T(end) − T(start), band by band: what more use costs where ``start_micro`` has been used before it.

        Where a volume tariff changes the band, the earlier use is taken back at its old price and charged at
        the new one.
        """
        before = {band.price_field: band for band in self.model.bands(start_micro)}
        bands = []
        for band in self.model.bands(end_micro):
            earlier = before.pop(band.price_field, None)
            bands.append(band if earlier is None else band.less(earlier))
        return [band for band in (*(band.taken_back() for band in before.values()), *bands) if band.moves]

    def priced_fields(self) -> list[tuple[str, UnitPrice]]:
        """Each price for one unit that a buyer can meet, with the field that states it; of a package, price ÷ size."""
        return self.model.priced_fields()

    def clipped(self, ceiling: Ceiling) -> Tariff:
        """The tariff as it is billed under a ceiling: each band at the lower of its price and the ceiling.

        Flat fees and minimums stay; what they add above quantity × ceiling is relieved over the whole period.
        Raises ``PriceBasisMismatch``. The result charges; it is not published and has no document where it
        was clipped.
        """
        require_same_basis(self, ceiling)
        return replace(self, model=self.model.clipped(ceiling.per_unit))

    def document(self) -> dict[str, object]:
        """The tariff in wire form, every field present; ``tariff_from_document`` reads it back."""
        discount, minimum = self.discount_percent, self.minimum_commitment
        return {
            "model": self.model.name.value,
            **self.model.document(),
            "price_basis": self.price_basis.value,
            "tier_period": self.tier_period.value,
            "relief": self.relief.value,
            "discount_percent": None if discount is None else format_rate(discount),
            "ground": self.ground,
            "minimum_commitment": None if minimum is None else format_money(minimum),
        }


def band_step(band: BandCharge) -> Step:
    """One band of a charge as a step of its explanation."""
    amount = format_exact(band.amount)
    text_en, text_zh = _band_text(band)
    return Step(
        rule=band.kind.value,
        text_en=f"{text_en} = {amount}",
        text_zh=f"{text_zh} = {amount}",
        inputs=_band_inputs(band),
        amount=amount,
        source=FUJIAN_TRIAL if band.kind is Band.GRADUATED else None,
        article="分档累加" if band.kind is Band.GRADUATED else None,
    )


def _band_inputs(band: BandCharge) -> dict[str, str]:
    inputs = {
        "quantity": format_quantity(band.quantity_micro),
        "unit_price": format_unit_price(band.unit_price),
    }
    if band.kind is Band.PACKAGE:
        inputs["packages"] = str(band.packages)
    if band.kind in (Band.GRADUATED, Band.VOLUME):
        inputs |= {"above": format_quantity(band.lower_micro), "flat_fee": format_money(band.flat_fee)}
        if band.upper_micro is not None:
            inputs["up_to"] = format_quantity(band.upper_micro)
    return inputs


def _band_text(band: BandCharge) -> tuple[str, str]:
    """The reckoning of a band in English and Chinese, without its result."""
    quantity, price = format_quantity(band.quantity_micro), format_unit_price(band.unit_price)
    if band.kind is Band.PACKAGE:
        each = format_exact(band.amount / band.packages) if band.packages else "0.00"
        return (
            f"{quantity} units, packages begun: {band.packages} × {each}",
            f"用量{quantity}，计费包：{band.packages} × {each}",
        )
    if band.kind is Band.INCLUDED:
        return f"{quantity} units, included in the fixed price", f"用量{quantity}，已含于固定收费"
    where_en, where_zh = "", ""
    if band.kind is not Band.UNIT_PRICE:
        lower = format_quantity(band.lower_micro)
        upper = None if band.upper_micro is None else format_quantity(band.upper_micro)
        whole_en, whole_zh = ("All use at the band", "全部用量按") if band.kind is Band.VOLUME else ("Band", "")
        where_en = f"{whole_en} above {lower}{f' up to {upper}' if upper else ''}: "
        where_zh = f"{whole_zh}{lower}以上{f'至{upper}' if upper else ''}的档："
    fee_en, fee_zh = "", ""
    if band.flat_fee:
        fee = format_money(band.flat_fee)
        fee_en, fee_zh = f" + flat fee {fee}", f" + 固定费{fee}"
    return f"{where_en}{quantity} × {price}{fee_en}", f"{where_zh}{quantity} × {price}{fee_zh}"


def _option_faults(
    relief: Relief | None,
    discount_percent: Decimal | None,
    ground: str | None,
    minimum_commitment: int | None,
) -> Faults:
    """The faults of the options; the relief is None where it could not be read."""
    if discount_percent is not None and not 0 < discount_percent <= _HUNDRED_PERCENT:
        yield "discount_percent", f"{format_rate(discount_percent)} is not above 0 and at most 100."
    if relief is Relief.DISCOUNT and discount_percent is None:
        yield "discount_percent", 'The relief "discount" needs its percentage.'
    if relief in (Relief.NONE, Relief.CALCULATED_NOT_COLLECTED) and discount_percent is not None:
        yield "discount_percent", f'A percentage goes with the relief "discount", and here it is "{relief}".'
    if ground is not None and not 1 <= len(ground.strip()) <= TEXT_LENGTH_MAX:
        yield "ground", f"A ground has 1 to {TEXT_LENGTH_MAX} characters."
    if minimum_commitment is not None and minimum_commitment < 0:
        yield "minimum_commitment", f"A minimum is never negative: {format_money(minimum_commitment)}."


_Fields = Mapping[str, Field]
_Value = TypeVar("_Value")

_REQUIRED: Final = ("price_basis",)
_OPTIONAL: Final = ("model", "tier_period", "relief", "discount_percent", "ground", "minimum_commitment")


def tariff_from_document(document: Mapping[str, object]) -> Tariff:
    """Read a tariff from its wire form: ``model`` with its fields, ``price_basis``, and the options.

    Raises ``Malformed`` with all faults at once, each under its field's path (``tiers.1.up_to``).

    >>> document = {"model": "per_unit", "unit_price": "0.50", "price_basis": "tax_exclusive"}
    >>> tariff_from_document(document).model
    PerUnit(unit_price=Decimal('0.50'))
    """
    root = Field(document)
    model_field = root.child("model")
    name = model_field.choice(ModelName)
    if model_field.has_fault():
        # Which other fields belong here hangs on the model; what every tariff has is judged all the same.
        of_any_model = (field for fields, _ in _MODELS.values() for field in fields)
        _read_options(root.fields(_REQUIRED, (*_OPTIONAL, "proration", *of_any_model)))
        root.finish("the tariff")
    model_fields, read_model = _MODELS[name]
    options = (*_OPTIONAL, "proration") if "period" in model_fields else _OPTIONAL
    fields = root.fields((*_REQUIRED, *model_fields), options)
    make_tariff = _read_options(fields)
    make_model = read_model(fields)
    root.finish("the tariff")
    return make_tariff(make_model())


def _read_options(fields: _Fields) -> Callable[[Model], Tariff]:
    """What makes a tariff of a model with these options, once no fault was found."""
    relief_field = fields["relief"]
    relief = Relief.NONE if relief_field.value is None else relief_field.choice(Relief)
    tier_period = _optional(fields["tier_period"], lambda field: field.choice(TierPeriod)) or TierPeriod.MONTH
    discount_percent = _optional(fields["discount_percent"], Field.percent)
    ground = _optional(fields["ground"], Field.text)
    minimum_commitment = _optional(fields["minimum_commitment"], Field.money)
    readable_relief = None if relief_field.has_fault() else relief
    _keep(fields, _option_faults(readable_relief, discount_percent, ground, minimum_commitment))
    return partial(
        Tariff,
        price_basis=fields["price_basis"].choice(PriceBasis),
        tier_period=tier_period,
        relief=relief,
        discount_percent=discount_percent,
        ground=ground,
        minimum_commitment=minimum_commitment,
    )


def _optional(field: Field, read: Callable[[Field], _Value]) -> _Value | None:
    return None if field.value is None else read(field)


def _keep(fields: _Fields, faults: Faults) -> None:
    """Keep faults at their fields, but for a field that could not even be read."""
    unreadable = {name for name, field in fields.items() if field.has_fault()}
    for name, message in faults:
        if name not in unreadable:
            fields[name].fault(message)


def _read_per_unit(fields: _Fields) -> Callable[[], Model]:
    return partial(PerUnit, fields["unit_price"].unit_price())


def _read_package(fields: _Fields) -> Callable[[], Model]:
    size_micro, price = fields["package_size"].quantity(), fields["package_price"].money()
    _keep(fields, package_faults(size_micro, price))
    return partial(Package, size_micro, price)


def _read_flat_period(fields: _Fields) -> Callable[[], Model]:
    period, proration, price = fields["period"].choice(FeePeriod), _read_proration(fields), fields["price"].money()
    return partial(FlatPeriod, period, price, proration)


def _read_two_part(fields: _Fields) -> Callable[[], Model]:
    period, proration = fields["period"].choice(FeePeriod), _read_proration(fields)
    base_price, unit_price = fields["base_price"].money(), fields["unit_price"].unit_price()
    return partial(TwoPart, period, base_price, unit_price, proration)


def _read_proration(fields: _Fields) -> Proration:
    return _optional(fields["proration"], lambda field: field.choice(Proration)) or Proration.BY_DAY


def _read_graduated(fields: _Fields) -> Callable[[], Model]:
    return partial(Graduated, _read_tiers(fields["tiers"]))


def _read_volume(fields: _Fields) -> Callable[[], Model]:
    return partial(Volume, _read_tiers(fields["tiers"]))


def _read_tiers(field: Field) -> tuple[Tier, ...]:
    rows = [row.fields(("unit_price",), ("up_to", "flat_fee")) for row in field.items(1, TIERS_MAX)]
    tiers = tuple(_read_tier(row) for row in rows)
    if tiers:
        bounds = {f"tiers.{index}.up_to": row["up_to"] for index, row in enumerate(rows)}
        _keep(bounds, bound_faults([tier.up_to for tier in tiers]))
    return tiers


def _read_tier(fields: _Fields) -> Tier:
    return Tier(
        up_to=_optional(fields["up_to"], Field.quantity),
        unit_price=fields["unit_price"].unit_price(),
        flat_fee=_optional(fields["flat_fee"], Field.money) or 0,
    )


_MODELS: Final[Mapping[ModelName, tuple[tuple[str, ...], Callable[[_Fields], Callable[[], Model]]]]] = {
    ModelName.PER_UNIT: (("unit_price",), _read_per_unit),
    ModelName.GRADUATED: (("tiers",), _read_graduated),
    ModelName.VOLUME: (("tiers",), _read_volume),
    ModelName.PACKAGE: (("package_size", "package_price"), _read_package),
    ModelName.FLAT_PERIOD: (("period", "price"), _read_flat_period),
    ModelName.TWO_PART: (("period", "base_price", "unit_price"), _read_two_part),
}
